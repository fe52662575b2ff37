"""By which column the rows of a table are in order: the one that the user names, or dates in whose order they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.split import can_validate
from fitserve.data.understanding.choices import Choices
from fitserve.data.understanding.kinds import infer_field
from fitserve.data.understanding.profiles import missing_share, numbers_in, profile_of
from fitserve.data.understanding.series import NUMBER, column_of_series
from fitserve.errors import SpecError
from fitserve.features.column import Column, take
from fitserve.features.moment import moments_of
from fitserve.messages import render
from fitserve.schema import Field, Kind

_LOOKED_AT, _FIRST = 200, 10
_FEWEST_MOMENTS, _MOST_GAPS = 10, 0.01


@dataclass(frozen=True)
class Order:
    """A column by which rows are in order: ``moments`` (n,) are its numbers, NaN where it has none.

    Where it holds dates, ``dates`` are the field and the column as they were understood from all rows.
    """

    name: str
    moments: NDArray[np.float64]
    dates: tuple[Field, Column] | None = None

    def dates_of(self, rows: NDArray[np.intp]) -> tuple[Field, Column]:
        """The dates of all rows, with the share of gaps and the profile of some of them."""
        assert self.dates is not None
        field, column = self.dates
        own = take(column, rows)
        profile = profile_of(own, field.kind)
        return replace(field, missing=missing_share(own, field.kind), profile=profile), column


def in_order(moments: NDArray[np.float64]) -> bool:
    """Whether rows with some moments, NaN where there is none, stand in their order, from first to last or back."""
    known = moments[~np.isnan(moments)]
    steps = np.diff(known)
    sorted_so = bool((steps >= 0).all() or (steps <= 0).all())
    return sorted_so and len(np.unique(known)) >= _FEWEST_MOMENTS and len(known) >= (1 - _MOST_GAPS) * len(moments)


def order_by(series: pl.Series, choices: Choices) -> Order:
    """The order of rows by a column of dates or numbers; raises SpecError for other columns."""
    if not series.dtype.is_nested() and not _may_be_dates(series, choices):
        numbers = _finite(column_of_series(series, Kind.NUMBER, choices.spellings.get(series.name, "")))
        if _differ(numbers):
            return Order(series.name, numbers)
    field, column = _inferred(series, choices)
    dated = field.kind is Kind.DATETIME
    order = Order(series.name, moments_of(column), (field, column)) if dated else Order(series.name, _finite(column))
    if not _differ(order.moments):
        raise SpecError(
            f"column {series.name!r} holds {render(field.reason)}, which puts no rows in order; name another --time"
        )
    return order


def log_order(frame: pl.DataFrame, names: Sequence[str], choices: Choices, labels: NDArray[np.int64]) -> Order | None:
    """The order by the first of some columns that holds dates, where rows stand in it, from first to last or back.

    Such a table is a log, and it is later rows that will be predicted. None where no model can be evaluated on the last
    rows, or they hold ``labels`` (n,) that no other row has. Most columns are told apart by a look at some rows; what
    is in order is understood from all of them.
    """
    for name in names:
        series = frame[name]
        if not _may_be_dates(series, choices) or not in_order(_moments(_few(series), choices)):
            continue
        moments = _moments(series, choices)
        if not in_order(moments):
            continue
        if not can_validate(moments, labels):
            return None
        field, column = _inferred(series, choices)
        if field.kind is Kind.DATETIME:
            return Order(name, moments, (field, column))
    return None


def _inferred(series: pl.Series, choices: Choices) -> tuple[Field, Column]:
    return infer_field(series, choices.kinds.get(series.name), choices.spellings.get(series.name, ""))


def _may_be_dates(series: pl.Series, choices: Choices) -> bool:
    """Whether a column is worth reading as dates: a text that is a number is none."""
    if series.name in choices.kinds:
        return choices.kinds[series.name] is Kind.DATETIME and not series.dtype.is_nested()
    if series.dtype == pl.String:
        first = _few(series).head(_FIRST).drop_nulls().to_list()
        return sum(NUMBER.match(text.strip()) is not None for text in first) <= _FIRST / 2
    return series.dtype.is_temporal()


def _few(series: pl.Series) -> pl.Series:
    """Some rows, taken evenly."""
    return series.gather_every(max(1, len(series) // _LOOKED_AT))


def _moments(series: pl.Series, choices: Choices) -> NDArray[np.float64]:
    return moments_of(column_of_series(series, Kind.DATETIME, choices.spellings.get(series.name, "")))


def _finite(column: Column) -> NDArray[np.float64]:
    """A column as numbers, NaN where it has none or an infinite one."""
    numbers = numbers_in(column)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _differ(moments: NDArray[np.float64]) -> bool:
    """Whether most rows have a moment, and not all of them the same."""
    known = moments[~np.isnan(moments)]
    return len(known) >= len(moments) / 2 and len(np.unique(known)) >= 2
