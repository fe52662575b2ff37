"""The column to predict, and what task that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.understanding.choices import Choices
from fitserve.data.understanding.kinds import Gaps, infer_field
from fitserve.data.understanding.missing_spellings import GapSpellings
from fitserve.data.understanding.task import Classes, Lost, TaskData, all_task_data, task_data
from fitserve.errors import DataError
from fitserve.features.column import Coded, Column, Numbers, take
from fitserve.features.number import number_reader, numbers_of
from fitserve.messages import AnyMessage, Message, render
from fitserve.schema import Field, Kind

_NO_CHOICES = Choices()


@dataclass(frozen=True)
class Target:
    """The target of a table. ``reason`` says why it is this task, ``column`` holds all rows.

    ``answerer`` is that of all rows; ``truth`` (n,) or (n, …) what it makes of them.
    """

    field: Field
    task: TaskData
    reason: AnyMessage
    column: Column
    answerer: Any
    truth: NDArray[Any]

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.field.name

    @cached_property
    def known(self) -> NDArray[np.intp]:
        """The rows that have a target."""
        return np.flatnonzero(self.task.known(self.truth))

    @cached_property
    def classes(self) -> Classes | None:
        """The target as classes; None where it has none."""
        return self.task.classes(self.answerer, self.truth)

    @cached_property
    def numbers(self) -> NDArray[np.float64] | None:
        """The target as numbers in its own unit, NaN where missing; None where it is none."""
        return self.task.numbers(self.answerer, self.truth)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Rows of each class, the most frequent first; nothing where there are no classes."""
        if self.classes is None:
            return {}
        counted = np.bincount(self.classes.codes[self.known], minlength=len(self.classes.names)).tolist()
        pairs = zip(self.classes.names, counted, strict=True)
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
    task, reason = (task_data(task_name), Message("chosen_by_user")) if task_name else _decide_task(field, column)
    column = task.column(frame[name], column, spelling)
    try:
        answerer = task.fit(column)
    except DataError as error:
        raise DataError(f"column {name!r}: {error}") from None
    return Target(field, task, reason, column, answerer, answerer.truth(column))


def lost_rows(target: Target) -> list[Lost]:
    """The rows whose target is missing, or cannot be learned from."""
    unknown = np.setdiff1d(np.arange(len(target.truth)), target.known)
    odd = target.task.lost(take(target.column, unknown), target.name)
    without = len(unknown) - sum(lost.count for lost in odd)
    if not without:
        return odd
    what = Message("no_target", {"column": target.name})
    return [Lost(without, what, Message("nothing_to_learn")), *odd]


def _decide_task(field: Field, column: Column) -> tuple[TaskData, AnyMessage]:
    """The task that a target is for, and why; raises DataError where none claims it."""
    if field.kind is Kind.CONSTANT and not field.profile.get("n_levels", 0):
        raise DataError(f"all values of the target {field.name!r} are missing; choose another column")
    if field.kind is Kind.DATETIME:
        raise DataError(f"the target {field.name!r} holds dates, which cannot be predicted; choose another column")
    if isinstance(column, Coded) and field.kind in (Kind.IDENTIFIER, Kind.NUMBER):
        numbers = numbers_of(column, number_reader(column).read)
        usable = field.kind is Kind.NUMBER or bool(np.isfinite(numbers).all())
        column = Numbers(numbers) if usable else column
    claims = [(task, claim) for task in all_task_data() if (claim := task.claim(field, column)) is not None]
    for task, claim in claims:
        if claim.reason:
            return task, claim.reason
    doubts = "; ".join(claim.doubt for _, claim in claims if claim.doubt)
    advice = ", or ".join(["choose another column", *(claim.advice for _, claim in claims if claim.advice)])
    holds = render(field.reason)
    raise DataError(f"the target {field.name!r} holds {holds}{': ' if doubts else ''}{doubts}; {advice}")
