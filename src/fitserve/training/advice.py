"""By what rows should be split: the user's columns, and advice where none is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.checks.order import in_order, names_somebody, repeats
from fitserve.data.kinds import infer_field
from fitserve.data.split import Split
from fitserve.errors import SpecError
from fitserve.features.column import Column, Numbers
from fitserve.features.moment import moments_of
from fitserve.features.number import number_reader, numbers_of
from fitserve.schema import Field, Kind
from fitserve.training.spec import Spec

_LOOKED_AT = 200


def order_of(series: pl.Series) -> NDArray[np.float64]:
    """The order of rows by a column of dates or numbers, NaN where it has none; raises SpecError for other columns."""
    field, column = infer_field(series)
    if field.kind is Kind.DATETIME:
        moments = moments_of(column)
    elif isinstance(column, Numbers):
        moments = column.values
    else:
        moments = numbers_of(column, number_reader(column).read)
    if np.isnan(moments).mean() > 0.5 or len(np.unique(moments[~np.isnan(moments)])) < 2:
        raise SpecError(
            f"column {series.name!r} holds {field.reason}, which puts no rows in order; name another --time"
        )
    return moments


def log_column(frame: pl.DataFrame, names: Sequence[str]) -> str | None:
    """The first of some columns that holds dates in whose order the rows stand, from first to last or back.

    Such a table is a log, and it is later rows that will be predicted.
    """
    for name in names:
        few = frame[name].gather_every(max(1, frame.height // _LOOKED_AT))
        if _is_log(few) and _is_log(frame[name]):
            return name
    return None


def _is_log(series: pl.Series) -> bool:
    field, column = infer_field(series)
    return field.kind is Kind.DATETIME and in_order(moments_of(column))


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
