"""Judging a run: confusion, accuracy with its interval, per-class figures, calibration."""
