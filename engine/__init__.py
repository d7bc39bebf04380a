"""Fovea's engine: learning, measuring and explaining image classifiers. It knows no Qt and no screen."""
