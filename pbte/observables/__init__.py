"""What is measured: moments, arrivals, balances and profiles."""
