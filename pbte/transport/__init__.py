"""Phonon transport: sweeps, collisions, and iterations for orders, steady states and time."""

from pbte.transport.sweep.compile_cache import keep_compiled_apart

keep_compiled_apart()
