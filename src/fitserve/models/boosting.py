"""What the boosters share: when to stop, which labels a fit has seen, and a fitted record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from fitserve.features.arrays import Arrays
from fitserve.models.base import Context, Exported, Shape
from fitserve.models.graph import Trees, export_trees
from fitserve.models.text_projection import tree_matrix

MOST_ROUNDS, PATIENCE, ROUNDS_UNWATCHED = 1000, 50, 200
# The score of a label without a training row, beside scores around 0: a probability of e^-50.
UNSEEN = -50.0


class Stopper:
    """Decides after each round whether boosting goes on; ``rounds`` says how many of them count."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.watching = context.validation is not None and context.effort is None
        self.most = context.effort or (MOST_ROUNDS if self.watching else ROUNDS_UNWATCHED)
        self._best = np.inf
        self._best_round = 0
        self._done = 0

    @property
    def rounds(self) -> int:
        """Up to the best round, or all."""
        return self._best_round + 1 if self.watching else max(self._done, 1)

    def stops(self, loss: float | None) -> bool:
        """Whether the round that has just ended was the last one; ``loss`` is that of the validation part."""
        if self.watching and loss is not None and loss < self._best:
            self._best, self._best_round = loss, self._done
        self._done += 1
        self._context.progress(min(self._done / self.most, 1.0))
        patient = not self.watching or self._done - 1 - self._best_round < PATIENCE
        return self._context.late or not patient


@dataclass(frozen=True)
class Labels:
    """The labels that a fit has seen, as indexes into all of them; None for numbers and for two labels."""

    seen: NDArray[np.int64] | None
    n_outputs: int

    def spread(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (n, seen) as scores of all labels (n, n_outputs)."""
        if self.seen is None or len(self.seen) == self.n_outputs:
            return scores.reshape(-1, self.n_outputs)
        every = np.full((len(scores), self.n_outputs), UNSEEN)
        every[:, self.seen] = scores
        return every

    def spread_weights(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Leaf weights (m, seen) as weights for all outputs, nothing for labels that were not seen."""
        if self.seen is None or len(self.seen) == self.n_outputs:
            return weights
        every = np.zeros((len(weights), self.n_outputs))
        every[:, self.seen] = weights
        return every

    def numbered(self, target: NDArray[Any]) -> NDArray[Any]:
        """The target with seen labels numbered without gaps."""
        return target if self.seen is None else np.searchsorted(self.seen, target)


def labels_of(target: NDArray[Any], shape: Shape) -> Labels:
    """Which labels the rows of a fit hold."""
    several = shape.task != "regression" and shape.n_outputs > 1
    return Labels(np.unique(target) if several else None, shape.n_outputs)


def watched_rows(context: Context, labels: Labels) -> tuple[Arrays, NDArray[Any]] | None:
    """The rows for early stopping whose labels the fit knows; None if it is not to be stopped."""
    if context.validation is None or context.effort is not None:
        return None
    held, target = context.validation
    if labels.seen is None:
        return held, target
    known = np.flatnonzero(np.isin(target, labels.seen))
    return (held.take(known), labels.numbered(target[known])) if len(known) else None


def link_of(shape: Shape) -> str:
    """The operator that makes raw outputs of scores."""
    if shape.task == "regression":
        return ""
    return "Sigmoid" if shape.n_outputs == 1 else "Softmax"


@dataclass(frozen=True)
class FittedTrees:
    """A boosted ensemble on the merged matrix, texts projected by ``table``.

    ``score`` is the library's own answer for a matrix (n, seen outputs), before the link; ``trees`` says the same for
    the graph. ``effort`` rounds have made it.
    """

    score: Callable[[NDArray[np.float32]], NDArray[np.float64]]
    trees: Trees
    labels: Labels
    table: NDArray[np.float32] | None
    columns: int
    effort: int
    link: str

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs, float64 (n, outputs)."""
        if not len(arrays):
            return np.empty((0, self.labels.n_outputs))
        scores = self.labels.spread(self.score(tree_matrix(arrays, self.table)))
        if not self.link:
            return scores
        found: NDArray[np.float64] = expit(scores) if self.link == "Sigmoid" else softmax(scores, axis=1)
        return found

    def export(self) -> Exported:
        """One tree ensemble and its link."""
        outputs = self.labels.n_outputs
        return export_trees(self.trees, self.table, self.columns, outputs, self.link)
