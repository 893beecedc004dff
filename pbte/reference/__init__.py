"""Models with known solutions, beside the solver: NumPy and SciPy only, no mesh."""
