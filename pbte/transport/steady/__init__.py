"""The steady state: accelerated source iteration."""
