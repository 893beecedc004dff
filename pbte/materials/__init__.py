"""Mode tables, collision kernels and where they come from (NumPy only)."""
