"""Pages with charts that open anywhere: one HTML file, everything inside, no network."""
