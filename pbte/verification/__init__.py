"""Known answers and benchmarks."""
