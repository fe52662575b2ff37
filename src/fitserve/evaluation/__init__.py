"""Step 4: evaluate a model on rows that it has not seen."""
