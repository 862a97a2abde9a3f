"""Benchmarks: `python -m benchmarks.NAME` measures and prints rows of one table."""
