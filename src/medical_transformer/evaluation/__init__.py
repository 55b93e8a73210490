"""Metrics, folds, cross-validation."""
