"""Upwind sweeps: compiled kernels, sweep orders, pipelines over mesh parts."""
