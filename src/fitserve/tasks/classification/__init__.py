"""Classification: one of some labels, with a probability for each."""

from fitserve.tasks.classification.answerer import ClassAnswerer, Classification

__all__ = ["ClassAnswerer", "Classification"]
