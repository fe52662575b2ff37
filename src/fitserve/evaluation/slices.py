"""Where a model is bad: parts of columns, and pairs of them, whose rows have larger errors than the rest.

Each part with enough rows is compared with all other rows by Welch's test (1947, Biometrika 34), of group sums where
rows belong together; p-values of all parts together are corrected by Benjamini and Hochberg (1995, JRSS B 57), so that
of what is shown about one in twenty is chance. Such a search is that of Slice Finder (Chung et al. 2019, ICDE).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from fitserve.evaluation.parts import Parts
from fitserve.faults import check_time
from fitserve.messages import AnyMessage, render, stored

Floats = NDArray[np.float64]
FEWEST_ROWS, _SMALLEST_SHARE = 20, 0.02
_FALSE_DISCOVERIES = 0.05
_MOST_PAIRED, _MOST_SHOWN, _ALIKE = 12, 10, 0.7
_MOST_ROWS_WITH_GROUPS = 5_000
_LARGE = 1e100


@dataclass(frozen=True)
class Slice:
    """Some rows: what is ``told`` says which. ``mean`` of their values, ``rest`` that of the others.

    ``rest`` is 0 where they are compared with none. ``low`` and ``high`` bound the difference of the two at 95 %, each
    slice by itself.
    """

    descriptions: tuple[AnyMessage, ...]
    rows: int
    mean: float
    rest: float
    low: float
    high: float
    p: float

    @property
    def names(self) -> list[str]:
        """Which rows these are, in words: all of it holds of them."""
        return [render(each) for each in self.descriptions]

    def times(self, unit: float) -> Slice:
        """The same of values so many times as large."""
        scaled = {name: getattr(self, name) * unit for name in ("mean", "rest", "low", "high")}
        return replace(self, **scaled)

    def as_json(self) -> dict[str, Any]:
        """The slice as a JSON object."""
        names = ("rows", "mean", "rest", "low", "high", "p")
        return {
            "where": " and ".join(self.names),
            "parts": self.names,
            "codes": stored(self.descriptions),
            **{name: getattr(self, name) for name in names},
        }


@dataclass(frozen=True)
class _Candidates:
    """Slices of one column or pair: for each, its number of rows, mean, rest, standard error and degrees of freedom."""

    descriptions: list[tuple[AnyMessage, ...]]
    codes: NDArray[np.intp]
    which: NDArray[np.intp]
    stats: Floats


def worst_slices(parts: Sequence[Parts], errors: Floats, groups: NDArray[np.int64] | None = None) -> list[Slice]:
    """The slices with larger errors (n,) than the rest, the surest first: at most ten, each of its own rows."""
    return _significant(parts, errors, groups, against_rest=True)


def differing_slices(
    parts: Sequence[Parts], differences: Floats, groups: NDArray[np.int64] | None = None
) -> list[Slice]:
    """The slices whose mean difference (n,) is not zero, the surest first."""
    return _significant(parts, differences, groups, against_rest=False)


def enough_rows(n: int) -> int:
    """How many rows a slice needs."""
    return max(FEWEST_ROWS, int(np.ceil(_SMALLEST_SHARE * n)))


def _significant(
    parts: Sequence[Parts], values: Floats, groups: NDArray[np.int64] | None, *, against_rest: bool
) -> list[Slice]:
    if groups is not None and len(values) > _MOST_ROWS_WITH_GROUPS:
        kept = slice(0, _MOST_ROWS_WITH_GROUPS)
        parts = [Parts(each.field, each.codes[kept], each.descriptions) for each in parts]
        values, groups = values[kept], groups[kept]
    if len(values) < 2 * FEWEST_ROWS:
        return []
    unit = _unit(values)
    values = values / unit
    single = [_candidates((each,), values, groups, against_rest) for each in parts]
    best = sorted(range(len(parts)), key=lambda i: -_strongest(single[i]))[:_MOST_PAIRED]
    pairs = [
        _candidates((parts[i], parts[j]), values, groups, against_rest) for a, i in enumerate(best) for j in best[:a]
    ]
    return [each.times(unit) for each in _chosen([*single, *pairs], against_rest)]


def _unit(values: Floats) -> float:
    """A power of two in which the squares of values, and sums of these, are floats; 1 for nearly all tables."""
    largest = float(np.abs(values).max(initial=0.0))
    return 1.0 if largest < _LARGE else math.ldexp(1.0, math.frexp(largest)[1])


def _candidates(
    parts: tuple[Parts, ...], values: Floats, groups: NDArray[np.int64] | None, against_rest: bool
) -> _Candidates:
    check_time()
    codes = parts[0].codes
    descriptions: list[tuple[AnyMessage, ...]] = [(each,) for each in parts[0].descriptions]
    if len(parts) == 2:
        inside = (codes >= 0) & (parts[1].codes >= 0)
        codes = np.where(inside, codes * len(parts[1].descriptions) + parts[1].codes, -1)
        descriptions = [(*a, b) for a in descriptions for b in parts[1].descriptions]
    n_slices, n = len(descriptions), len(values)
    inside = codes >= 0
    rows = np.bincount(codes[inside], minlength=n_slices)
    which = np.flatnonzero((rows >= enough_rows(n)) & (n - rows >= (FEWEST_ROWS if against_rest else 0)))
    if groups is None:
        stats = _moments(codes, rows, values, which, against_rest)
    else:
        stats = np.array([_clustered(codes == i, values, groups, against_rest) for i in which]).reshape(len(which), 5)
    return _Candidates([descriptions[i] for i in which], codes, which, stats)


def _moments(
    codes: NDArray[np.intp], rows: NDArray[np.intp], values: Floats, which: NDArray[np.intp], against_rest: bool
) -> Floats:
    """Rows, mean, rest, standard error and Welch's degrees of freedom of each slice."""
    inside = codes >= 0
    centred = values - values.mean()
    sums = np.bincount(codes[inside], weights=centred[inside], minlength=len(rows))[which]
    squares = np.bincount(codes[inside], weights=np.square(centred[inside]), minlength=len(rows))[which]
    n = rows[which].astype(np.float64)
    mean, spread = sums / n, _variance(sums, squares, n)
    if not against_rest:
        return np.stack([n, mean + values.mean(), np.zeros_like(n), np.sqrt(spread / n), n - 1], axis=1)
    others = len(values) - n
    rest = (centred.sum() - sums) / others
    spread_rest = _variance(centred.sum() - sums, np.square(centred).sum() - squares, others)
    a, b = spread / n, spread_rest / others
    freedom = np.square(a + b) / np.maximum(np.square(a) / (n - 1) + np.square(b) / (others - 1), 1e-300)
    return np.stack([n, mean + values.mean(), rest + values.mean(), np.sqrt(a + b), freedom], axis=1)


