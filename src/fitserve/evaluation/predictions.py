"""Outputs of a model beside the truth, and what single rows say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.evaluation.task import TaskEvaluation, task_evaluation
from fitserve.metrics import Metric
from fitserve.metrics.interval import (
    MOST_DRAWS,
    Bootstrap,
    Interval,
    Rows,
    bootstrap,
    difference,
    intervals,
    moved_out,
)
from fitserve.metrics.weighted import WeightedScores
from fitserve.tasks import Answerer

_FEWEST_ROWS_OF_A_PART = 10


@dataclass(frozen=True)
class Predictions:
    """Raw outputs (n, outputs) and the truth (n,) or (n, …), as the answerer has it, of rows that training did not see.

    ``groups`` (n,) are equal for rows that belong together. ``parts`` (n,) are the folds, where the outputs come
    from several models: scores are then means over them, as those of the search are. ``flattered`` says by how many
    standard errors the best of all candidates looks better by chance, where the same rows have chosen it.
    """

    answerer: Answerer
    raw: NDArray[Any]
    truth: NDArray[Any]
    groups: NDArray[np.int64] | None = None
    parts: NDArray[np.int64] | None = None
    flattered: float = 0.0
    _drawn: dict[tuple[int, int, str], Bootstrap] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def task(self) -> TaskEvaluation:
        """What scores the answers."""
        return task_evaluation(self.answerer.task)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The scores of the task by name."""
        return self.answerer.metrics

    @cached_property
    def errors(self) -> NDArray[np.float64]:
        """How wrong each row is, as the task counts it: (n,)."""
        return self.task.errors(self.answerer, self.raw, self.truth)

    def take(self, rows: Rows) -> Predictions:
        """Some of the rows."""
        groups = self.groups[rows] if self.groups is not None else None
        parts = self.parts[rows] if self.parts is not None else None
        return Predictions(self.answerer, self.raw[rows], self.truth[rows], groups, parts, self.flattered)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows have an output and a truth that can be evaluated: (n,)."""
        known: NDArray[np.bool_] = np.isfinite(self.raw).all(axis=1)
        if np.issubdtype(self.truth.dtype, np.floating):
            known &= np.isfinite(self.truth.reshape(len(self), -1)).all(axis=1)
        return known

    def finite(self, beside: Predictions | None = None) -> Predictions:
        """The rows whose output and truth are numbers, in another one of the same rows, too."""
        known = self.known if beside is None else self.known & beside.known
        return self if known.all() else self.take(np.flatnonzero(known))

    def constant(self) -> Predictions:
        """The same rows, each with the one answer that fits them all best."""
        known = self.truth[self.task.known(self.truth)]
        objective = self.task.objective(self.answerer)
        constant = objective.constant(known, None) if len(known) else np.zeros(objective.n_outputs)
        return replace(self, raw=np.tile(constant, (len(self), 1)))

    def weighted(self, rows: Rows, only: str = "") -> WeightedScores:
        """The scores of some rows, or ``only`` one of them, as a function of how often each row counts."""
        if self.parts is None:
            return self._weighted(rows, only)
        numbers, sizes = np.unique(self.parts[rows], return_counts=True)
        if len(numbers) < 2 or sizes.min() < _FEWEST_ROWS_OF_A_PART:
            return self._weighted(rows, only)
        places = [np.flatnonzero(self.parts[rows] == number) for number in numbers]
        each = [(place, self._weighted(rows[place], only)) for place in places]
        return lambda weights: _means([scores(weights[place]) for place, scores in each])

    def _weighted(self, rows: Rows, only: str) -> WeightedScores:
        return self.task.weighted(self.answerer, self.raw[rows], self.truth[rows], only)

    @property
    def scores(self) -> dict[str, float | None]:
        """All scores of the task."""
        return self.weighted(np.arange(len(self)))(np.ones(len(self), dtype=np.int64))

    def drawn(self, seed: int, most: int = MOST_DRAWS, only: str = "") -> Bootstrap:
        """The scores, or ``only`` one, of rows or groups drawn with replacement; computed once for each seed."""
        for key in ((seed, most, ""), (seed, most, only)):
            if key in self._drawn:
                return self._drawn[key]
        make = partial(self.weighted, only=only)
        found = bootstrap(make, len(self), width=self.answerer.n_outputs, groups=self.groups, seed=seed, most=most)
        self._drawn[seed, most, only] = found
        return found

    def intervals(self, seed: int) -> dict[str, Interval | None]:
        """The interval of each score; further out at its worse end if the scores flatter."""
        drawn = self.drawn(seed)
        found = intervals(drawn)
        if not self.flattered:
            return found
        return {name: self._moved_out(found[name], name, drawn.scores[name]) for name in found}

    def _moved_out(self, interval: Interval | None, name: str, value: float | None) -> Interval | None:
        return (
            None
            if interval is None or value is None
            else moved_out(interval, value, self.metrics[name], self.flattered)
        )

    def better(self, other: Predictions, seed: int, only: str = "") -> Bootstrap:
        """The scores of ``other``, which are outputs for the same rows, less those of this one."""
        return difference(self.drawn(seed, only=only), other.drawn(seed, only=only))

    def is_better(self, other: Predictions, metric: str, seed: int) -> bool | None:
        """Whether a score is better than that of ``other`` on the same rows by more than chance; None if undefined."""
        gain = other.better(self, seed, metric)
        value, interval = gain.scores.get(metric), gain.interval(metric)
        if value is None:
            return None
        low, high = moved_out(interval or (value, value), value, self.metrics[metric], self.flattered)
        return low > 0 if self.metrics[metric].greater_is_better else high < 0


def _means(each: list[dict[str, float | None]]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in each[0]:
        values = [scores[name] for scores in each]
        known = [value for value in values if value is not None]
        found[name] = float(np.mean(known)) if len(known) == len(values) else None
    return found
