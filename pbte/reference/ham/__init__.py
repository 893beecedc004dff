"""Fourier's law from Schroedinger dynamics: the harmonic chain with stochastic reservoirs."""
