"""Single values that are not what they seem: zeros and nines that mean "missing", outliers, mixed types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve import schema
from fitserve.data.checks.finding import Finding, note, warn
from fitserve.data.checks.table import CheckedTable, as_numbers
from fitserve.features.column import Coded, Numbers
from fitserve.schema import Field, Kind, Remark

_FEWEST_ROWS = 30
# A zero means "missing" if it is rare enough, the other numbers stay away from it, and they lie close together.
_FEWEST_ZEROS, _ZERO_SHARE, _ZERO_GAP, _ZERO_SPACINGS = 3, 0.6, 0.1, 5
_FEWEST_PLACEHOLDERS = 3
# Outliers lie so many widths of the inner 98 % of the values away from them.
_WIDTHS, _WIDTHS_OF_LOGS, _SKEWED = 3.0, 1.5, 1.5
# So many times the width of the inner 98 % away, a value hides all others.
_ABSURD = 100.0
_MIXED = (0.05, 0.95)
_MOST_SHOWN, _EXAMPLES = 4, 3
_FEWEST_NUMBERS = 3
_NUMBER = f"^(?:{schema.NUMBER_PATTERN})$"


def zeros(table: CheckedTable) -> Iterator[Finding]:
    """Zeros among numbers that are all far from zero."""
    for field, known in _number_columns(table):
        nought = int((known == 0).sum())
        rest = np.sort(known[known != 0])
        if not _FEWEST_ZEROS <= nought <= _ZERO_SHARE * len(known) or len(rest) < _FEWEST_ROWS or rest[0] < 0:
            continue
        nearest, middle = float(rest[0]), float(np.median(rest))
        if nearest >= _ZERO_GAP * middle and nearest >= _ZERO_SPACINGS * _spacing(rest):
            yield warn("zero_means_missing", [field.name], nought, rows=[nought, len(known)], least=nearest)


def _spacing(ascending: NDArray[np.float64]) -> float:
    """The usual distance from one value to the next, at the lower end."""
    distinct = np.unique(ascending)
    lower = distinct[: max(10, len(distinct) // 10)]
    return float(np.median(np.diff(lower))) if len(lower) > 1 else float("inf")


def placeholders(table: CheckedTable) -> Iterator[Finding]:
    """Numbers such as 999 or -1 that stand for something else: at an end, repeated, far from the others."""
    for field, known in _number_columns(table):
        for value in (float(known.max()), float(known.min())):
            rest = known[known != value]
            count = len(known) - len(rest)
            if count < _FEWEST_PLACEHOLDERS or len(rest) < _FEWEST_ROWS or not _is_placeholder(value, rest):
                continue
            yield warn("placeholder", [field.name], count, value=value, rows=[count, len(known)])


def _is_placeholder(value: float, rest: NDArray[np.float64]) -> bool:
    low, high = np.quantile(rest, [0.01, 0.99])
    width = max(float(high - low), 1e-300)
    distance = value - rest.max() if value > 0 else rest.min() - value
    digits = f"{abs(value):.0f}"
    if value == -1:
        return bool(rest.min() >= 0 and np.median(rest) >= 10 and rest.min() > 0)
    return set(digits) == {"9"} and len(digits) > 1 and value == int(value) and distance > width


def outliers(table: CheckedTable) -> Iterator[Finding]:
    """Numbers far beyond the range in which nearly all lie."""
    yield from _outliers(table, absurd=False)


def absurd_outliers(table: CheckedTable) -> Iterator[Finding]:
    """Those of them that lie so far out that a model of them may be worthless."""
    yield from _outliers(table, absurd=True)


def _outliers(table: CheckedTable, *, absurd: bool) -> Iterator[Finding]:
    for name, known in [*((field.name, known) for field, known in _number_columns(table)), *_target_numbers(table)]:
        far, low, high = _far(known)
        furthest = float(np.abs(known - (low + high) / 2).max())
        if not far.any() or (furthest > _ABSURD * (high - low)) != absurd:
            continue
        shown = np.unique(known[far])
        examples = (shown[:2].tolist() + shown[-1:].tolist())[: len(shown)]
        yield warn("outliers", [name], int(far.sum()), low=low, high=high, examples=examples)


def _far(known: NDArray[np.float64]) -> tuple[NDArray[np.bool_], float, float]:
    """Which values are outliers, and the range of the inner 98 %. Long tails are looked at in logarithms."""
    low, high = (float(q) for q in np.quantile(known, [0.01, 0.99]))
    inner = known[(known >= low) & (known <= high)]
    spread = float(inner.std())
    skew = float(np.mean(((inner - inner.mean()) / spread) ** 3)) if spread > 0 else 0.0
    if spread == 0 or not np.isfinite(spread):
        return np.zeros(len(known), dtype=bool), low, high
    if abs(skew) > _SKEWED:
        # A long tail goes on; what is far from it is so by powers.
        shift = known - low if skew > 0 else high - known
        scaled = np.sign(shift) * np.log1p(np.abs(shift) / spread)
        edge = np.quantile(scaled, [0.01, 0.99])
        width = _WIDTHS_OF_LOGS * float(edge[1] - edge[0])
        return (scaled < edge[0] - width) | (scaled > edge[1] + width), low, high
    width = _WIDTHS * (high - low)
    return (known < low - width) | (known > high + width), low, high


def infinities(table: CheckedTable) -> Iterator[Finding]:
    """Infinite numbers, which are mostly the result of a division by zero."""
    for field in table.fields:
        if field.kind is Kind.NUMBER:
            column = table.columns[field.name]
            values = column.values if isinstance(column, Numbers) else as_numbers(column, field.kind)
            count = int(np.isinf(values).sum())
            if count:
                yield warn("infinite", [field.name], count, rows=[count, len(values)])


def texts_for_gaps(table: CheckedTable) -> Iterator[Finding]:
    """Words such as "NA" in columns of levels that are taken for missing values."""
    every = _of_levels(table, "gaps")
    words = {name: {text: n for text, n in counts.items() if text.isalpha()} for name, counts in every.items()}
    found = {name: counts for name, counts in words.items() if counts}
    if found:
        yield note("texts_for_gaps", list(found), sum(sum(c.values()) for c in found.values()), **_counted(found))


def levels_like_gaps(table: CheckedTable) -> Iterator[Finding]:
    """Words such as "NA" that are taken for levels like others."""
    found = _of_levels(table, "kept")
    if found:
        text, count = next(iter(next(iter(found.values())))), sum(sum(c.values()) for c in found.values())
        yield note("levels_like_gaps", list(found), count, **_counted(found), text=text)


def _of_levels(table: CheckedTable, member: str) -> dict[str, dict[str, int]]:
    """What the profiles of columns of levels, the target among them, tell of texts like missing values."""
    fields = [*([table.target.field] if table.target is not None else []), *table.fields]
    return {f.name: f.profile[member] for f in fields if f.kind is Kind.CATEGORY and f.profile.get(member)}


def _counted(found: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Texts with their counts by column, for a finding: those of the first columns."""
    every = [
        {"column": name, "texts": [{"text": text, "rows": n} for text, n in counts.items()]}
        for name, counts in found.items()
    ]
    return {"texts": every[:_MOST_SHOWN], "more": max(len(every) - _MOST_SHOWN, 0)}


