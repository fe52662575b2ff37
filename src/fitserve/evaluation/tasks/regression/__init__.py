"""Regression in training and evaluation."""

from fitserve.evaluation.tasks.regression.evaluation import RegressionEvaluation

__all__ = ["RegressionEvaluation"]
