"""Electrons of a metal beside phonons: the two-temperature model."""
