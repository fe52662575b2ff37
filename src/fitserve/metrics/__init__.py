"""Scores of predictions, the table of their names, and which one a task is judged by."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fitserve.errors import SpecError
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
    "METRICS",
    "Metric",
    "accuracy",
    "average_precision",
    "average_precision_ovr",
    "balanced_accuracy",
    "brier",
    "classification_scores",
    "confusion_matrix",
    "default_metric",
    "f1",
    "fitting_metric",
    "log_loss",
    "loss",
    "mae",
    "mape",
    "matthews_corrcoef",
    "median_absolute_error",
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
    """One score: the tasks it is for, which way is better, and what it says in one line.

    ``worst`` is its value that cannot be undercut, infinite where there is none.
    """

    name: str
    tasks: tuple[str, ...]
    greater_is_better: bool
    summary: str
    worst: float


_CLASSIFICATION = ("classification",)
_REGRESSION = ("regression",)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", _CLASSIFICATION, True, "How often a row of the class ranks above one of another.", 0.0),
        Metric("average_precision", _CLASSIFICATION, True, "Precision averaged over the recall it is held at.", 0.0),
        Metric("log_loss", _CLASSIFICATION, False, "Mean surprise at the true class, in nats.", math.inf),
        Metric("brier", _CLASSIFICATION, False, "Mean squared error of the probabilities.", 2.0),
        Metric("accuracy", _CLASSIFICATION, True, "Share of rows predicted right.", 0.0),
        Metric("balanced_accuracy", _CLASSIFICATION, True, "Mean over the classes of their share found.", 0.0),
        Metric("matthews_corrcoef", _CLASSIFICATION, True, "Correlation of true and predicted class.", -1.0),
        Metric("f1", _CLASSIFICATION, True, "Harmonic mean of precision and recall; two classes only.", 0.0),
        Metric("precision", _CLASSIFICATION, True, "Share of called positives that are; two classes only.", 0.0),
        Metric("recall", _CLASSIFICATION, True, "Share of positives that are found; two classes only.", 0.0),
        Metric("f1_macro", _CLASSIFICATION, True, "Mean F1 over the classes.", 0.0),
        Metric("precision_macro", _CLASSIFICATION, True, "Mean precision over the classes.", 0.0),
        Metric("recall_macro", _CLASSIFICATION, True, "Mean recall over the classes.", 0.0),
        Metric("rmse", _REGRESSION, False, "Root of the mean squared error, in the target's unit.", math.inf),
        Metric("mae", _REGRESSION, False, "Mean absolute error, in the target's unit.", math.inf),
        Metric("r2", _REGRESSION, True, "Share of the target's variance that is explained.", -math.inf),
        Metric("median_absolute_error", _REGRESSION, False, "Median absolute error, in the target's unit.", math.inf),
        Metric(
            "mape",
            _REGRESSION,
            False,
            "Mean error relative to the truth, a fraction; not where it is 0.",
            math.inf,
        ),
    )
}


def default_metric(task: str, n_classes: int, *, few: bool = False) -> str:
    """Name of the metric that judges a task when the user names none.

    Args:
        task: ``"classification"`` or ``"regression"``.
        n_classes: number of classes; any number for a regression.
        few: whether there are too few rows for a test part. A ranking of so few rows says little, and says nothing of
            probabilities that are far off.

    Returns:
        ``"roc_auc"`` for two classes, ``"log_loss"`` for more or for few rows, ``"rmse"`` for a regression.

    Raises:
        SpecError: a task of another name.

    """
    if task == "regression":
        return "rmse"
    if task == "classification":
        return "log_loss" if n_classes > 2 or few else "roc_auc"
    raise SpecError(f"no task is called {task!r}; use 'classification' or 'regression'")


def fitting_metric(name: str, task: str, n_classes: int) -> tuple[str, str]:
    """The metric that a user means by a name, and what to tell them of it: "" where it is the one they named.

    Args:
        name: a key of ``METRICS``.
        task: ``"classification"`` or ``"regression"``.
        n_classes: number of classes; any number for a regression.

    Raises:
        SpecError: the metric is for another task; those of this one are offered.

    """
    if task not in METRICS[name].tasks:
        offered = ", ".join(metric.name for metric in METRICS.values() if task in metric.tasks)
        raise SpecError(f"{name} does not score a {task}; choose from {offered}, or leave --metric out")
    several = f"{name}_macro"
    if n_classes > 2 and several in METRICS:
        return several, f"{name} is for two labels, and there are {n_classes}: {several}, the mean over them, chooses"
    return name, ""


def loss(name: str, value: float) -> float:
    """Turn the sign of a metric's value if need be, so that smaller is better.

    Args:
        name: a key of ``METRICS``.
        value: what the metric says, in its own unit.

    Raises:
        SpecError: a metric of another name.

    """
    metric = METRICS.get(name)
    if metric is None:
        raise SpecError(f"no metric is called {name!r}; use one of {', '.join(METRICS)}")
    return -value if metric.greater_is_better else value
