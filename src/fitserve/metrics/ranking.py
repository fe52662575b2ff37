"""Scores of a ranking, from one sort: of the rows as they are, and of rows that count several times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitserve.metrics.confusion import Counts

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows from the highest score to the lowest.

    ``order`` (n,) are row indexes, ``positive`` (n,) says which of them are, in that order; ``ends`` (distinct
    scores,) are the last places of each score.
    """

    order: NDArray[np.intp]
    positive: Bools
    ends: NDArray[np.intp]

    def counts(self, weights: Counts | None = None) -> tuple[Counts, Counts]:
        """True and false positives among the rows at or above each distinct score, highest first.

        ``weights`` (n,) are whole numbers: how often each row counts.
        """
        if weights is None:
            true_positives = np.cumsum(self.positive, dtype=np.int64)[self.ends]
            return true_positives, self.ends + 1 - true_positives
        ranked = weights[self.order]
        true_positives = np.cumsum(ranked * self.positive)[self.ends]
        return true_positives, np.cumsum(ranked)[self.ends] - true_positives


def ranking(truth: Bools, score: Floats) -> Ranking:
    """Sort rows by a score (n,); raises ValueError for shapes that differ and for a score that is not finite."""
    truth, score = np.asarray(truth, dtype=np.bool_), np.asarray(score, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != score.shape:
        raise ValueError(f"truth {truth.shape} and score {score.shape} must have one shape (n,)")
    order = np.argsort(score)[::-1]
    ranked = score[order]
    if not np.isfinite(ranked[[0, -1]] if ranked.size else ranked).all():
        raise ValueError("scores must be finite")
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)[: ranked.size]
    return Ranking(order, truth[order], ends)


def area(true_positives: Counts, false_positives: Counts) -> float | None:
    """The area under the ROC curve of some counts; None unless there are both positive and negative rows."""
    pairs = float(true_positives[-1]) * float(false_positives[-1]) if true_positives.size else 0.0
    if not pairs:
        return None
    heights = np.append(0, true_positives[:-1]) + true_positives
    return float((np.diff(false_positives, prepend=0) * heights).sum() / (2.0 * pairs))


def mean_precision(true_positives: Counts, false_positives: Counts) -> float | None:
    """The average precision of some counts; None without a positive row."""
    positives = int(true_positives[-1]) if true_positives.size else 0
    if not positives:
        return None
    # Rows that count zero times may stand first: nothing has been called positive there yet.
    precisions = true_positives / np.maximum(true_positives + false_positives, 1)
    return float((np.diff(true_positives, prepend=0) * precisions).sum() / positives)
