"""What the columns of a table are: their kinds, their missing values, the target and its task."""
