"""The heavy half of each task: what it needs of a table, how a model is judged, what its report tells."""
