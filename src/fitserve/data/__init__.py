"""Step 1: read, understand and split data."""
