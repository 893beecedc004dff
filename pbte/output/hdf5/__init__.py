"""The file results.h5, written and read."""
