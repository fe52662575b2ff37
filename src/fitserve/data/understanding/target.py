"""The column to predict, and what task that is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.understanding.choices import Choices
from fitserve.data.understanding.kinds import Gaps, infer_field
from fitserve.data.understanding.missing_spellings import GapSpellings
from fitserve.data.understanding.numeric_codes import LONG
from fitserve.data.understanding.series import column_of_series
from fitserve.errors import DataError
from fitserve.features.column import Coded, Column, Numbers, take
from fitserve.features.number import number_reader, numbers_of
from fitserve.schema import Field, Kind
from fitserve.tasks import Task, get_task

_MOST_CLASS_NUMBERS, _ROWS_A_CLASS_NUMBER = 10, 20
_MOST_LABELS = 1000
_NO_CHOICES = Choices()


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


def decide_target(
    frame: pl.DataFrame, name: str, task_name: str | None = None, choices: Choices = _NO_CHOICES
) -> Target:
    """What a column holds as a target; ``task_name`` and ``choices`` are the user's.

    Raises DataError for a column that cannot be predicted.
    """
    if frame[name].null_count() == frame.height:
        raise DataError(f"all values of the target {name!r} are missing; choose another column")
    spelling = choices.spellings.get(name, "")
    gaps = Gaps(GapSpellings(frame), target=True, all_kept=name in choices.missing)
    field, column = infer_field(frame[name], choices.kinds.get(name), spelling, gaps)
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


@dataclass(frozen=True, slots=True)
class Lost:
    """Rows that cannot be learned from because of their target: how many, what it is, and what to do."""

    count: int
    what: str
    advice: str


def lost_rows(target: Target) -> list[Lost]:
    """The rows whose target is missing, infinite, or no number where numbers are predicted."""
    unknown = np.setdiff1d(np.arange(len(target.truth)), target.known)
    column = take(target.column, unknown)
    infinite, texts = _odd(column) if not target.is_label else (0, [])
    without = len(unknown) - infinite - len(texts)
    found = []
    if without:
        found.append(Lost(without, f"no target {target.name!r}", "nothing can be learned from them"))
    if texts:
        shown = ", ".join(repr(text[:30]) for text in list(dict.fromkeys(texts))[:3])
        what = f"a target {target.name!r} that is no number ({shown})"
        found.append(Lost(len(texts), what, "give numbers, or --task classification takes all of them as labels"))
    if infinite:
        found.append(Lost(infinite, f"an infinite target {target.name!r}", "give a number"))
    return found


def _odd(column: Column) -> tuple[int, list[str]]:
    """How many values are infinite, and the texts that are no numbers, row by row."""
    if isinstance(column, Numbers):
        return int(np.isinf(column.values).sum()), []
    reader, infinite, texts = number_reader(column), 0, []
    for code in column.codes[column.codes >= 0]:
        level = column.levels[code]
        try:
            infinite += math.isinf(reader.read(level))
        except ValueError:
            texts.append(str(level).strip())
    return infinite, texts


def _decide_task(field: Field, column: Column) -> tuple[str, str]:
    levels = field.profile.get("n_levels", 0)
    if field.kind is Kind.CONSTANT and not levels:
        raise DataError(f"all values of the target {field.name!r} are missing; choose another column")
    if field.kind is Kind.DATETIME:
        raise DataError(f"the target {field.name!r} holds dates, which cannot be predicted; choose another column")
    if isinstance(column, Coded) and field.kind in (Kind.IDENTIFIER, Kind.NUMBER):
        numbers = numbers_of(column, number_reader(column).read)
        usable = field.kind is Kind.NUMBER or bool(np.isfinite(numbers).all())
        column = Numbers(numbers) if usable else column
    if (field.kind is Kind.TEXT and LONG not in field.reason) or levels > _MOST_LABELS:
        task = "regression if they are amounts" if isinstance(column, Numbers) else "classification if they are"
        raise DataError(
            f"the target {field.name!r} holds {field.reason}: too many to be labels; choose another column, "
            f"or --task {task}"
        )
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
