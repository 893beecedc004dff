"""Drift, collisions and the iterations that join them."""

from pbte.transport.compiled import keep_compiled_apart

keep_compiled_apart()
