"""One look at a table, for programs, for the terminal and as a page."""
