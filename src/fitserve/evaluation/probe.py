"""Asking a model the same rows again, with something about them changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays, Terms
from fitserve.evaluation.predictions import Predictions
from fitserve.faults import check_time
from fitserve.features.base import Step
from fitserve.features.column import Column, take
from fitserve.prediction import Predictor

MOST_ROWS = 2_000
_FEWEST_ROWS = 50
# What asking one row costs, about, on one core: a part for each byte of the graph (trees) and each column.
# It is counted, not measured: what a report says must not depend on how busy a machine is.
_SECONDS_A_ROW, _SECONDS_A_BYTE, _SECONDS_A_COLUMN = 2e-6, 4e-11, 2e-8


@dataclass(frozen=True)
class Probe:
    """Some rows with their truth, encoded once; each way of asking encodes again only what it changes."""

    predictor: Predictor
    table: Mapping[str, Column]
    predictions: Predictions

    def __len__(self) -> int:
        return len(self.predictions)

    @cached_property
    def arrays(self) -> Arrays:
        """What the model sees of the rows as they are."""
        return self.predictor.encoder.columns(self.table, len(self))

    @property
    def steps(self) -> Sequence[Step]:
        """The steps of the model, one for each column that it reads."""
        return self.predictor.encoder.steps

    def take(self, rows: NDArray[np.intp]) -> Probe:
        """Some of the rows."""
        table = {name: take(column, rows) for name, column in self.table.items()}
        return Probe(self.predictor, table, self.predictions.take(rows))

    def sample(self, most: int, seed: int) -> Probe:
        """At most so many rows, drawn at random, in their order."""
        if len(self) <= most:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False)))

    def changed(self, columns: Mapping[str, Column]) -> NDArray[Any]:
        """Raw outputs with other columns in place of some."""
        arrays = self.arrays
        for step in self.steps:
            if step.field in columns:
                arrays = self._with(arrays, step, step.column(columns[step.field]))
        return self.predictor.session.run(arrays)

    def shuffled(self, step: Step, order: NDArray[np.intp]) -> NDArray[Any]:
        """Raw outputs with the values of one column in another order."""
        place = self.predictor.encoder.place(step)
        own = self.arrays.blocks[step.block].take(order).part(place)
        return self.predictor.session.run(self._with(self.arrays, step, own))

    def _with(self, arrays: Arrays, step: Step, new: Any) -> Arrays:
        place = self.predictor.encoder.place(step)
        return arrays.with_block(step.block, arrays.blocks[step.block].with_part(place, new))


def rows_to_ask(predictor: Predictor, graph_bytes: int, times: int, seconds: float) -> int:
    """How many rows may be asked so many times in so many seconds, 50 to 2,000."""
    widths = predictor.encoder.widths
    width = sum(width for name, width in widths.items() if name != Terms.name)
    each = _SECONDS_A_ROW + _SECONDS_A_BYTE * graph_bytes + _SECONDS_A_COLUMN * width
    return int(np.clip(seconds / (each * max(times, 1)), _FEWEST_ROWS, MOST_ROWS))


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The results of some calls, in order; they run on all cores, and none is begun when the time is over."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda context, call: context.run(_in_time, call), [copy_context() for _ in calls], calls))


def _in_time(call: Callable[[], Any]) -> Any:
    check_time()
    return call()
