"""Regression: one number."""

from fitserve.tasks.regression.answerer import NumberAnswerer, Regression

__all__ = ["NumberAnswerer", "Regression"]
