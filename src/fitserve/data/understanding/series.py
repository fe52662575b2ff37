"""Columns of polars as steps take them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl

from fitserve import schema
from fitserve.features.column import Coded, Column, Numbers, coded, moments_of_micros
from fitserve.schema import Kind

FULL_NUMBER = f"^(?:{schema.NUMBER_PATTERN})$"
NUMBER = re.compile(rf"(?:{schema.NUMBER_PATTERN})\Z")
# Up to so many rows plain Python is faster than the calls of polars; wide tables have thousands of columns.
SHORT = 200
# More spellings of "missing" than there are: a column with so many other texts is none of numbers.
_MOST_SPELLINGS = 1000


def column_of_series(
    series: pl.Series, kind: Kind | None = None, spelling: str = "", kept: frozenset[str] = frozenset()
) -> Column:
    """A polars column as a step takes it. ``kind`` decides whether spelled numbers become floats at once.

    ``spelling`` says how its texts are meant, ``kept`` which of them are levels although they look like missing values.
    """
    dtype = series.dtype
    if dtype == pl.String and (spelling or kept):
        column = _texts(series)
        levels = [schema.Level(text) if text.strip() in kept else text for text in map(str, column.levels)]
        return Coded(column.codes, levels, spelling)
    if dtype == pl.String:
        return _spelled_numbers(series) if kind is Kind.NUMBER else _texts(series)
    if dtype == pl.Null:
        return Coded(np.full(len(series), -1, dtype=np.int32), [])
    if dtype == pl.Boolean:
        return Coded(series.cast(pl.Int32).fill_null(-1).to_numpy(), [False, True])
    if dtype.is_numeric():
        counted = kind in (Kind.NUMBER, Kind.DATETIME) or (kind is None and not _is_long(series))
        return _floats(series) if counted or dtype.is_float() else coded(series.to_list())
    return _other_column(series, kind)


def _is_long(series: pl.Series) -> bool:
    """Whether some whole numbers have more digits than a float keeps."""
    ends: list[Any] = [] if series.dtype.is_float() else [series.min(), series.max()]
    return any(end is not None and abs(int(end)) >= schema.LARGEST_EXACT for end in ends)


def _other_column(series: pl.Series, kind: Kind | None) -> Column:
    if series.dtype == pl.Date or isinstance(series.dtype, pl.Datetime):
        return _moments(series) if kind in (None, Kind.DATETIME, Kind.NUMBER) else coded(series.to_list())
    if isinstance(series.dtype, (pl.Categorical, pl.Enum)):
        return column_of_series(series.cast(pl.String), kind)
    if isinstance(series.dtype, (pl.List, pl.Array)) and kind is Kind.SERIES:
        codes = np.where(series.is_null().to_numpy(), -1, np.arange(len(series))).astype(np.int32)
        return Coded(codes, series.to_list())
    if isinstance(series.dtype, (pl.List, pl.Array)):
        return coded([schema.read_text(value) for value in series.to_list()])
    return coded([None if value is None else str(value) for value in series.to_list()])


def _floats(series: pl.Series) -> Numbers:
    return Numbers(series.cast(pl.Float64).fill_null(np.nan).to_numpy())


def _moments(series: pl.Series) -> Numbers:
    """Epoch seconds; NaN for null."""
    micros = series.cast(pl.Datetime("us")).to_physical()
    seconds = moments_of_micros(micros.fill_null(0).to_numpy())
    return Numbers(np.where(micros.is_null().to_numpy(), np.nan, seconds))


def _texts(series: pl.Series) -> Coded:
    if len(series) <= SHORT:
        return coded(series.to_list())
    levels = series.drop_nulls().unique(maintain_order=True)
    codes = series.cast(pl.Enum(levels)).to_physical().cast(pl.Int32).fill_null(-1)
    return Coded(codes.to_numpy(), levels.to_list())


def _spelled_numbers(series: pl.Series) -> Column:
    """Floats if every text is a number by the one pattern of `schema`, or missing; else the texts, for the step."""
    if len(series) <= SHORT:
        return _few_spelled_numbers(series.to_list())
    stripped = series.str.strip_chars()
    read = is_number_text(stripped)
    if not all_missing(stripped.filter(~read), schema.MISSING_WHERE_TYPED):
        return _texts(series)
    numbers = stripped.set(~read, None).cast(pl.Float64, strict=False)
    return _texts(series) if int(read.sum()) > len(numbers) - numbers.null_count() else _floats(numbers)


def is_number_text(stripped: pl.Series) -> pl.Series:
    """Which texts, without blanks around them, are numbers by the one pattern of `schema`."""
    short = stripped.str.len_chars() <= schema.LONGEST_TYPED
    return (stripped.str.contains(FULL_NUMBER) & short).fill_null(False)


def all_missing(texts: pl.Series, spellings: frozenset[str]) -> bool:
    """Whether texts, without blanks around them, all say that there is no value."""
    return all(text.casefold() in spellings for text in texts.drop_nulls().unique().to_list()[:_MOST_SPELLINGS])


def _few_spelled_numbers(values: list[str | None]) -> Column:
    """The same in plain Python: a call of polars costs as much as some hundred values."""
    numbers = np.full(len(values), np.nan)
    for i, value in enumerate(values):
        text = "" if value is None else value.strip()
        if len(text) <= schema.LONGEST_TYPED and NUMBER.match(text):
            numbers[i] = float(text)
        elif text.casefold() not in schema.MISSING_WHERE_TYPED:
            return coded(values)
    return Numbers(numbers)
