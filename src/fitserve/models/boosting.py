"""What the boosters share: when to stop, and a fitted record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.models.base import Context, Exported
from fitserve.models.graph import Trees
from fitserve.models.labels import Labels, links
from fitserve.models.tree_inputs import TreeInputs

MOST_ROUNDS, PATIENCE, ROUNDS_UNWATCHED = 2000, 50, 200


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
class FittedTrees:
    """A boosted ensemble.

    ``score`` is the library's own answer for a matrix (n, seen outputs), before the link; ``trees`` says the same for
    the graph. ``effort`` rounds have made it.
    """

    score: Callable[[NDArray[np.float32]], NDArray[np.float64]]
    trees: Trees
    labels: Labels
    inputs: TreeInputs
    effort: int
    link: str

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs, float64 (n, outputs)."""
        if not len(arrays):
            return np.empty((0, self.labels.n_outputs))
        scores = self.labels.spread(self.score(self.inputs.matrix(arrays)))
        return links[self.link](scores)

    def export(self) -> Exported:
        """One tree ensemble and its link."""
        return self.inputs.export(self.trees, self.labels.n_outputs, self.link)
