"""Making scans comparable: steps, pipeline, quality control, the store."""
