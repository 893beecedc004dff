"""Benchmarks of `pbte bench`: speed of drift and mixing on this machine."""
