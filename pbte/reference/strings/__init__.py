"""Kapitza conductance of joined harmonic strings."""
