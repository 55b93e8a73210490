"""Cutting a volume along three planes; intensity curves; masking."""
