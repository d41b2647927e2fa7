"""Benchmarks: one contender a file, a fresh process each. Run ``python -m benchmarks``."""
