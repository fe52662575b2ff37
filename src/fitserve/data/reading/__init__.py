"""Sources into one table: files, databases and data frames. Nothing is interpreted here."""
