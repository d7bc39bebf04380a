"""Measurements beside their peers: python -m tests.benchmarks."""
