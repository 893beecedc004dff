"""Drift, collisions and the iterations that join them."""

from pbte.transport.sweep.compile_cache import keep_compiled_apart

keep_compiled_apart()
