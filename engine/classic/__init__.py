"""Classifiers that are not trained by gradient."""
