"""A table, understood once: what is above sees columns, fields and numbers of rows, and no library of data frames.

It has two halves, for kinds are decided from the training rows alone. `understand` says what is known of all rows
before they are split: their target, hash, order, copies, groups and weights, each of them found out when it is first
asked for. `UnderstoodTable.columns` says what the columns are, once it is known which rows are learned from.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.split import joined_groups
from fitserve.data.understanding.choices import Choices, without_missing
from fitserve.data.understanding.equal_rows import EqualRows, content_hash, duplicate_groups, equal_rows
from fitserve.data.understanding.kinds import Gaps, infer_field, read_alike
from fitserve.data.understanding.missing_spellings import GapSpellings
from fitserve.data.understanding.order import Order, log_order, order_by
from fitserve.data.understanding.profiles import numbers_in
from fitserve.data.understanding.series import column_of_series
from fitserve.data.understanding.target import Target, decide_target
from fitserve.data.understanding.task import Examples, task_data
from fitserve.errors import DataError, SpecError, UserError
from fitserve.features.column import Column
from fitserve.messages import Message
from fitserve.schema import Field, Kind

_Understood = tuple[Field, Column | None]


@dataclass(frozen=True)
class UnderstoodColumns:
    """The ``fields`` of a table, in its order and without the target, and the ``columns`` of all rows by name.

    A column with another part, such as that of the weights, has a field that is not used, and no column. What no kind
    fits, or not the one that the user has named, has neither; ``refused`` says why.
    """

    fields: list[Field]
    columns: dict[str, Column]
    refused: list[UserError]


@dataclass(frozen=True)
class UnderstoodTable:
    """The rows of a table and what is known of them before they are split.

    ``frame`` holds the n rows for checks and for other models to read. ``target`` is None where nothing is predicted.
    """

    source: pl.DataFrame
    frame: pl.DataFrame
    choices: Choices
    target: Target | None = None
    task_moments: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return self.frame.height

    def take(self, rows: NDArray[np.intp]) -> UnderstoodTable:
        """Some rows of the table."""
        target = None if self.target is None else self.target.take(rows)
        moments = None if self.task_moments is None else self.task_moments[rows]
        return replace(self, frame=self.frame[rows], target=target, task_moments=moments)

    @cached_property
    def sha256(self) -> str:
        """The hash of the whole table as it was read."""
        return content_hash(self.source)

    @cached_property
    def equal(self) -> EqualRows:
        """Which rows are copies of each other, by all that is used of them."""
        choices = self.choices
        frame = self.frame.drop(*choices.exclude, *([] if choices.weight is None else [choices.weight]))
        return EqualRows(*duplicate_groups(frame)) if self.target is None else equal_rows(frame, self.target.name)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """A number for each row, equal for those that must not be divided: (n,).

        These are copies, and rows that belong together by the user's column. Raises SpecError where it makes no groups.
        """
        name = self.choices.group
        if name is None:
            return self.equal.groups
        groups = joined_groups(self.equal.groups, _keys(self.frame[name]))
        if len(np.unique(groups)) < 2:
            raise SpecError(f"all rows belong together by {name!r} or are equal; name another --group")
        return groups

    @cached_property
    def weights(self) -> NDArray[np.float64] | None:
        """How much each row counts in a fit, (n,); None where no column says so. Raises DataError for no weight."""
        name = self.choices.weight
        if name is None:
            return None
        values = numbers_in(column_of_series(self.frame[name], Kind.NUMBER))
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
        if len(wrong):
            raise DataError(f"row {wrong[0] + 1} has no weight in {name!r}; give every row a number of 0 or more")
        return values

    @cached_property
    def order(self) -> Order | None:
        """What the rows are in order by: the user's column, or that of dates in whose order they stand.

        None where the user leaves the split open and the last rows are no test part, or hold labels that no other has.
        """
        choices = self.choices
        if choices.time is not None:
            return order_by(self.frame[choices.time], choices)
        if choices.group is not None or choices.shuffle:
            return None
        classes = None if self.target is None else self.target.classes
        labels = np.zeros(len(self), dtype=np.int64) if classes is None else classes.codes
        names = [name for name in self._inputs if name not in (*choices.exclude, choices.weight)]
        return log_order(self.frame, names, choices, labels)

    @property
    def moments(self) -> NDArray[np.float64] | None:
        """The place of each row in its order, NaN where it has none: (n,). The task may know one; None without any."""
        if self.order is not None:
            return self.order.moments
        return None if self.choices.shuffle or self.choices.group is not None else self.task_moments

    def columns(self, learned: NDArray[np.intp] | None = None) -> UnderstoodColumns:
        """What the columns are, by the rows that are ``learned`` from alone, and the columns of all rows, read alike.

        None where rows are not split. Dates by which rows are in order have been understood from all of them.
        """
        found = UnderstoodColumns([], {}, [])
        for name, each in self._understood(learned):
            if isinstance(each, UserError):
                found.refused.append(each)
                continue
            field, column = each
            found.fields.append(field)
            if column is not None:
                found.columns[name] = column
        return found

    def _understood(self, learned: NDArray[np.intp] | None) -> Iterator[tuple[str, _Understood | UserError]]:
        """Every column but the target: its field and itself, or why it cannot be used."""
        frame, choices, gaps = self.frame, self.choices, GapSpellings(self.frame)
        some = frame if learned is None or len(learned) == len(self) else frame[learned]
        known: dict[str, _Understood] = {name: (field, None) for name, field in _unused(choices).items()}
        if learned is not None and self.order is not None and self.order.dates is not None:
            known[self.order.name] = self.order.dates_of(learned)

        def understood(name: str) -> _Understood | UserError:
            if name in known:
                return known[name]
            kind, spelling = choices.kinds.get(name), choices.spellings.get(name, "")
            try:
                field, column = infer_field(some[name], kind, spelling, Gaps(gaps, all_kept=name in choices.missing))
            except UserError as error:
                return error
            return field, column if some is frame else read_alike(frame[name], field, column)

        with ThreadPoolExecutor() as pool:  # polars works without the interpreter's lock
            yield from zip(self._inputs, pool.map(understood, self._inputs), strict=True)

    @property
    def _inputs(self) -> list[str]:
        return [name for name in self.frame.columns if self.target is None or name != self.target.name]


def understand(frame: pl.DataFrame, choices: Choices) -> UnderstoodTable:
    """What is known of a table before its rows are split; raises DataError or SpecError.

    Rows without a target are among them (see `Target.known` and `UnderstoodTable.take`).
    """
    known = without_missing(frame, choices.missing)
    if choices.target is None and choices.roles is None:
        return UnderstoodTable(frame, known, choices)
    examples = _examples(known, choices)
    choices = replace(choices, kinds={**choices.kinds, **examples.kinds})
    target = decide_target(examples.frame, examples.target, choices.task, choices)
    return UnderstoodTable(frame, examples.frame, choices, target, examples.moments)


def _examples(frame: pl.DataFrame, choices: Choices) -> Examples:
    """What the task makes of a table; raises SpecError where a column that was named is none of its examples."""
    if choices.task is None or choices.roles is None:
        assert choices.target is not None
        return Examples(frame, choices.target)
    examples = task_data(choices.task).examples(frame, choices.roles)
    for name in (*choices.exclude, choices.time, choices.group, choices.weight):
        if name is not None and name not in examples.frame.columns:
            raise SpecError(f"the task {choices.task!r} makes examples without {name!r} of the table; do not name it")
    return examples


def _keys(series: pl.Series) -> NDArray[np.int64]:
    """A number for each value of a column, -1 where it has none; raises SpecError unless there are two values."""
    keys = series.cast(pl.String, strict=False).rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    if len(np.unique(keys[keys >= 0])) < 2:
        raise SpecError(f"column {series.name!r} has one value only, which makes no groups; name another --group")
    return keys


def _unused(choices: Choices) -> dict[str, Field]:
    """The columns that the user has given another part."""
    found = {name: Field(name, Kind.TEXT, Message("column.excluded"), used=False) for name in choices.exclude}
    if choices.group is not None:
        found[choices.group] = Field(choices.group, Kind.IDENTIFIER, Message("column.group"), used=False)
    if choices.weight is not None:
        found[choices.weight] = Field(choices.weight, Kind.NUMBER, Message("column.weight"), used=False)
    return found
