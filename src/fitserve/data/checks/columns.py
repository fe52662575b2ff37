"""Columns as a whole: empty ones, constants, identifiers, and those that say the same as another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fitserve.data.checks.finding import Finding, note, warn
from fitserve.data.checks.table import CheckedTable
from fitserve.schema import Kind

_MOSTLY_MISSING = 0.5
_FEWEST_MISSING, _SAME_GAPS = 5, 0.99
_NEARLY_ALL, _FEWEST_ROWS_FOR_NEARLY = 0.999, 1000
# Two columns of numbers that agree so well say the same up to rounding.
_SAME_NUMBERS = 0.9999
_BLOCK = 1000
_MOST_SHOWN = 5
_FEWEST_ROWS_TO_COMPARE = 10


def missing_values(table: CheckedTable) -> Iterator[Finding]:
    """Columns with gaps: those that are mostly empty, and the others together."""
    some = sorted((f for f in table.fields if 0 < f.missing < 1), key=lambda f: -f.missing)
    for field in (f for f in some if f.missing > _MOSTLY_MISSING):
        count = round(field.missing * table.height)
        yield warn("mostly_missing", [field.name], count, rows=[count, table.height])
    rest = [f for f in some if f.missing <= _MOSTLY_MISSING]
    if rest:
        gaps = [{"column": f.name, "share": f.missing} for f in rest]
        yield note("missing_values", [f.name for f in rest], len(rest), gaps=gaps)


def missing_together(table: CheckedTable) -> Iterator[Finding]:
    """Columns whose gaps are in the same rows."""
    gaps = gaps_of(table)
    seen: set[str] = set()
    names = [name for name, gap in gaps.items() if _FEWEST_MISSING <= gap.sum() < len(gap)]
    by_count = sorted(names, key=lambda name: (-int(gaps[name].sum()), name))
    groups: list[list[str]] = []
    for name in by_count:
        if name in seen:
            continue
        like = [other for other in by_count if other not in seen and _same_gaps(gaps[name], gaps[other])]
        seen.update(like)
        if len(like) > 1:
            groups.append(like)
    for like in groups[:_MOST_SHOWN]:
        yield note("missing_together", sorted(like), int(gaps[like[0]].sum()))


def _same_gaps(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> bool:
    a, b = int(first.sum()), int(second.sum())
    if min(a, b) < _SAME_GAPS * max(a, b):
        return False
    return int((first & second).sum()) >= _SAME_GAPS * int((first | second).sum())


def gaps_of(table: CheckedTable) -> dict[str, NDArray[np.bool_]]:
    """Which sampled rows miss a value, for every column that misses some."""
    missing = {field.name for field in table.fields if field.missing > 0}
    found = {name: np.isnan(values) for name, values in table.numbers.items() if name in missing}
    return found | {name: codes == 0 for name, codes in table.codes.items() if name in missing}


def constants(table: CheckedTable) -> Iterator[Finding]:
    """Columns with one value only, or none."""
    same = [field.name for field in table.fields if field.kind is Kind.CONSTANT]
    if same:
        yield note("constant", same, len(same))


def nearly_constants(table: CheckedTable) -> Iterator[Finding]:
    """Columns in which all but one of a thousand values are the same."""
    if len(table.sample) < _FEWEST_ROWS_FOR_NEARLY:
        return
    for name, values in table.values.items():
        known = values[~np.isnan(values)] if values.dtype.kind == "f" else values[values > 0]
        if len(known) < _FEWEST_ROWS_FOR_NEARLY:
            continue
        counts = np.unique(known, return_counts=True)[1]
        if len(counts) > 1 and counts.max() >= _NEARLY_ALL * len(known):
            other = len(known) - int(counts.max())
            yield note("nearly_constant", [name], other, rows=[other, len(known)])


def identifiers(table: CheckedTable) -> Iterator[Finding]:
    """Columns that name each row."""
    names = [f.name for f in table.fields if f.kind is Kind.IDENTIFIER and not f.profile.get("running")]
    if names:
        yield note("identifier", names, len(names))


def duplicate_columns(table: CheckedTable) -> Iterator[Finding]:
    """Columns of which one tells the other: the same values under other names, or up to rounding."""
    groups = _groups([*_bijections(table), *_correlated(table)])
    for group in groups if len(groups) <= _MOST_SHOWN else []:
        yield note("duplicate_columns", group, len(group), groups=1, second=group[1], examples=[group])
    if len(groups) > _MOST_SHOWN:
        every, shown = [name for group in groups for name in group], groups[:_MOST_SHOWN]
        yield note("duplicate_columns", every, len(groups), groups=len(groups), second=every[1], examples=shown)


def _bijections(table: CheckedTable) -> Iterator[tuple[str, str]]:
    """Pairs of columns whose levels belong to each other one to one, gaps included."""
    usable = {f.name for f in table.fields if f.kind not in (Kind.CONSTANT, Kind.IDENTIFIER, Kind.TEXT)}
    by_pattern: dict[bytes, str] = {}
    for name, values in table.values.items():
        if name not in usable:
            continue
        found = np.unique(values, return_inverse=True)[1]
        # Codes in the order of their first row: the same for any names of the levels.
        first = np.full(int(found.max(initial=0)) + 1, len(found))
        np.minimum.at(first, found, np.arange(len(found)))
        pattern = np.argsort(np.argsort(first))[found].astype(np.int32).tobytes()
        if not 2 <= len(first) <= len(found) / 2:  # any two columns of which each value is there once are such
            continue
        earlier = by_pattern.setdefault(pattern, name)
        if earlier != name and len(found) >= _FEWEST_ROWS_TO_COMPARE:
            yield earlier, name


def _correlated(table: CheckedTable) -> Iterator[tuple[str, str]]:
    kinds = {field.name: field.kind for field in table.fields}
    names = [name for name in table.numbers if kinds[name] in (Kind.NUMBER, Kind.DATETIME)]
    if len(names) < 2 or len(table.sample) < _FEWEST_ROWS_TO_COMPARE:
        return
    matrix = np.stack([table.numbers[name] for name in names], axis=1)
    gaps = np.isnan(matrix) | ~np.isfinite(matrix)
    with np.errstate(all="ignore"):
        centre = np.ma.masked_array(matrix, gaps).mean(axis=0).filled(0.0)
        filled = np.where(gaps, 0.0, matrix - centre)
        filled /= np.maximum(np.abs(filled).max(axis=0), 1e-300)
        length = np.sqrt((filled**2).sum(axis=0))
        unit = (filled / np.where(length > 0, length, np.inf)).astype(np.float32)
    for start in range(0, len(names), _BLOCK):
        near = np.argwhere(np.abs(unit[:, start : start + _BLOCK].T @ unit) >= _SAME_NUMBERS)
        for i, j in near[near[:, 0] + start < near[:, 1]].tolist():
            if _agree(unit[:, start + i], unit[:, j], gaps[:, start + i], gaps[:, j]):
                yield names[start + i], names[j]


def _agree(
    first: NDArray[np.float32], second: NDArray[np.float32], gap: NDArray[np.bool_], other: NDArray[np.bool_]
) -> bool:
    """The same in more digits, and with the same gaps: few numbers and many zeros correlate by chance."""
    if not np.array_equal(gap, other):
        return False
    a, b = first.astype(np.float64), second.astype(np.float64)
    return abs(float(a @ b)) >= _SAME_NUMBERS and len(np.unique(first)) > 2


def _groups(pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Pairs that share a column as groups, in the order of the columns."""
    group_of: dict[str, int] = {}
    for first, second in pairs:
        number = group_of.setdefault(first, len(group_of))
        other = group_of.setdefault(second, number)
        if other != number:
            group_of.update({name: number for name, n in group_of.items() if n == other})
    groups: dict[int, list[str]] = defaultdict(list)
    for name, number in group_of.items():
        groups[number].append(name)
    return list(groups.values())
