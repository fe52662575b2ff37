"""A table as checks see it: kinds, columns read by them, the target, and a sample for costly looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.checks.association import explained_share, number_bins, target_matrix
from fitserve.data.error_detection.wrong_cells import WrongCell, find_wrong_cells
from fitserve.data.understanding.profiles import numbers_in
from fitserve.data.understanding.target import Target
from fitserve.features.category import level_counts
from fitserve.features.column import Column, Numbers, take
from fitserve.features.moment import moments_of
from fitserve.features.number import BooleanStep
from fitserve.schema import Field, Kind, read_category

MOST_SAMPLED = 20_000
_MOST_CELLS_SAMPLED = 4_000_000
_NUMERIC = (Kind.NUMBER, Kind.DATETIME, Kind.BOOLEAN)
_FEW_CODES = 200
_FEWEST_ROWS_TO_TELL = 10
_MOST_ROWS_FOR_CELLS, _MOST_COLUMNS_FOR_CELLS = 100_000, 60


@dataclass(frozen=True)
class CheckedTable:
    """``columns`` are those of all rows, without the target; ``target`` is None where none was named."""

    frame: pl.DataFrame
    fields: Sequence[Field]
    columns: Mapping[str, Column]
    target: Target | None = None

    @property
    def height(self) -> int:
        """The number of rows."""
        return self.frame.height

    @cached_property
    def sample(self) -> NDArray[np.intp]:
        """Rows for costly looks, evenly taken and in order; all of a small table."""
        most = min(MOST_SAMPLED, max(_MOST_CELLS_SAMPLED // max(len(self.fields), 1), 500))
        return np.unique(np.linspace(0, self.height - 1, min(self.height, most)).astype(np.intp))

    def is_numeric(self, field: Field) -> bool:
        """Whether a column can be taken as numbers."""
        return field.kind in _NUMERIC or (field.kind is Kind.IDENTIFIER and self.known_numbers(field.name) is not None)

    def known_numbers(self, name: str) -> NDArray[np.float64] | None:
        """The sampled values of a column that holds numbers itself; None for others."""
        column = self.columns[name]
        return column.values[self.sample] if isinstance(column, Numbers) else None

    @cached_property
    def numbers(self) -> dict[str, NDArray[np.float64]]:
        """Sampled values of all numbers, dates and booleans by column, NaN where missing."""
        found = {}
        for field in self.fields:
            if self.is_numeric(field):
                found[field.name] = as_numbers(take(self.columns[field.name], self.sample), field.kind)
        return found

    @cached_property
    def codes(self) -> dict[str, NDArray[np.int32]]:
        """Sampled levels of all other columns as codes by frequency, 0 where missing, the rarest under one code."""
        return {
            field.name: as_codes(take(self.columns[field.name], self.sample))
            for field in self.fields
            if not self.is_numeric(field)
        }

    @cached_property
    def wrong_cells(self) -> list[WrongCell]:
        """Cells that the table itself contradicts, among its first rows and those columns whose values repeat."""
        return find_wrong_cells(self._repeating)

    @property
    def n_cells(self) -> int:
        """How many cells `wrong_cells` has looked at."""
        return self._repeating.height * self._repeating.width

    @cached_property
    def _repeating(self) -> pl.DataFrame:
        """The part of the table that can contradict itself: numbers that hardly repeat cannot."""
        names = {field.name for field in self.fields if self._repeats(field)}
        if self.target is not None:
            names.add(self.target.name)
        chosen = [name for name in self.frame.columns if name in names][:_MOST_COLUMNS_FOR_CELLS]
        return self.frame.select(chosen).head(_MOST_ROWS_FOR_CELLS)

    def _repeats(self, field: Field) -> bool:
        values = self.numbers.get(field.name)
        if values is None:
            part = self.frame[field.name].head(_MOST_ROWS_FOR_CELLS)
            return part.dtype == pl.String and part.n_unique() <= len(part) / 2
        return len(np.unique(values)) <= len(values) / 2

    @cached_property
    def values(self) -> dict[str, NDArray[Any]]:
        """Numbers where a column is numeric, else codes."""
        return {**self.numbers, **self.codes}

    @cached_property
    def explained(self) -> dict[str, float]:
        """The share of the target that each column tells by itself; nothing of names of rows, or without a target."""
        if self.target is None:
            return {}
        known, wanted = target_matrix(self.target, self.sample)
        if len(known) < _FEWEST_ROWS_TO_TELL:
            return {}
        binned = {name: number_bins(values[known]) for name, values in self.numbers.items()}
        binned |= {name: codes[known] for name, codes in self.codes.items()}
        named = [field.name for field in self.fields if field.kind is not Kind.IDENTIFIER]
        return {name: explained_share(binned[name], wanted) for name in named}


def as_numbers(column: Column, kind: Kind) -> NDArray[np.float64]:
    """A column of numbers, dates or booleans as float64, NaN where missing or unreadable."""
    if kind is Kind.BOOLEAN:
        return BooleanStep("", True).column(column)[:, 0].astype(np.float64)
    if kind is Kind.DATETIME:
        return moments_of(column)
    return numbers_in(column)


def as_codes(column: Column, most: int = _FEW_CODES) -> NDArray[np.int32]:
    """Levels as codes by frequency from 1; 0 is missing, ``most`` stands for all levels that are rarer."""
    counts = level_counts(column)
    ranked = sorted(counts, key=lambda level: (-counts[level], level))
    place = {level: min(i, most) for i, level in enumerate(ranked, 1)}
    if isinstance(column, Numbers):
        levels, inverse = np.unique(column.values, return_inverse=True)
        return np.array([place.get(read_category(v) or "", 0) for v in levels.tolist()], dtype=np.int32)[inverse]

    def code(level: object) -> int:
        try:
            return place.get(read_category(level) or "", 0)
        except ValueError:
            return 0

    return column.map(code, 0, np.int32)
