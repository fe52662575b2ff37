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

from fitserve.evaluation.judged import Judged
from fitserve.faults import check_time
from fitserve.features.arrays import Arrays, Ragged
from fitserve.features.column import Column, take
from fitserve.features.encoder import AnyStep
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
    judged: Judged

    def __len__(self) -> int:
        return len(self.judged)

    @cached_property
    def arrays(self) -> Arrays:
        """What the model sees of the rows as they are."""
        return self.predictor.encoder.columns(self.table, len(self))

    @property
    def steps(self) -> Sequence[AnyStep]:
        """The steps of the model, one for each column that it reads."""
        return self.predictor.encoder.steps

    def take(self, rows: NDArray[np.intp]) -> Probe:
        """Some of the rows."""
        table = {name: take(column, rows) for name, column in self.table.items()}
        return Probe(self.predictor, table, self.judged.take(rows))

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

    def shuffled(self, step: AnyStep, order: NDArray[np.intp]) -> NDArray[Any]:
        """Raw outputs with the values of one column in another order."""
        own = self._own(step)
        return self.predictor.session.run(self._with(self.arrays, step, _reordered(own, order)))

    def _place(self, step: AnyStep) -> tuple[str, slice]:
        """The block and the columns (or term ids) that a step makes."""
        encoder = self.predictor.encoder
        for block, steps in (("dense", encoder.dense), ("codes", encoder.codes), ("text", encoder.texts)):
            start = 0
            for each in steps:
                if each is step:
                    return block, slice(start, start + each.width)
                start += each.width if block != "codes" else 1
        raise KeyError(step.field)

    def _own(self, step: AnyStep) -> NDArray[Any] | Ragged:
        block, place = self._place(step)
        if block != "text":
            array: NDArray[Any] = getattr(self.arrays, block)
            return array[:, place] if block == "dense" else array[:, place.start : place.start + 1]
        text = self.arrays.text
        assert text is not None
        mask = (text.ids >= place.start) & (text.ids < place.stop)
        return Ragged(text.ids[mask] - place.start, text.rows[mask], text.weights[mask])

    def _with(self, arrays: Arrays, step: AnyStep, new: NDArray[Any] | Ragged) -> Arrays:
        block, place = self._place(step)
        if isinstance(new, Ragged):
            assert arrays.text is not None
            return Arrays(arrays.dense, arrays.codes, _merged(arrays.text, place, new))
        array = getattr(arrays, block).copy()
        array[:, place.start : place.start + new.shape[1]] = new
        if block == "dense":
            return Arrays(array, arrays.codes, arrays.text)
        return Arrays(arrays.dense, array, arrays.text)


def rows_to_ask(predictor: Predictor, graph_bytes: int, times: int, seconds: float) -> int:
    """How many rows may be asked so many times in so many seconds, 50 to 2,000."""
    width = predictor.encoder.dense_width + len(predictor.encoder.codes)
    each = _SECONDS_A_ROW + _SECONDS_A_BYTE * graph_bytes + _SECONDS_A_COLUMN * width
    return int(np.clip(seconds / (each * max(times, 1)), _FEWEST_ROWS, MOST_ROWS))


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The results of some calls, in order; they run on all cores, and none is begun when the time is over."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda context, call: context.run(_in_time, call), [copy_context() for _ in calls], calls))


def _in_time(call: Callable[[], Any]) -> Any:
    check_time()
    return call()


def _reordered(own: NDArray[Any] | Ragged, order: NDArray[np.intp]) -> NDArray[Any] | Ragged:
    return own.take(order) if isinstance(own, Ragged) else own[order]


def _merged(text: Ragged, place: slice, new: Ragged) -> Ragged:
    """Terms of all texts with those of one column replaced."""
    others = (text.ids < place.start) | (text.ids >= place.stop)
    rows = np.concatenate([text.rows[others], new.rows])
    order = np.argsort(rows, kind="stable")
    ids = np.concatenate([text.ids[others], new.ids + place.start])
    weights = np.concatenate([text.weights[others], new.weights])
    return Ragged(ids[order], rows[order], weights[order])
