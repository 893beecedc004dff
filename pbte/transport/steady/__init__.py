"""Steady states: source iteration with Krylov and diffusion synthetic acceleration."""
