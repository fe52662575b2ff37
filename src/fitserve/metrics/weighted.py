"""All scores of rows that count several times or not at all: what a bootstrap asks for, hundreds of times.

What does not depend on the weights (sorting, losses of single rows) is computed once. Weights are whole numbers,
int64 of shape (n,); weights of one give the scores of `classification_scores` and `regression_scores`, others those of
the rows repeated so many times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fitserve.metrics.classification import each_score, predicted_class
from fitserve.metrics.confusion import Counts, mean_of
from fitserve.metrics.ranking import Ranking, area, mean_precision, ranking
from fitserve.metrics.regression import next_to_zero

Floats = NDArray[np.float64]
WeightedScores = Callable[[Counts], dict[str, float | None]]


def weighted_classification(
    truth: NDArray[np.integer],
    probabilities: Floats,
    positive: int | None = None,
    *,
    threshold: float = 0.5,
    only: str = "",
) -> WeightedScores:
    """`classification_scores` as a function of weights; the arguments are the same."""
    n_classes = probabilities.shape[1]
    two = n_classes == 2
    chosen = 1 if positive is None else positive
    predicted = predicted_class(probabilities, positive if two else None, threshold=threshold)
    cells = np.where(truth < 0, n_classes, truth) * n_classes + predicted
    known = np.flatnonzero(truth >= 0)
    classes = [chosen] if two else np.unique(truth[known]).tolist()
    surprises, misses = _row_losses(truth[known], probabilities[known], chosen if two else None)

    @cache
    def rankings() -> list[Ranking]:
        return [ranking(truth[known] == index, probabilities[known, index]) for index in classes]

    def ranked(weights: Counts) -> tuple[float | None, float | None]:
        curves = [each.counts(weights) for each in rankings()]
        both = [curve for curve in curves if two or (curve[0][-1] and curve[1][-1])]
        return mean_of(area(*curve) for curve in both), mean_of(mean_precision(*curve) for curve in both)

    def matrix(weights: Counts) -> Counts:
        counted = np.bincount(cells, weights=weights, minlength=(n_classes + 1) * n_classes)
        return np.rint(counted).astype(np.int64).reshape(n_classes + 1, n_classes)

    def scores(weights: Counts) -> dict[str, float | None]:
        own = weights[known]
        each = each_score(
            lambda: ranked(own),
            lambda: _mean(surprises, own),
            lambda: _mean(misses, own),
            lambda: matrix(weights),
            chosen if two else None,
        )
        return {name: score() for name, score in each.items() if only in ("", name)}

    return scores


def weighted_regression(truth: Floats, prediction: Floats, *, only: str = "") -> WeightedScores:
    """`regression_scores` as a function of weights; the arguments are the same. None where a sum overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.abs(truth - prediction)
        squares = np.square(errors)
        relative = errors / np.maximum(np.abs(truth), np.finfo(np.float64).eps)
    order = np.argsort(errors)

    def root_mean_square(weights: Counts) -> float | None:
        mean_square = _mean(squares, weights)
        return None if mean_square is None else math.sqrt(mean_square)

    each: dict[str, Callable[[Counts], float | None]] = {
        "rmse": root_mean_square,
        "mae": lambda weights: _mean(errors, weights),
        "r2": lambda weights: _explained(truth, squares, weights),
        "median_absolute_error": lambda weights: _median(errors[order], weights[order]),
        "mape": lambda weights: _relative(truth, relative, weights),
    }
    chosen = {name: score for name, score in each.items() if only in ("", name)}

    def scores(weights: Counts) -> dict[str, float | None]:
        with np.errstate(over="ignore", invalid="ignore"):
            return {name: score(weights) for name, score in chosen.items()}

    return scores


def _row_losses(truth: NDArray[np.integer], probabilities: Floats, positive: int | None) -> tuple[Floats, Floats]:
    """Log loss and Brier score of single rows of known classes."""
    eps = np.finfo(np.float64).eps
    of_truth = probabilities[np.arange(truth.size), truth]
    surprises = -np.log(np.clip(of_truth, eps, 1 - eps))
    if positive is not None:
        return surprises, np.square(probabilities[:, positive] - (truth == positive))
    return surprises, np.square(probabilities).sum(axis=1) - np.square(of_truth) + np.square(of_truth - 1.0)


def _mean(values: Floats, weights: Counts) -> float | None:
    total = int(weights.sum())
    mean = float(values @ weights) / total if total else math.nan
    return mean if math.isfinite(mean) else None


def _relative(truth: Floats, relative: Floats, weights: Counts) -> float | None:
    """The mean relative error; None where some true value that counts is next to zero."""
    counted = np.repeat(truth, weights)
    return None if not len(counted) or next_to_zero(counted) else _mean(relative, weights)


def _explained(truth: Floats, squares: Floats, weights: Counts) -> float | None:
    total = int(weights.sum())
    if total < 2:
        return None
    spread = float(np.square(truth - float(truth @ weights) / total) @ weights)
    missed = float(squares @ weights)
    constant = len(np.unique(truth[weights > 0])) == 1 if spread < 1e-20 * float(np.square(truth) @ weights) else False
    if missed == 0.0:
        return 1.0
    if constant or spread == 0.0:
        return 0.0
    ratio = missed / spread
    return 1.0 - ratio if math.isfinite(ratio) else None


def _median(ascending: Floats, weights: Counts) -> float | None:
    ends = np.cumsum(weights)
    total = int(ends[-1]) if len(ends) else 0
    if not total:
        return None
    middle = np.searchsorted(ends, [(total - 1) // 2, total // 2], side="right")
    value = float(ascending[middle[0]] / 2 + ascending[middle[1]] / 2)
    return value if math.isfinite(value) else None
