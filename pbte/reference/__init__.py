"""Reference models with closed-form or exact solutions (NumPy and SciPy only, no mesh)."""
