"""Step 4: judge a model on rows that it has not seen."""
