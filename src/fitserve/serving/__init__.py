"""Step 5: the prediction service."""
