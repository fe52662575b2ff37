"""Step 3: fit, search, export."""
