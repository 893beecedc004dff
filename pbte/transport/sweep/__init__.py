"""Upwind sweeps: kernels, sweep order, pipelines over mesh parts."""
