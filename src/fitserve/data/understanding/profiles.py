"""What serving and drift need to know of the values of a column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.features.category import gap_counts, level_counts
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.moment import moments_of
from fitserve.features.number import BooleanStep, number_reader, numbers_of
from fitserve.schema import Kind, Level, is_no_text

_PROFILE_LEVELS = 100


def missing_share(column: Column, kind: Kind) -> float:
    """The share of rows without a value, 0 to 1; an infinite number is none."""
    if kind is Kind.BOOLEAN:
        return float(np.isnan(BooleanStep("", missing_seen=True).column(column)).mean())
    if kind is Kind.DATETIME:
        return float(np.isnan(moments_of(column)).mean())
    if kind is Kind.NUMBER:
        return float((~np.isfinite(numbers_in(column))).mean())
    if isinstance(column, Numbers):
        return float(np.isnan(column.values).mean())
    if kind in (Kind.TEXT, Kind.SERIES):  # "NA" is a text
        return float(column.map(is_no_text, True, np.bool_).mean())
    return (len(column) - sum(level_counts(column).values())) / max(len(column), 1)


def profile_of(column: Column, kind: Kind) -> dict[str, Any]:
    """Range and quantiles, or levels and counts.

    ``gaps`` and ``kept`` count texts such as "NA" that were taken for missing values, and those that were not.
    """
    if kind in (Kind.NUMBER, Kind.DATETIME):
        read = moments_of(column) if kind is Kind.DATETIME else numbers_in(column)
        known = read[np.isfinite(read)]
        if not len(known):
            return {}
        quantiles = np.quantile(known, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1], method="nearest").tolist()
        return {"quantiles": quantiles, "whole": bool((known == np.floor(known)).all())}
    if kind in (Kind.TEXT, Kind.SERIES):
        return {}
    counts = level_counts(column)
    if kind is Kind.IDENTIFIER:  # its values name single rows, which may be private
        return {"n_levels": len(counts)}
    common = sorted(counts, key=lambda level: (-counts[level], level))
    levels = {level: counts[level] for level in common[:_PROFILE_LEVELS]}
    return {"levels": levels, "n_levels": len(counts), **(_gaps(column) if kind is Kind.CATEGORY else {})}


def _gaps(column: Column) -> dict[str, Any]:
    if not isinstance(column, Coded):
        return {}
    occurrences = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels)).tolist()
    kept: dict[str, int] = {}
    for level, count in zip(column.levels, occurrences, strict=True):
        if count and isinstance(level, Level):
            kept[level.strip()] = kept.get(level.strip(), 0) + count
    gaps = gap_counts(column)
    return {**({"gaps": gaps} if gaps else {}), **({"kept": kept} if kept else {})}


def numbers_in(column: Column) -> NDArray[np.float64]:
    """A column as numbers (n,), spelled as is found out from its texts; NaN where there is none."""
    return column.values if isinstance(column, Numbers) else numbers_of(column, number_reader(column).read)
