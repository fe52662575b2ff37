"""Scores of the predicted class, all taken from one confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer]
Counts = NDArray[np.int64]


def confusion_matrix(truth: Integers, predicted: Integers, n_classes: int) -> Counts:
    """How many rows of each true class were predicted to be each class.

    Args:
        truth: shape (n,), class indexes 0..k-1, or -1 for a label that the model does not know.
        predicted: shape (n,), class indexes 0..k-1.
        n_classes: k.

    Returns:
        Shape (k + 1, k); row i counts true class i, and the last row, [-1], the unknown labels.

    Raises:
        ValueError: shapes that differ, or an index out of range.

    """
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(f"truth {truth.shape} and predicted {predicted.shape} must have one shape (n,)")
    if truth.size and not (
        truth.min() >= -1 and predicted.min() >= 0 and max(truth.max(), predicted.max()) < n_classes
    ):
        raise ValueError(f"class indexes must lie in 0..{n_classes - 1}; truth may also be -1")
    rows = np.where(truth < 0, n_classes, truth.astype(np.intp))
    cells = np.bincount(rows * n_classes + predicted, minlength=(n_classes + 1) * n_classes)
    return cells.astype(np.int64, copy=False).reshape(n_classes + 1, n_classes)


def accuracy(matrix: Counts) -> float | None:
    """Share of rows predicted right.

    Args:
        matrix: shape (k + 1, k), from :func:`confusion_matrix`.

    Returns:
        0 to 1; None without rows.

    """
    total = int(matrix.sum())
    return int(np.trace(matrix)) / total if total else None


def balanced_accuracy(matrix: Counts) -> float | None:
    """Mean recall over the classes that occur in the truth.

    Brodersen et al. (2010), "The balanced accuracy and its posterior distribution", ICPR. Unknown
    labels together are one such class, of recall 0.

    Args:
        matrix: shape (k + 1, k), from :func:`confusion_matrix`.

    Returns:
        0 to 1; None without rows.

    """
    hits, actual, _ = _class_counts(matrix)
    occurs = actual > 0
    return float((hits[occurs] / actual[occurs]).mean()) if occurs.any() else None


def matthews_corrcoef(matrix: Counts) -> float | None:
    """Correlation between true and predicted class.

    Matthews (1975), Biochimica et Biophysica Acta 405; for several classes Gorodkin (2004),
    Computational Biology and Chemistry 28.

    Args:
        matrix: shape (k + 1, k), from :func:`confusion_matrix`.

    Returns:
        -1 to 1; 0 when truth or prediction is constant; None without rows.

    """
    hits, actual, predicted = _class_counts(matrix)
    total = int(actual.sum())
    if not total:
        return None
    covariance = int(hits.sum()) * total - int(actual @ predicted)
    spread = (total**2 - int(actual @ actual)) * (total**2 - int(predicted @ predicted))
    return covariance / math.sqrt(spread) if spread else 0.0


def precision(matrix: Counts, positive: int | None = None) -> float | None:
    """Share of the rows predicted to be a class that are of it; 0 when none is predicted.

    Args:
        matrix: shape (k + 1, k), from :func:`confusion_matrix`.
        positive: the class; not given, the mean over the classes that occur in truth or prediction.

    Returns:
        0 to 1; None without rows.

    """
    hits, _, predicted = _class_counts(matrix)
    return _of_class(matrix, hits, predicted, positive)


def recall(matrix: Counts, positive: int | None = None) -> float | None:
    """Share of the rows of a class that are predicted to be of it; 0 when there is none.

    Args:
        matrix: shape (k + 1, k), from :func:`confusion_matrix`.
        positive: the class; not given, the mean over the classes that occur in truth or prediction.

    Returns:
        0 to 1; None without rows.

    """
    hits, actual, _ = _class_counts(matrix)
    return _of_class(matrix, hits, actual, positive)


def f1(matrix: Counts, positive: int | None = None) -> float | None:
    """Harmonic mean of precision and recall; 0 when the class occurs in neither truth nor prediction.

    van Rijsbergen (1979), "Information Retrieval".

    Args:
        matrix: shape (k + 1, k), from :func:`confusion_matrix`.
        positive: the class; not given, the mean over the classes that occur in truth or prediction.

    Returns:
        0 to 1; None without rows.

    """
    hits, actual, predicted = _class_counts(matrix)
    return _of_class(matrix, 2 * hits, actual + predicted, positive)


def mean_of(values: Iterable[float | None]) -> float | None:
    """The mean of the defined values; None if there is none."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None


def _class_counts(matrix: Counts) -> tuple[Counts, Counts, Counts]:
    """Rows predicted right, true rows and predicted rows of each class and of the unknown labels."""
    return np.append(np.diagonal(matrix), 0), matrix.sum(axis=1), np.append(matrix.sum(axis=0), 0)


def _of_class(matrix: Counts, numerator: Counts, denominator: Counts, positive: int | None) -> float | None:
    _, actual, predicted = _class_counts(matrix)
    occurs = actual + predicted > 0
    if not occurs.any():
        return None
    ratios = numerator / np.maximum(denominator, 1)
    return float(ratios[occurs].mean() if positive is None else ratios[positive])
