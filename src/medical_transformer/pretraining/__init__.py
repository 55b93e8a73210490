"""Teaching a backbone without labels."""
