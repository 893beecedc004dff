"""Observables: moments, outgoing currents, balances and profiles."""
