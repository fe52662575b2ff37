"""By what rows should be split: the user's columns, and advice where none is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.checks.order import in_order, names_somebody, repeats
from fitserve.data.split import Split
from fitserve.data.understanding.choices import Choices
from fitserve.data.understanding.kinds import infer_field
from fitserve.data.understanding.profiles import missing_share, profile_of
from fitserve.errors import DataError, SpecError
from fitserve.features.column import Column, Numbers, take
from fitserve.features.moment import moments_of
from fitserve.features.number import number_reader, numbers_of
from fitserve.schema import Field, Kind
from fitserve.training.spec import Spec

_LOOKED_AT = 200
_NO_CHOICES = Choices()


@dataclass(frozen=True)
class Order:
    """A column by which rows are in order, as it was read: ``moments`` (n,) are its numbers, NaN where it has none."""

    field: Field
    column: Column
    moments: NDArray[np.float64]

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.field.name

    def of_rows(self, rows: NDArray[np.intp]) -> Field:
        """The field with the share of gaps and the profile of some rows."""
        own = take(self.column, rows)
        kind = self.field.kind
        return replace(self.field, missing=missing_share(own, kind), profile=profile_of(own, kind))


def order_of(series: pl.Series, choices: Choices = _NO_CHOICES) -> Order:
    """The order of rows by a column of dates or numbers; raises SpecError for other columns."""
    order = _read(series, choices)
    moments = order.moments
    if np.isnan(moments).mean() > 0.5 or len(np.unique(moments[~np.isnan(moments)])) < 2:
        told = f"column {series.name!r} holds {order.field.reason}, which puts no rows in order"
        raise SpecError(f"{told}; name another --time")
    return order


def _read(series: pl.Series, choices: Choices) -> Order:
    field, column = infer_field(series, choices.kinds.get(series.name), choices.spellings.get(series.name, ""))
    if field.kind is Kind.DATETIME:
        return Order(field, column, moments_of(column))
    numbers = column.values if isinstance(column, Numbers) else numbers_of(column, number_reader(column).read)
    return Order(field, column, np.where(np.isfinite(numbers), numbers, np.nan))


def log_order(frame: pl.DataFrame, names: Sequence[str], choices: Choices = _NO_CHOICES) -> Order | None:
    """The order by the first of some columns that holds dates, where rows stand in it, from first to last or back.

    Such a table is a log, and it is later rows that will be predicted.
    """
    for name in names:
        few = frame[name].gather_every(max(1, frame.height // _LOOKED_AT))
        if _is_log(_read_if_dates(few, choices)):
            order = _read_if_dates(frame[name], choices)
            if _is_log(order):
                return order
    return None


def _read_if_dates(series: pl.Series, choices: Choices) -> Order | None:
    if series.dtype != pl.String and not series.dtype.is_temporal() and series.name not in choices.kinds:
        return None
    try:
        return _read(series, choices)
    except DataError:  # a column that no kind fits is told where it is used
        return None


def _is_log(order: Order | None) -> bool:
    return order is not None and order.field.kind is Kind.DATETIME and in_order(order.moments)


def group_keys(series: pl.Series) -> NDArray[np.int64]:
    """A number for each value of a column, -1 where it has none; raises SpecError unless there are two values."""
    keys = series.cast(pl.String, strict=False).rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    if len(np.unique(keys[keys >= 0])) < 2:
        raise SpecError(f"column {series.name!r} has one value only, which makes no groups; name another --group")
    return keys


def split_advice(spec: Spec, fields: Sequence[Field], table: Mapping[str, Column], split: Split) -> list[str]:
    """Warnings where a random test part is probably too easy, with what to do."""
    if spec.time is not None or spec.group is not None or not len(split.test):
        return []
    told = []
    dated = [field.name for field in fields if field.used and field.kind is Kind.DATETIME]
    if dated:
        told.append(
            f"column {dated[0]!r} holds dates, and the test part is random: if it is later rows that you will predict, "
            f"train with --time {dated[0]!r}"
        )
    for field in fields:
        if field.used and names_somebody(field) and (often := repeats(table[field.name])):
            told.append(
                f"column {field.name!r} has each value {often:.1f} times on average: if rows with one value belong "
                f"together, train with --group {field.name!r}"
            )
    return told
