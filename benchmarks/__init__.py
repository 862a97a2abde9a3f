"""What is measured: `python -m benchmarks.NAME`, one table a benchmark."""
