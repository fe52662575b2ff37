"""How good predicted probabilities are: the scores of scikit-learn 1.9, in numpy alone.

Two conventions hold throughout the module:

* ``truth`` carries class indexes 0..k-1, and -1 for a label that the model does not know. No
  probability was ever given to such a label, so its rows are left out of the scores of the
  probabilities (ROC area, average precision, log loss, Brier). In the scores of the predicted class
  they are one more class that is never predicted: every such row is wrong. scikit-learn answers the
  same when it is given the -1 as a label.
* A score that is not defined for the rows at hand is None: never nan, never a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fitserve.metrics.confusion import (
    Counts,
    Integers,
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    f1,
    matthews_corrcoef,
    mean_of,
    precision,
    recall,
)
from fitserve.metrics.ranking import area, mean_precision, ranking

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Score = float | None

_SLACK = 1e-6
_OF_ALL_CLASSES = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "matthews_corrcoef": matthews_corrcoef,
}
_OF_A_CLASS = {"f1": f1, "precision": precision, "recall": recall}


def classification_scores(
    truth: Integers, probabilities: Floats, positive: int | None = None, *, threshold: float = 0.5, only: str = ""
) -> dict[str, float | None]:
    """All scores of one set of predictions, or one of them.

    Args:
        truth: shape (n,), class indexes 0..k-1, or -1 for a label that the model does not know.
        probabilities: shape (n, k), one column for each class the model knows, rows summing to 1.
            Rows are taken as they are, not renormalised.
        positive: index of the positive class when k is 2; 1 when not given.
        threshold: when k is 2, the least probability of the positive class that predicts it.
            Unused for more classes, where the first of the largest probabilities predicts.
        only: the name of the one score to compute; all where not given.

    Returns:
        ``roc_auc``, ``average_precision``, ``log_loss`` (nats), ``brier``, ``accuracy``,
        ``balanced_accuracy``, ``matthews_corrcoef``; for two classes ``f1``, ``precision`` and
        ``recall`` of the positive class; then ``f1_macro``, ``precision_macro``, ``recall_macro``.
        For more than two classes the first two are those of :func:`roc_auc_ovr` and
        :func:`average_precision_ovr`. All are None when n is 0.

    Raises:
        ValueError: shapes that do not fit together, an index or probability out of range, a
            ``positive`` that is no class of two.

    """
    truth, probabilities = _checked(truth, probabilities)
    n_classes = probabilities.shape[1]
    known_truth, known_probabilities = _known(truth, probabilities)
    classes = [_positive(positive, n_classes)] if n_classes == 2 else _two_sided_classes(known_truth)
    scores = each_score(
        lambda: _ranking_scores(known_truth, known_probabilities, classes),
        lambda: log_loss(known_truth, known_probabilities),
        lambda: brier(known_truth, known_probabilities, positive),
        lambda: confusion_matrix(truth, predicted_class(probabilities, positive, threshold=threshold), n_classes),
        classes[0] if n_classes == 2 else None,
    )
    return {name: score() for name, score in scores.items() if only in ("", name)}


def each_score(
    rankings: Callable[[], tuple[Score, Score]],
    surprise: Callable[[], Score],
    squares: Callable[[], Score],
    matrix: Callable[[], Counts],
    positive: int | None,
) -> dict[str, Callable[[], Score]]:
    """The scores of labels by their names, each computed when called; what several of them need, once.

    Args:
        rankings: gives ROC area and average precision.
        surprise: gives the log loss.
        squares: gives the Brier score.
        matrix: gives the `confusion_matrix`.
        positive: the positive class of two; None for more.

    """
    ranked, counted = cache(rankings), cache(matrix)

    def of_matrix(score: Callable[..., Score], *of: int) -> Callable[[], Score]:
        return lambda: score(counted(), *of)

    scores: dict[str, Callable[[], Score]] = {
        "roc_auc": lambda: ranked()[0],
        "average_precision": lambda: ranked()[1],
        "log_loss": surprise,
        "brier": squares,
    }
    scores |= {name: of_matrix(score) for name, score in _OF_ALL_CLASSES.items()}
    if positive is not None:
        scores |= {name: of_matrix(score, positive) for name, score in _OF_A_CLASS.items()}
    return scores | {f"{name}_macro": of_matrix(score) for name, score in _OF_A_CLASS.items()}


def predicted_class(probabilities: Floats, positive: int | None = None, *, threshold: float = 0.5) -> NDArray[np.intp]:
    """Choose the class that each row of probabilities predicts.

    Args:
        probabilities: shape (n, k), k at least 2.
        positive: index of the positive class when k is 2; 1 when not given.
        threshold: when k is 2, the least probability of the positive class that predicts it.

    Returns:
        Shape (n,). For more than two classes the first of the largest probabilities.

    Raises:
        ValueError: a ``positive`` that is no class of two.

    """
    n_classes = probabilities.shape[1]
    chosen = _positive(positive, n_classes)
    if n_classes > 2:
        largest: NDArray[np.intp] = np.argmax(probabilities, axis=1)
        return largest
    chosen_wins: Bools = probabilities[:, chosen] >= threshold
    return np.where(chosen_wins, np.intp(chosen), np.intp(1 - chosen))


def roc_auc(truth: Bools, score: Floats) -> float | None:
    """Area under the ROC curve: how often a positive row ranks above a negative one, ties counting half.

    Fawcett (2006), "An introduction to ROC analysis", Pattern Recognition Letters 27.

    Args:
        truth: shape (n,), whether the row is positive.
        score: shape (n,), finite, larger for rows held more likely positive.

    Returns:
        0 to 1; None unless there are both positive and negative rows.

    Raises:
        ValueError: shapes that differ, or a score that is not finite.

    """
    return area(*ranking(truth, score).counts())


def roc_auc_ovr(truth: Integers, probabilities: Floats) -> float | None:
    """Mean of the one-vs-rest ROC areas, each class weighing the same.

    The mean runs over the classes that some row has and some row lacks, which makes it
    ``roc_auc_score(multi_class="ovr", average="macro")`` whenever every class occurs. (Hand & Till,
    2001, Machine Learning 45, average over pairs of classes instead.)

    Args:
        truth: shape (n,), class indexes; rows of -1 are left out.
        probabilities: shape (n, k).

    Returns:
        0 to 1; None when fewer than two classes occur.

    Raises:
        ValueError: shapes that do not fit together, an index or probability out of range.

    """
    truth, probabilities = _known(*_checked(truth, probabilities))
    return _ranking_scores(truth, probabilities, _two_sided_classes(truth))[0]


def average_precision(truth: Bools, score: Floats) -> float | None:
    """Precision at each distinct score, weighted by the recall gained there; no interpolation.

    Args:
        truth: shape (n,), whether the row is positive.
        score: shape (n,), finite, larger for rows held more likely positive.

    Returns:
        0 to 1; None without a positive row (scikit-learn warns and says 0).

    Raises:
        ValueError: shapes that differ, or a score that is not finite.

    """
    return mean_precision(*ranking(truth, score).counts())


def average_precision_ovr(truth: Integers, probabilities: Floats) -> float | None:
    """Mean of the one-vs-rest average precisions over the same classes as :func:`roc_auc_ovr`.

    Args:
        truth: shape (n,), class indexes; rows of -1 are left out.
        probabilities: shape (n, k).

    Returns:
        0 to 1; None when fewer than two classes occur.

    Raises:
        ValueError: shapes that do not fit together, an index or probability out of range.

    """
    truth, probabilities = _known(*_checked(truth, probabilities))
    return _ranking_scores(truth, probabilities, _two_sided_classes(truth))[1]


def log_loss(truth: Integers, probabilities: Floats) -> float | None:
    """Mean of -log(probability of the true class), in nats.

    Good (1952), "Rational decisions", JRSS B 14. Probabilities are clipped to [eps, 1 - eps] with the
    eps of float64 and rows are not renormalised, both as in scikit-learn 1.9.

    Args:
        truth: shape (n,), class indexes; rows of -1 are left out.
        probabilities: shape (n, k).

    Returns:
        0 to about 36.04; None without a row of a known class.

    Raises:
        ValueError: shapes that do not fit together, an index or probability out of range.

    """
    truth, probabilities = _known(*_checked(truth, probabilities))
    if not truth.size:
        return None
    eps = np.finfo(np.float64).eps
    of_truth = np.clip(probabilities[np.arange(truth.size), truth], eps, 1 - eps)
    return float(-np.log(of_truth).mean())


def brier(truth: Integers, probabilities: Floats, positive: int | None = None) -> float | None:
    """Mean squared distance between the probabilities and what happened.

    Brier (1950), "Verification of forecasts expressed in terms of probability", Monthly Weather
    Review 78. Two classes: mean of (p_positive - y)², from 0 to 1. More classes: Brier's own form,
    the squares summed over the classes, from 0 to 2 (scikit-learn's ``scale_by_half=False``; its
    default ``"auto"`` chooses the same two forms).

    Args:
        truth: shape (n,), class indexes; rows of -1 are left out.
        probabilities: shape (n, k).
        positive: index of the positive class when k is 2; 1 when not given.

    Returns:
        The score; None without a row of a known class.

    Raises:
        ValueError: shapes that do not fit together, an index or probability out of range, a
            ``positive`` that is no class of two.

    """
    truth, probabilities = _known(*_checked(truth, probabilities))
    n_classes = probabilities.shape[1]
    chosen = _positive(positive, n_classes)
    if not truth.size:
        return None
    if n_classes == 2:
        return float(np.square(probabilities[:, chosen] - (truth == chosen)).mean())
    misses = probabilities.copy()
    misses[np.arange(truth.size), truth] -= 1.0
    return float(np.square(misses, out=misses).sum() / truth.size)


def _checked(truth: Integers, probabilities: Floats) -> tuple[NDArray[np.intp], Floats]:
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if truth.ndim != 1 or probabilities.ndim != 2 or len(truth) != len(probabilities):
        raise ValueError(
            f"truth {truth.shape} and probabilities {probabilities.shape} must be of shapes (n,) and (n, k)"
        )
    if not np.issubdtype(truth.dtype, np.integer):
        raise ValueError(f"truth must be class indexes, not {truth.dtype}")
    n_classes = probabilities.shape[1]
    if n_classes < 2:
        raise ValueError(f"probabilities need a column for each of two or more classes, not {n_classes}")
    if truth.size:
        if not -1 <= truth.min() <= truth.max() < n_classes:
            raise ValueError(f"truth must lie in 0..{n_classes - 1}, or be -1 for an unknown label")
        if not (probabilities.min() >= -_SLACK and probabilities.max() <= 1 + _SLACK):
            raise ValueError("probabilities must lie in 0..1")
    return truth.astype(np.intp, copy=False), probabilities


def _known(truth: NDArray[np.intp], probabilities: Floats) -> tuple[NDArray[np.intp], Floats]:
    known = truth >= 0
    return (truth, probabilities) if known.all() else (truth[known], probabilities[known])


def _positive(positive: int | None, n_classes: int) -> int:
    if positive is None:
        return 1
    if n_classes != 2 or positive not in (0, 1):
        raise ValueError(f"positive must be 0 or 1, and only for two classes: got {positive} of {n_classes}")
    return positive


def _two_sided_classes(truth: NDArray[np.intp]) -> list[int]:
    present = np.flatnonzero(np.bincount(truth)) if truth.size else truth
    return [int(index) for index in present] if present.size > 1 else []


def _ranking_scores(
    truth: NDArray[np.intp], probabilities: Floats, classes: list[int]
) -> tuple[float | None, float | None]:
    """Mean ROC area and average precision of ``classes`` against the rest, from one sort per class."""
    curves = [ranking(truth == index, probabilities[:, index]).counts() for index in classes]
    return mean_of(area(*curve) for curve in curves), mean_of(mean_precision(*curve) for curve in curves)
