"""Drift, collisions and the iterations that join them."""
