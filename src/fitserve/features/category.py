"""Categories as int32 codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve import schema
from fitserve.features.base import Notes, PlainState, Problem, described
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.number import note_missing
from fitserve.features.spelling import ANY_CASE, folded
from fitserve.schema import Kind

MISSING_CODE, UNSEEN_CODE, FIRST_LEVEL_CODE = 0, 1, 2
_LEVELS_SHOWN, _LEVELS_TOLD, _MOST_LEVELS = 20, 12, 100


@dataclass(frozen=True)
class CategoryStep(PlainState):
    """0 for a missing value, 1 for a level that was unseen or rare in training, then 2, 3, … by frequency.

    ``gaps`` are the texts, without case, that said in training that there is no value; others such as "NA" are read so,
    too, and noted. ``any_case`` says that levels which differ in case or blanks alone are one.
    """

    block: ClassVar[str] = "codes"
    width: ClassVar[int] = 1
    # Identifiers and constants come here only when nothing better is left; their levels are all they have.
    kinds: ClassVar[Sequence[Kind]] = (Kind.CATEGORY, Kind.IDENTIFIER, Kind.CONSTANT)

    field: str
    levels: Sequence[str]
    missing_seen: bool
    gaps: Sequence[str] = ()
    any_case: bool = False

    @cached_property
    def code_of(self) -> dict[object, int]:
        """The code of each level, by its canonical spelling."""
        return {level: code for code, level in enumerate(self.levels, FIRST_LEVEL_CODE)}

    @cached_property
    def _code_of_folded(self) -> dict[str, int]:
        """The code of each level by its spelling without case; the most frequent of equals."""
        return {folded(level): self.code_of[level] for level in reversed(self.levels)} if self.any_case else {}

    @property
    def n_codes(self) -> int:
        """How many codes there are, missing and unseen included."""
        return len(self.levels) + FIRST_LEVEL_CODE

    @classmethod
    def fit(cls, field: str, column: Column, *, ordered: bool = False) -> CategoryStep:
        """See `fit_category`."""
        del ordered
        return fit_category(field, column)

    def again(self, column: Column) -> CategoryStep:
        """The step of other rows."""
        return fit_category(self.field, column)

    def schema(self, description: str) -> dict[str, Any]:
        """A level in any type, with those of the training."""
        levels = list(self.levels)
        listed = ", ".join(levels[:_LEVELS_TOLD]) + (", …" if len(levels) > _LEVELS_TOLD else "")
        known = {"examples": levels[:_MOST_LEVELS], "x-levels-in-training": levels[:_MOST_LEVELS]}
        return {"type": ["string", "number", "boolean", "null"], "description": f"{description}: {listed}", **known}

    def example(self, profile: Mapping[str, Any], place: float) -> str | None:
        """The most frequent level in the middle, others at the edges."""
        del profile
        if not self.levels:
            return None
        return self.levels[0] if place == 0.5 else self.levels[int(place * (len(self.levels) - 1))]

    def row(self, value: object, out: list[int], notes: Notes) -> None:
        """Append the code of one value."""
        code = self.code_of.get(value) if value.__class__ is str else None
        out.append(self._unusual(value, notes) if code is None else code)

    def _unusual(self, value: object, notes: Notes) -> int:
        if isinstance(value, str) and (code := self.code_of.get(value.strip())) is not None:
            return code  # a level that looks like a missing value, too
        try:
            level = schema.read_category(value)
        except ValueError as error:
            message = f"{error}; send one of its levels"
            notes.append(Problem("not_a_category", self.field, message, described(value), fatal=True))
            return UNSEEN_CODE
        if level is None:
            self._note_missing(value, notes)
            return MISSING_CODE
        code = self.code_of.get(level, UNSEEN_CODE)
        if code == UNSEEN_CODE and self.any_case:
            code = self._code_of_folded.get(folded(level), UNSEEN_CODE)
        if code == UNSEEN_CODE:
            self._note_unseen(value, notes)
        return code

    def _note_missing(self, value: object, notes: Notes) -> None:
        text = value.strip().casefold() if isinstance(value, str) else ""
        if text in schema.MAY_BE_LEVELS and text not in self.gaps:
            message = "read as a missing value, which no row of the training had in this spelling"
            notes.append(Problem("read_as_missing", self.field, message, described(value)))
        else:
            note_missing(self.field, self.missing_seen, notes)

    def _note_unseen(self, value: object, notes: Notes) -> None:
        known = list(self.levels[:_LEVELS_SHOWN])
        message = f"not among the {len(self.levels)} categories learned in training"
        notes.append(Problem("unseen_category", self.field, message, described(value), known, among=self.levels))

    def column(self, column: Column) -> NDArray[np.int32]:
        """Int32 of shape (n, 1)."""
        if isinstance(column, Numbers):
            column = coded_numbers(column)
        discarded: Notes = []
        read = [self._unusual(level, discarded) for level in column.levels]
        return np.array([*read, MISSING_CODE], dtype=np.int32)[column.codes][:, None]


def fit_category(field: str, column: Column, most_levels: int = 1000, least_count: int = 2) -> CategoryStep:
    """A step for one column: its most frequent levels, at most ``most_levels``, each seen ``least_count`` times.

    What is rarer shares the code of unseen levels, which so learns what the unknown is like.
    """
    counts = level_counts(column)
    least_count = least_count if max(counts.values(), default=0) >= least_count else 1
    frequent = [level for level, count in counts.items() if count >= least_count]
    frequent.sort(key=lambda level: (-counts[level], level))
    missing = len(column) - sum(counts.values())
    any_case = isinstance(column, Coded) and column.spelling == ANY_CASE
    return CategoryStep(field, frequent[:most_levels], missing > 0, sorted(gap_counts(column)), any_case)


def gap_counts(column: Column) -> dict[str, int]:
    """How often each text, without case and blanks around it, says that there is no value."""
    counts: dict[str, int] = {}
    if isinstance(column, Coded):
        occurrences = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels)).tolist()
        for value, count in zip(column.levels, occurrences, strict=True):
            if count and isinstance(value, str) and value.strip() and schema.read_category(value) is None:
                text = value.strip().casefold()
                counts[text] = counts.get(text, 0) + count
    return counts


def level_counts(column: Column) -> dict[str, int]:
    """How often each level occurs, by its canonical spelling: of those that are one, the most frequent."""
    counts = _spelled_counts(column)
    if not (isinstance(column, Coded) and column.spelling == ANY_CASE):
        return counts
    merged: dict[str, list[str]] = {}
    for level in sorted(counts, key=lambda level: (-counts[level], level)):
        merged.setdefault(folded(level), []).append(level)
    return {levels[0]: sum(counts[level] for level in levels) for levels in merged.values()}


def _spelled_counts(column: Column) -> dict[str, int]:
    if isinstance(column, Numbers):
        column = coded_numbers(column)
    occurrences = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels)).tolist()
    counts: dict[str, int] = {}
    for value, count in zip(column.levels, occurrences, strict=True):
        try:
            level = schema.read_category(value)
        except ValueError:
            continue
        if level is not None and count:
            counts[level] = counts.get(level, 0) + count
    return counts


def coded_numbers(column: Numbers) -> Coded:
    """A column of numbers by its distinct values."""
    missing = np.isnan(column.values)
    levels, inverse = np.unique(column.values[~missing], return_inverse=True)
    codes = np.full(len(column), -1, dtype=np.int32)
    codes[~missing] = inverse
    return Coded(codes, levels.tolist())