def _variance(sums: NDArray[Any], squares: NDArray[Any], n: Floats) -> Floats:
    """The variance within each slice, of sums and sums of squares of n values."""
    found: Floats = np.maximum(squares - sums * sums / n, 0.0) / np.maximum(n - 1, 1)
    return found


def _clustered(inside: NDArray[np.bool_], values: Floats, groups: NDArray[np.int64], against_rest: bool) -> Floats:
    """The same where rows of a group are no independent witnesses: the error of a mean is that of group sums."""
    number = np.unique(groups, return_inverse=True)[1]
    found, error, freedom = [], 0.0, np.inf
    for mask in (inside, ~inside) if against_rest else (inside,):
        mean = float(values[mask].mean())
        sums = np.bincount(number[mask], weights=values[mask] - mean)
        n_groups = len(np.unique(number[mask]))
        error += float(np.square(sums).sum()) / mask.sum() ** 2 * n_groups / max(n_groups - 1, 1)
        freedom = min(freedom, n_groups - 1)
        found.append(mean)
    rest = found[1] if against_rest else 0.0
    return np.array([inside.sum(), found[0], rest, np.sqrt(error), max(freedom, 0)])


def _tests(stats: Floats, against_rest: bool) -> tuple[Floats, Floats]:
    """p-values and the half widths of the intervals; without a spread or a second group nothing is known."""
    _, mean, rest, error, freedom = stats.T
    sound = (error > 0) & (freedom >= 1)
    safe, degrees = np.where(sound, error, 1.0), np.where(sound, freedom, 1.0)
    ratio = (mean - rest) / safe
    p = student.sf(ratio, degrees) if against_rest else 2 * student.sf(np.abs(ratio), degrees)
    half = student.ppf(0.975, degrees) * safe
    return np.where(sound, p, 1.0), np.where(sound, half, np.inf)


def _strongest(candidates: _Candidates) -> float:
    """How much a column deserves to be paired: its surest difference in standard errors."""
    if not len(candidates.which):
        return 0.0
    _, mean, rest, error, _ = candidates.stats.T
    return float(np.max(np.abs(mean - rest) / np.maximum(error, 1e-300)))


def _chosen(candidates: Sequence[_Candidates], against_rest: bool) -> list[Slice]:
    stats = np.concatenate([each.stats for each in candidates]) if candidates else np.empty((0, 5))
    if not len(stats):
        return []
    p, half = _tests(stats, against_rest)
    passed = _benjamini_hochberg(p)
    difference = stats[:, 1] - stats[:, 2]
    # Sorted by what the difference is at least: small slices need larger ones.
    sure = np.abs(difference) - half
    places = [(each, i) for each in candidates for i in range(len(each.which))]
    notes: list[Slice] = []
    masks: list[NDArray[np.bool_]] = []
    for k in np.argsort(-sure, kind="stable"):
        if not passed[k] or len(notes) == _MOST_SHOWN:
            continue
        each, i = places[k]
        mask = each.codes == each.which[i]
        if not any(_alike(mask, other) for other in masks):
            masks.append(mask)
            n, mean, rest = int(stats[k, 0]), float(stats[k, 1]), float(stats[k, 2])
            low, high = float(difference[k] - half[k]), float(difference[k] + half[k])
            notes.append(Slice(each.descriptions[i], n, mean, rest, low, high, float(p[k])))
    return notes


def _alike(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> bool:
    """Whether two slices are mostly the same rows, or one lies within the other."""
    both = int((a & b).sum())
    return both > _ALIKE * min(int(a.sum()), int(b.sum()))


def _benjamini_hochberg(p: Floats) -> NDArray[np.bool_]:
    order = np.argsort(p, kind="stable")
    allowed = _FALSE_DISCOVERIES * np.arange(1, len(p) + 1) / len(p)
    below = np.flatnonzero(p[order] <= allowed)
    passed = np.zeros(len(p), dtype=bool)
    passed[order[: below[-1] + 1 if len(below) else 0]] = True
    return passed
