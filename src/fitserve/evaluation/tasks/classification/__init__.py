"""Classification in training and evaluation."""

from fitserve.evaluation.tasks.classification.evaluation import ClassificationEvaluation

__all__ = ["ClassificationEvaluation"]
