"""Forecasts for fitserve: a task without a target, whose requests are short series and whose answers are lists."""
