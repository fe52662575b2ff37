"""The bundle: what leaves training and what serving loads."""
