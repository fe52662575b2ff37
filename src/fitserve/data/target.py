"""The column to predict, and what task that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.kinds import infer_field
from fitserve.data.series import column_of_series
from fitserve.errors import DataError
from fitserve.features.column import Coded, Column, Numbers, take
from fitserve.features.number import number_reader, numbers_of
from fitserve.schema import Field, Kind
from fitserve.tasks import Task, get_task

_MOST_CLASS_NUMBERS, _ROWS_A_CLASS_NUMBER = 10, 20
_MOST_LABELS = 1000


@dataclass(frozen=True)
class Target:
    """The target of a table. ``reason`` says why it is this task, ``column`` holds all rows.

    ``answerer`` is that of all rows; ``truth`` what it makes of them: class indexes, -1 where missing, or standardised
    floats, NaN where missing.
    """

    field: Field
    task: Task
    reason: str
    column: Column
    answerer: Any
    truth: NDArray[Any]

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.field.name

    @property
    def is_label(self) -> bool:
        """Whether labels are predicted, not numbers."""
        return self.truth.dtype.kind == "i"

    @cached_property
    def known(self) -> NDArray[np.intp]:
        """The rows that have a target."""
        return np.flatnonzero(self.truth >= 0 if self.is_label else np.isfinite(self.truth))

    @cached_property
    def counts(self) -> dict[str, int]:
        """Rows of each label, the most frequent first; nothing for numbers."""
        if not self.is_label:
            return {}
        counted = np.bincount(self.truth[self.known], minlength=len(self.answerer.names)).tolist()
        pairs = zip(self.answerer.names, counted, strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def take(self, rows: NDArray[np.intp]) -> Target:
        """The same target of some rows."""
        return replace(self, column=take(self.column, rows), truth=self.truth[rows])


def decide_target(frame: pl.DataFrame, name: str, task_name: str | None = None, spelling: str = "") -> Target:
    """What a column holds as a target; ``task_name`` and ``spelling`` are the user's.

    Raises DataError for a column that cannot be predicted.
    """
    if frame[name].null_count() == frame.height:
        raise DataError(f"all values of the target {name!r} are missing; choose another column")
    field, column = infer_field(frame[name], None, spelling)
    chosen, reason = (task_name, "chosen by the user") if task_name else _decide_task(field, column)
    task = get_task(chosen)
    if chosen == "regression":
        column = column_of_series(frame[name], Kind.NUMBER, spelling)
    try:
        answerer = task.fit(column)
        truth = task.truth(column, answerer)
    except DataError as error:
        raise DataError(f"column {name!r}: {error}") from None
    return Target(field, task, reason, column, answerer, truth)


def _decide_task(field: Field, column: Column) -> tuple[str, str]:
    levels = field.profile.get("n_levels", 0)
    if field.kind is Kind.CONSTANT and not levels:
        raise DataError(f"all values of the target {field.name!r} are missing; choose another column")
    if field.kind is Kind.DATETIME:
        raise DataError(f"the target {field.name!r} holds dates, which cannot be predicted; choose another column")
    if field.kind is Kind.TEXT or levels > _MOST_LABELS:
        raise DataError(
            f"the target {field.name!r} holds {field.reason}: too many to be labels; choose another column, "
            "or --task classification if they are"
        )
    if isinstance(column, Coded) and field.kind in (Kind.IDENTIFIER, Kind.NUMBER):
        numbers = numbers_of(column, number_reader(column).read)
        usable = field.kind is Kind.NUMBER or bool(np.isfinite(numbers).all())
        column = Numbers(numbers) if usable else column
    if not isinstance(column, Numbers):
        return "classification", f"{field.name!r} holds labels ({field.reason})"
    return _decide_numbers(field, column)


def _decide_numbers(field: Field, column: Numbers) -> tuple[str, str]:
    known = column.values[np.isfinite(column.values)]
    distinct = len(np.unique(known))
    whole = bool((known == np.floor(known)).all())
    if distinct == 2 and whole:
        return (
            "classification",
            f"{field.name!r} holds two whole numbers; --task regression takes them as amounts",
        )
    if whole and distinct <= _MOST_CLASS_NUMBERS and len(known) >= _ROWS_A_CLASS_NUMBER * distinct:
        reason = f"{field.name!r} holds {distinct} whole numbers only; --task regression takes them as amounts"
        return "classification", reason
    return "regression", f"{field.name!r} holds {distinct} different numbers"
