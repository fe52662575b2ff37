"""The heavy half of each task: what it needs of a table, how a model is evaluated, what its report tells."""
