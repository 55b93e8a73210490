"""A head, a loss and its scores."""
