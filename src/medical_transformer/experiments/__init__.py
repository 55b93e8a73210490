"""Whole jobs, one typed value each."""
