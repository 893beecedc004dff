"""Mode tables, collision kernels, material files and importers (NumPy only)."""
