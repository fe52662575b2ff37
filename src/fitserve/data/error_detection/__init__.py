"""Cells that are probably wrong, found from the table alone, as the literature on data cleaning has it."""
