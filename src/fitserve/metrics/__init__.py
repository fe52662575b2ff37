"""Scores of predictions. Which of them a task has, and which one chooses, is the task's own."""

from __future__ import annotations

from dataclasses import dataclass

from fitserve.metrics.classification import (
    average_precision,
    average_precision_ovr,
    brier,
    classification_scores,
    log_loss,
    predicted_class,
    roc_auc,
    roc_auc_ovr,
)
from fitserve.metrics.confusion import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    f1,
    matthews_corrcoef,
    precision,
    recall,
)
from fitserve.metrics.regression import mae, mape, median_absolute_error, r2, regression_scores, rmse

__all__ = [
    "Metric",
    "accuracy",
    "average_precision",
    "average_precision_ovr",
    "balanced_accuracy",
    "brier",
    "classification_scores",
    "confusion_matrix",
    "f1",
    "log_loss",
    "mae",
    "mape",
    "matthews_corrcoef",
    "median_absolute_error",
    "named",
    "precision",
    "predicted_class",
    "r2",
    "recall",
    "regression_scores",
    "rmse",
    "roc_auc",
    "roc_auc_ovr",
]


@dataclass(frozen=True, slots=True)
class Metric:
    """One score: its name, which way is better, and what it says in one line.

    ``worst`` is its value that cannot be undercut, infinite where there is none; ``chinese`` its name in Chinese, empty
    where nobody has given one. A task names its own scores.
    """

    name: str
    greater_is_better: bool
    summary: str
    worst: float
    chinese: str = ""

    def loss(self, value: float) -> float:
        """The value with its sign turned if need be, so that smaller is better."""
        return -value if self.greater_is_better else value

    @property
    def better(self) -> str:
        """Which way is better: higher or lower."""
        return "higher" if self.greater_is_better else "lower"


def named(*metrics: Metric) -> dict[str, Metric]:
    """Some metrics by their names."""
    return {metric.name: metric for metric in metrics}
