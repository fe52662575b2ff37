"""How rows hang together: groups, dates, their order, and what changes along it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import chi2_contingency, ks_2samp, spearmanr

from fitserve.data.checks.finding import Finding, note, warn
from fitserve.data.checks.table import CheckedTable
from fitserve.data.understanding.order import in_order
from fitserve.features.category import level_counts
from fitserve.features.column import Column, Numbers
from fitserve.schema import Field, Kind

_NAMES_SOMEBODY = re.compile(
    r"(?:^|[_\s-])(?:id|user|patient|customer|client|person|subject|student|employee|session|household|device|machine|"
    r"store|shop|product|item|flight|trip)(?:[_\s-]?(?:id|no|nr|number))?$",
    re.IGNORECASE,
)
_FEWEST_REPEATS, _FEWEST_GROUPS = 1.5, 10
_DETERMINED, _FEWEST_DETERMINED = 0.95, 3
_MOST_ROWS_COMPARED, _MOST_OWNERS = 5000, 25
_FEWEST_ROWS = 200
_SORTED, _FEWEST_IN_ORDER = 0.98, 8
# One order in a hundred and fifty, as a logarithm.
_SURE = 5.0
# Sizes of change below these are of no consequence however sure they are.
_CHANGE, _CHANCE = 0.1, 0.001


def repeats(column: Column) -> float | None:
    """How often a value occurs on average; None if it does hardly ever, or if there are only a few values."""
    if isinstance(column, Numbers):
        known = column.values[~np.isnan(column.values)]
        n, distinct = len(known), len(np.unique(known))
    else:
        counts = level_counts(column)
        n, distinct = sum(counts.values()), len(counts)
    return n / distinct if distinct >= _FEWEST_GROUPS and n >= _FEWEST_REPEATS * distinct else None


def names_somebody(field: Field) -> bool:
    """Whether a column is called like one that tells who or what a row belongs to."""
    return bool(_NAMES_SOMEBODY.search(field.name))


def groups(table: CheckedTable) -> Iterator[Finding]:
    """Columns whose values name what several rows belong to: a random split tears them apart."""
    possible = [f for f in table.fields if f.kind not in (Kind.CONSTANT, Kind.TEXT, Kind.DATETIME, Kind.BOOLEAN)]
    determined = _determined(table, [field.name for field in possible if not names_somebody(field)])
    for field in possible:
        explains = determined.get(field.name, [])
        often = repeats(table.columns[field.name]) if explains or names_somebody(field) else None
        if often is None:
            continue
        yield warn("groups", [field.name], often=often, explains=explains)


def _determined(table: CheckedTable, names: Sequence[str]) -> dict[str, list[str]]:
    """For columns of many repeated values: the other columns that are the same wherever it is the same."""
    few = slice(0, _MOST_ROWS_COMPARED)
    keys = {name: np.unique(values[few], return_inverse=True)[1] for name, values in table.values.items()}
    sizes = {name: int(codes.max(initial=0)) + 1 for name, codes in keys.items()}
    n = len(table.sample[few])
    owners = sorted(
        (name for name in names if _FEWEST_GROUPS <= sizes[name] <= n / _FEWEST_REPEATS), key=sizes.__getitem__
    )
    skipped = (Kind.CONSTANT, Kind.IDENTIFIER, Kind.TEXT)
    others = [f.name for f in table.fields if f.kind not in skipped and sizes[f.name] >= _FEWEST_GROUPS // 2]
    others = [name for name in others if 1.5 * np.bincount(keys[name]).max() / n < _DETERMINED]
    found = {}
    for owner in owners[-_MOST_OWNERS:] if n >= _FEWEST_ROWS else []:
        explains = [other for other in others if other != owner and _agreement(keys[owner], keys[other]) >= _DETERMINED]
        if len(explains) >= _FEWEST_DETERMINED:
            found[owner] = explains
    # Of columns that tell each other, such as a number and a name, one stands for all.
    best = sorted(found, key=lambda owner: (-len(found[owner]), names.index(owner)))
    for i, owner in enumerate(best):
        if any(earlier in found and owner in found[earlier] for earlier in best[:i]):
            del found[owner]
    return found


def _agreement(keys: NDArray[np.int64], values: NDArray[np.int64]) -> float:
    """The share of the rows whose value is the most frequent one of their key, among keys that occur again."""
    pairs, counts = np.unique(keys * (values.max() + 1) + values, return_counts=True)
    owner = pairs // (values.max() + 1)
    total = np.bincount(keys)
    most = np.zeros(len(total), dtype=np.int64)
    np.maximum.at(most, owner, counts)
    again = total > 1
    return float(most[again].sum() / max(total[again].sum(), 1))


def dates(table: CheckedTable) -> Iterator[Finding]:
    """Dates: the rows to predict will mostly be later ones."""
    dated = [field.name for field in table.fields if field.kind is Kind.DATETIME]
    if dated and in_order(table.numbers[dated[0]]):
        yield note("log", dated, len(dated))
    elif dated:
        yield warn("dates", dated, len(dated))


def sorted_rows(table: CheckedTable) -> Iterator[Finding]:
    """Tables whose rows stand in the order of the target, of any size in which that is no chance."""
    target = table.target
    if target is None:
        return
    known = np.flatnonzero(target.task.known(target.truth[table.sample]))
    if target.classes is not None:
        ordered = _is_in_blocks(target.classes.codes[table.sample][known])
    else:
        ordered = target.numbers is not None and _is_sorted(target.numbers[table.sample][known])
    if ordered:
        yield note("sorted_by_target", [target.name])


def _is_in_blocks(labels: NDArray[np.int64]) -> bool:
    """Whether rows of one label stand together: as good as all of them, and by more than chance."""
    counts = np.unique(labels, return_counts=True)[1]
    changes, n_labels = int((np.diff(labels) != 0).sum()), len(counts)
    if n_labels < 2 or changes >= 2 * n_labels:
        return False
    # The logarithm of the number of orders of these labels, for each that has them all together.
    ways = gammaln(len(labels) + 1) - gammaln(counts + 1).sum() - gammaln(n_labels + 1)
    return len(labels) >= _FEWEST_ROWS or (changes == n_labels - 1 and float(ways) > _SURE)


def _is_sorted(values: NDArray[np.float64]) -> bool:
    return len(values) >= _FEWEST_IN_ORDER and len(np.unique(values)) > 2 and abs(_order(values)) > _SORTED


def running_numbers(table: CheckedTable) -> Iterator[Finding]:
    """Columns that number the rows."""
    names = [field.name for field in table.fields if field.profile.get("running")]
    if names:
        yield note("running_number", names, len(names))


def _order(values: NDArray[np.float64]) -> float:
    """How far values go up or down along the rows, -1 to 1."""
    if len(values) < 3 or np.ptp(values) == 0:
        return 0.0
    return float(spearmanr(np.arange(len(values)), values).statistic)


def drift(table: CheckedTable) -> Iterator[Finding]:
    """Columns whose values differ between the early and the late rows, in the order of dates or of the file."""
    order, dated = _time_order(table)
    n = len(order)
    if n < _FEWEST_ROWS:
        return
    early, late = order[: n // 2], order[n // 2 :]
    moved = dict(_changes(table, early, late))
    if moved:
        worst = sorted(moved, key=lambda name: -moved[name])
        target = table.target.name if table.target is not None else None
        changes = [{"column": name, "change": moved[name]} for name in worst]
        yield (warn if target in moved else note)("drift", worst, len(moved), by=dated or "", changes=changes)


def _time_order(table: CheckedTable) -> tuple[NDArray[np.intp], str | None]:
    """Sampled rows in order of the first column of dates, and its name; else in that of the file."""
    for field in table.fields:
        if field.kind is Kind.DATETIME:
            moments = table.numbers[field.name]
            known = np.flatnonzero(~np.isnan(moments))
            if len(known) > 0.9 * len(moments):
                return known[np.argsort(moments[known], kind="stable")], field.name
    return np.arange(len(table.sample)), None


def _changes(table: CheckedTable, early: NDArray[np.intp], late: NDArray[np.intp]) -> Iterator[tuple[str, float]]:
    """Columns that change, with the size: the largest distance of the distributions, 0 to 1."""
    usable = {f.name for f in table.fields if f.kind in (Kind.NUMBER, Kind.BOOLEAN, Kind.CATEGORY)}
    allowed = _CHANCE / max(len(usable), 1)
    columns = {name: values for name, values in table.values.items() if name in usable}
    if table.target is not None:
        target = table.target
        if target.classes is not None:
            columns[target.name] = target.classes.codes[table.sample] + 1
        elif target.numbers is not None:
            columns[target.name] = target.numbers[table.sample]
    for name, values in columns.items():
        change = _change(values[early], values[late], values.dtype.kind == "f", allowed)
        # What goes up or down with the rows is their number under another name.
        if change is not None and not (values.dtype.kind == "f" and abs(_order(values[~np.isnan(values)])) > _SORTED):
            yield name, change


def _change(first: NDArray[np.generic], second: NDArray[np.generic], numeric: bool, allowed: float) -> float | None:
    """The distance of two samples of a column if it is no chance; else None."""
    if numeric:
        a, b = (side[np.isfinite(side)] for side in (first, second))
        if min(len(a), len(b)) < _FEWEST_ROWS // 4:
            return None
        found = ks_2samp(a, b, method="asymp")
        return float(found.statistic) if found.statistic > _CHANGE and found.pvalue < allowed else None
    levels = np.union1d(first, second)
    counts = np.stack([np.bincount(np.searchsorted(levels, side), minlength=len(levels)) for side in (first, second)])
    if len(levels) < 2:
        return None
    distance = float(np.abs(counts[0] / counts[0].sum() - counts[1] / counts[1].sum()).sum() / 2)
    if distance <= _CHANGE or chi2_contingency(counts + 0.5).pvalue >= allowed:
        return None
    return distance
