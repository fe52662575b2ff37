"""Which labels a fit has seen, and how its scores become probabilities of all labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from fitserve.blocks import Arrays
from fitserve.models.base import Context, Shape
from fitserve.models.objective import NUMBER, PROBABILITIES

# The score of a label without a training row, beside scores around 0: a probability of e^-50.
UNSEEN = -50.0

# What the operators that make outputs of scores do.
links: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "": lambda scores: scores,
    "Sigmoid": expit,
    "Softmax": lambda scores: np.asarray(softmax(scores, axis=1)),
}


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

    @property
    def n_seen(self) -> int:
        """The outputs of a fit on the labels that it has seen."""
        return self.n_outputs if self.seen is None else len(self.seen)

    def numbered(self, target: NDArray[Any]) -> NDArray[Any]:
        """The target with seen labels numbered without gaps."""
        return target if self.seen is None else np.searchsorted(self.seen, target)


def labels_of(target: NDArray[Any], shape: Shape) -> Labels:
    """Which labels the rows of a fit hold."""
    several = shape.objective.name == PROBABILITIES and shape.n_outputs > 1
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
    if shape.objective.name == NUMBER:
        return ""
    return "Sigmoid" if shape.n_outputs == 1 else "Softmax"
