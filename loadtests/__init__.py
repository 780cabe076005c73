"""Benchmarks: each prints ratios against a named peer that ran beside it."""
