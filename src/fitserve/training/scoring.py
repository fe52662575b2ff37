"""Scores of a candidate on the rows that are held out, and what they would be by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.tasks import Answerer
from fitserve.training.folds import Folds

# By so many standard deviations a candidate must be better than the best of all is by chance on average.
_ABOVE_CHANCE = 2.0
# Two rows of a label tell each other, whatever they have in common: nothing is learned from fewer than these.
_FEWEST_OF_OTHERS = 3
# How often the truth is shuffled: enough to tell the mean and the spread of what is best by chance.
_SHUFFLES, _FEWEST_SHUFFLES, _MANY_CELLS = 60, 20, 20_000
_SMALL = 1e-12
Scores = dict[str, float | None]
Outputs = NDArray[np.float32]


@dataclass(frozen=True)
class Chance:
    """How far a score is better than by shuffled truths on average, in their standard deviations.

    ``own`` is that of the candidate, ``shuffled`` are those of each shuffle: what chance alone makes of its outputs.
    """

    own: float
    shuffled: Sequence[float]


@dataclass(frozen=True)
class BestByChance:
    """How good the best of all candidates is by chance, as `Chance` counts: on average, and what is hardly chance."""

    mean: float
    limit: float


@dataclass(frozen=True)
class Scoring:
    """Scores outputs for the held-out rows, fold after fold, by their ``truth`` (held,).

    ``units`` (held,) are equal for rows that belong together; None where each is one by itself.
    """

    answerer: Answerer
    metric: str
    folds: Folds
    truth: NDArray[Any]
    units: NDArray[np.int64] | None
    seed: int

    def scores(self, outputs: Outputs) -> Scores:
        """The scores of all rows together, or the mean of the folds' scores."""
        return self._scores(outputs, self.truth)

    def _scores(self, outputs: Outputs, truth: NDArray[Any], only: str = "") -> Scores:
        each = [self.answerer.score(outputs[part], truth[part], only) for part in self._parts]
        return {name: _mean([scores[name] for scores in each]) for name in each[0]}

    def loss_of(self, scores: Scores) -> float:
        """The score to choose by as a loss; infinite where it is undefined."""
        value = scores[self.metric]
        return float("inf") if value is None else self.answerer.metrics[self.metric].loss(value)

    def fold_losses(self, outputs: Outputs) -> list[float]:
        """The loss of each fold; none where folds are scored together."""
        if len(self._parts) == 1:
            return []
        each = [self.answerer.score(outputs[part], self.truth[part], self.metric) for part in self._parts]
        losses = [self.loss_of(scores) for scores in each]
        return losses if np.isfinite(losses).all() else []

    def chance(self, outputs: Outputs) -> Chance:
        """How much better the score is than when rows have the truth of others, taken from within their fold.

        If outputs tell nothing of the truth, this is as likely as any shuffle, whichever score it is and however rough
        the outputs are.
        """
        losses = np.array([self.loss_of(self._scores(outputs, truth, self.metric)) for truth in self._shuffled])
        own = self.loss_of(self._scores(outputs, self.truth, self.metric))
        spread = float(losses.std()) if np.isfinite(losses).all() else 0.0
        if spread <= _SMALL * max(1.0, abs(float(losses.mean()))) or not np.isfinite(own):
            return Chance(0.0, [0.0] * len(losses))
        return Chance(float(losses.mean() - own) / spread, ((losses.mean() - losses) / spread).tolist())

    def best_by_chance(self, chances: Sequence[Chance]) -> BestByChance:
        """What the best of some candidates is worth if none of them has learned anything.

        One truth is shuffled for all of them alike (Westfall and Young 1993), so that many candidates that say the same
        count as few: the more ways are tried, the better the best one looks without having learned anything.
        """
        if not chances:
            return BestByChance(0.0, 0.0)
        best = np.max([chance.shuffled for chance in chances], axis=0)
        if self._n_of_others < _FEWEST_OF_OTHERS:
            return BestByChance(float(best.mean()), float("inf"))
        return BestByChance(float(best.mean()), float(best.mean() + _ABOVE_CHANCE * best.std()))

    @property
    def _n_of_others(self) -> int:
        """How many rows, or units, have another truth than the most frequent one."""
        _, places, counts = np.unique(self.truth, axis=0, return_inverse=True, return_counts=True)
        others = places.reshape(-1) != counts.argmax()
        return int(others.sum() if self.units is None else len(np.unique(self.units[others])))

    @cached_property
    def _parts(self) -> list[NDArray[np.intp]]:
        """The places of the rows that are scored together."""
        numbers = self.folds.numbers
        if numbers is None:
            return [np.arange(len(self.truth))]
        return [np.flatnonzero(numbers == number) for number in np.unique(numbers)]

    @cached_property
    def _shuffled(self) -> list[NDArray[Any]]:
        """The truth, shuffled some times within the parts; units take the truths of other units as a whole."""
        rng = np.random.default_rng(self.seed)
        times = _SHUFFLES if len(self.truth) * self.answerer.n_outputs <= _MANY_CELLS else _FEWEST_SHUFFLES
        shuffled = [self.truth.copy() for _ in range(times)]
        for truth in shuffled:
            for part in self._parts:
                units = None if self.units is None else self.units[part]
                truth[part] = self.truth[part][_exchanged(len(part), units, rng)]
        return shuffled


def _exchanged(n: int, units: NDArray[np.int64] | None, rng: np.random.Generator) -> NDArray[np.intp]:
    """For each of n rows another one: that of the same place in another unit, counted round where that is smaller."""
    if units is None:
        return rng.permutation(n)
    _, numbers, sizes = np.unique(units, return_inverse=True, return_counts=True)
    rows = np.argsort(numbers, kind="stable")
    starts, own = np.cumsum(sizes) - sizes, numbers[rows]
    other = rng.permutation(len(sizes))[own]
    found = np.empty(n, dtype=np.intp)
    found[rows] = rows[starts[other] + (np.arange(n) - starts[own]) % sizes[other]]
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