def mixed_types(table: CheckedTable) -> Iterator[Finding]:
    """Texts of which a part are numbers."""
    for field in table.fields:
        column = table.columns[field.name]
        if field.kind not in (Kind.CATEGORY, Kind.TEXT, Kind.IDENTIFIER) or not isinstance(column, Coded):
            continue
        texts = pl.Series([level.strip() for level in column.levels if isinstance(level, str)], dtype=pl.String)
        texts = texts.filter(~texts.str.to_lowercase().is_in(list(schema.MISSING_SPELLINGS)))
        numbers = texts.filter(texts.str.contains(_NUMBER))
        others = len(texts) - len(numbers)
        if len(numbers) < _FEWEST_NUMBERS or not _MIXED[0] * len(texts) <= len(numbers) <= _MIXED[1] * len(texts):
            continue
        odd = texts.filter(~texts.str.contains(_NUMBER))[0]
        details = {"numbers": len(numbers), "distinct": len(texts), "example": odd[:40], "kind": field.kind.value}
        yield warn("mixed_types", [field.name], others, **details)


def unreadable_values(table: CheckedTable) -> Iterator[Finding]:
    """Texts in a column of numbers or dates that are none."""
    for field in table.fields:
        column = table.columns[field.name]
        if Remark.OTHERS_MISSING not in field.remarks or not isinstance(column, Coded):
            continue
        odd = [str(level).strip() for level in column.levels if not _is_number(level)]
        odd = [text for text in odd if text.casefold() not in schema.MISSING_WHERE_TYPED]
        if not odd:
            continue
        yield warn("unreadable", [field.name], len(odd), examples=odd[:_EXAMPLES])


def _is_number(level: object) -> bool:
    try:
        schema.read_number(level)
    except ValueError:
        return False
    return True


def doubtful_spellings(table: CheckedTable) -> Iterator[Finding]:
    """Columns whose texts can be read in two ways."""
    for field in table.fields:
        if Remark.IN_DOUBT in field.remarks:
            yield warn("doubtful_spelling", [field.name], reason=field.reason)


def _target_numbers(table: CheckedTable) -> list[tuple[str, NDArray[np.float64]]]:
    target = table.target
    if target is None or target.numbers is None or len(target.known) < _FEWEST_ROWS:
        return []
    return [(target.name, target.numbers[target.known])]


def _number_columns(table: CheckedTable) -> Iterator[tuple[Field, NDArray[np.float64]]]:
    """The columns of numbers with all their known values, if there are enough to decide by."""
    for field in table.fields:
        if field.kind is not Kind.NUMBER:
            continue
        column = table.columns[field.name]
        values = column.values if isinstance(column, Numbers) else table.numbers[field.name]
        known = values[np.isfinite(values)]
        if len(known) >= _FEWEST_ROWS:
            yield field, known
