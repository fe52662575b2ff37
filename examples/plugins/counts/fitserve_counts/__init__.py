"""Counts for fitserve: a task of its own, with a learner."""
