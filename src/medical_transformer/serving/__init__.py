"""A trained model answering on raw scans."""
