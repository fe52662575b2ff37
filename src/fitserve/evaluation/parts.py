"""Columns cut into a few parts that have a name: ranges of numbers and dates, levels, lengths of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fitserve import schema
from fitserve.features.base import Step
from fitserve.features.category import coded_numbers
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.moment import MomentStep, moments_of
from fitserve.features.number import NumberStep, numbers_of
from fitserve.messages import AnyMessage, Message, render
from fitserve.schema import Field, Kind

_BINS, _MOST_LEVELS, _LONGEST_LEVEL = 5, 20, 40


@dataclass(frozen=True)
class Parts:
    """A column in parts: ``codes`` (n,) are indexes of ``names``, -1 for rows that are in none.

    The ``descriptions`` of parts say which rows they hold, such as "`hours` up to 20".
    """

    field: str
    codes: NDArray[np.intp]
    descriptions: Sequence[AnyMessage]

    @property
    def names(self) -> list[str]:
        """What is told of the parts, in words."""
        return [render(each) for each in self.descriptions]


def numeric(column: Column, kind: Kind, step: Step | None) -> NDArray[np.float64]:
    """The values of a column of numbers or dates (epoch seconds), NaN where missing."""
    if isinstance(column, Numbers):
        return column.values
    if kind is Kind.DATETIME:
        return moments_of(column, step.reader if isinstance(step, MomentStep) else None)
    reader = step.reader.read if isinstance(step, NumberStep) else schema.read_number
    return numbers_of(column, reader)


def spelled(column: Column) -> tuple[NDArray[np.intp], list[str]]:
    """Levels as they are spelled: codes (n,), -1 missing, and the spellings."""
    coded = coded_numbers(column) if isinstance(column, Numbers) else column
    index: dict[str, int] = {}

    def place(level: object) -> int:
        try:
            name = schema.read_category(level)
        except ValueError:
            name = None
        return -1 if name is None else index.setdefault(name, len(index))

    return coded.map(place, -1, np.intp), list(index)


def parts_of(field: Field, column: Column, step: Step | None) -> Parts | None:
    """A column in parts; None for one that has no parts to speak of, such as an identifier."""
    if field.kind in (Kind.NUMBER, Kind.DATETIME):
        return _ranges(field, numeric(column, field.kind, step))
    if field.kind is Kind.TEXT:
        return _lengths(field, column)
    if field.kind in (Kind.IDENTIFIER, Kind.SERIES):
        return None
    return _levels(field, column)


def all_parts(fields: Sequence[Field], table: Mapping[str, Column], steps: Sequence[Step]) -> list[Parts]:
    """The parts of every used field that is in the table."""
    by_field = {step.field: step for step in steps}
    found = [
        parts_of(field, table[field.name], by_field.get(field.name))
        for field in fields
        if field.used and field.name in table
    ]
    return [parts for parts in found if parts is not None]


def amount(value: float, kind: Kind) -> str:
    """A value of a column of numbers or dates, for people."""
    if kind is Kind.DATETIME:
        return str(np.datetime64(int(value), "s"))[:10]
    whole = value == int(value) and abs(value) < 1e15
    return f"{value:.0f}" if whole else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"


def _ranges(field: Field, values: NDArray[np.float64], *, length: bool = False) -> Parts:
    part = partial(_part, field, length=length)
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(distinct) <= _BINS + 1:
        codes = np.where(np.isfinite(values), np.searchsorted(distinct, values), -1)
        descriptions = [part("part.value", amount(value, field.kind)) for value in distinct]
    else:
        wanted = np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1], method="inverted_cdf")
        # Where nearly all values are the largest one, every quantile is: then it stands against all others.
        edges = [edge for edge in np.unique(wanted) if edge < distinct[-1]] or [distinct[-2]]
        codes = np.where(np.isfinite(values), np.searchsorted(edges, values), -1)
        shown = [amount(edge, field.kind) for edge in edges]
        descriptions = [part("part.value" if edges[0] == distinct[0] else "part.up_to", shown[0])]
        descriptions += [part("part.between", a, b) for a, b in pairwise(shown)]
        largest = amount(distinct[-1], field.kind)
        descriptions.append(part("part.value", largest) if edges[-1] == distinct[-2] else part("part.over", shown[-1]))
    return _with_missing(field, codes, descriptions, np.isnan(values))


def _part(field: Field, code: str, value: str = "", end: str = "", *, length: bool = False) -> Message:
    return Message(code, {"column": field.name, "value": value, "end": end, "length": length})


def _levels(field: Field, column: Column) -> Parts:
    own, spellings = spelled(column)
    known = field.profile.get("levels", {})  # others may be private
    counts = np.bincount(own[own >= 0], minlength=len(spellings))
    common = [i for i in np.argsort(-counts, kind="stable") if spellings[i] in known][:_MOST_LEVELS]
    place = np.full(len(spellings) + 1, -1, dtype=np.intp)
    place[common] = np.arange(len(common))
    descriptions = [_part(field, "part.level", _short(spellings[i])) for i in common]
    return _with_missing(field, np.where(own >= 0, place[own], -1), descriptions, own < 0)


def _lengths(field: Field, column: Column) -> Parts:
    coded = coded_numbers(column) if isinstance(column, Numbers) else column
    lengths = coded.map(lambda level: float(len(schema.read_text(level) or "")), np.nan, np.float64)
    return _ranges(field, lengths, length=True)


def _with_missing(field: Field, codes: NDArray[np.intp], known: list[Message], missing: NDArray[np.bool_]) -> Parts:
    return Parts(field.name, np.where(missing, len(known), codes), [*known, _part(field, "part.missing")])


def _short(level: str) -> str:
    return level if len(level) <= _LONGEST_LEVEL else level[: _LONGEST_LEVEL - 1] + "…"


def missing_column(n: int) -> Coded:
    """A column of n rows, all missing."""
    return Coded(np.full(n, -1, dtype=np.int32), [])
