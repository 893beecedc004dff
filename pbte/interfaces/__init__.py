"""Flux matrices of walls and interfaces: how outgoing modes become incoming ones (NumPy only)."""
