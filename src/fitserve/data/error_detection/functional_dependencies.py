"""Columns that determine others, found in the data: the city by the zip, the name of a measure by its code.

How well a column X determines Y is measured as in M. Parciak et al., "Measuring approximate functional dependencies:
a comparative study" (ICDE 2024), by mu: the probability of guessing Y from X, above the one of guessing it without,
corrected for the number of groups (G. Piatetsky-Shapiro and C. Matheus, KDD 1993).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.error_detection.levels import MISSING, Ints, Levels

Flags = NDArray[np.bool_]

_FRACTION = re.compile(r"[+-]?[0-9]*\.[0-9]*[1-9][0-9]*(?:[eE][+-]?[0-9]+)?")
SMALLEST_GROUP = 4
"""A group of fewer rows has no majority worth the name."""
# A column of fewer groups determines nothing.
_FEWEST_GROUPS = 8
_REPEATS, _MOST_COLUMNS, _MOST_DETERMINANTS = 1.5, 40, 6
# Rows by which a pair of columns is compared.
_MOST_SAMPLED = 10_000
# What a determinant has to explain, and in how large a share of its groups nearly all rows have to agree.
_LEAST_MU, _CLEAR, _CLEAR_GROUPS = 0.75, 0.8, 0.9
# A value that is deviant so often within a group, or in so large a share, is another right answer.
_OFTEN, _OFTEN_SHARE = 2, 0.1
# Deviating rows that have something in common are explained by it.
_FEWEST_EXPLAINED, _EXPLAINED = 3, 0.5


@dataclass(frozen=True)
class Votes:
    """What one column says of another; both by their position in the list of columns.

    By code of the determinant, and -1 or 0 in the last place, where missing values lead: the code ``expected`` of the
    dependent column (-1: none), how many rows of the ``group`` hold something there, and how many are ``agreeing``.
    Nothing is said of the rows ``silent``.
    """

    determinant: int
    dependent: int
    expected: Ints
    group: Ints
    agreeing: Ints
    silent: Ints

    def on_rows(self, codes: Ints) -> Ints:
        """The code that is expected in each row, -1 where none is; ``codes`` are those of the determinant."""
        expected = self.expected[codes]
        expected[self.silent] = MISSING
        return expected

    def without(self, rows: Ints) -> Votes:
        """The same, but silent in these rows, too."""
        return replace(self, silent=np.union1d(self.silent, rows))


def candidates(columns: Sequence[Levels]) -> list[int]:
    """The positions of the first 40 columns whose values differ and repeat."""
    varied = (i for i, each in enumerate(columns) if len(each.texts) > 1 and each.known >= _REPEATS * len(each.texts))
    return list(islice(varied, _MOST_COLUMNS))


def votes_of(columns: Sequence[Levels]) -> dict[int, list[Votes]]:
    """By column: the votes of those that determine it, the six strongest ones."""
    strengths: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for x in range(len(columns)):
        if not _may_determine(columns[x]):
            continue
        rows = _sampled_rows(columns[x])
        for y in range(len(columns)):
            strength = _strength(columns[x].codes[rows], columns[y].codes[rows]) if y != x else None
            if strength is not None:
                strengths[y].append((-strength, x))
    found = {}
    for y, determinants in sorted(strengths.items()):
        best = sorted(determinants)[:_MOST_DETERMINANTS]
        found[y] = [_explained_away(_vote(columns, x, y), columns) for _, x in best]
    return found


def _may_determine(levels: Levels) -> bool:
    """Whether most rows share their value with others, and the values are no measurements with a fraction."""
    large = levels.counts >= SMALLEST_GROUP
    if large.sum() < _FEWEST_GROUPS or 2 * levels.counts[large].sum() < levels.known:
        return False
    return sum(_FRACTION.fullmatch(text.strip()) is not None for text in levels.texts) < 0.1 * len(levels.texts)


def _sampled_rows(levels: Levels) -> Ints:
    """Rows of whole groups, spread over the order of the levels; some rows of each where groups are large."""
    large = np.flatnonzero(levels.counts >= SMALLEST_GROUP)
    step = max(1, int(levels.counts[large].sum() // _MOST_SAMPLED))
    step = min(step, max(1, len(large) // (10 * _FEWEST_GROUPS)))
    chosen = np.zeros(len(levels.texts) + 1, dtype=bool)
    chosen[large[::step]] = True
    rows = np.flatnonzero(chosen[levels.codes])
    return rows[:: max(1, len(rows) // _MOST_SAMPLED)]


@dataclass(frozen=True)
class _Groups:
    """How often the values ``y`` occur within the groups ``x``: one entry for each pair that occurs, in order."""

    x: Ints
    y: Ints
    count: Ints
    size: Ints
    top: Ints
    expected: Ints


def _counted(values: Ints) -> tuple[Ints, Ints]:
    """The different values in order, and how often each occurs."""
    if len(values) <= _MOST_SAMPLED:
        return np.unique(values, return_counts=True)
    # polars counts many in parallel; numpy would sort them all.
    counted = pl.Series("value", values).value_counts().sort("value")
    return counted["value"].to_numpy(), counted["count"].to_numpy().astype(np.int64)


def _group(x: Ints, y: Ints, n: int) -> _Groups:
    """Sizes, most frequent values and their counts are by code of x, of which there are ``n``."""
    width = int(y.max(initial=0)) + 1
    pairs, count = _counted(x * width + y)
    px, py = pairs // width, pairs % width
    size = np.bincount(x, minlength=n)
    top, expected = np.zeros(len(size), np.int64), np.full(len(size), -1)
    # Ascending counts, so that the most frequent value is written last; among equals the first in order wins.
    order = np.lexsort((-py, count))
    top[px[order]], expected[px[order]] = count[order], py[order]
    return _Groups(px, py, count, size, top, expected)


def _strength(x: Ints, y: Ints) -> float | None:
    """The mu of a determinant; None where it does not determine."""
    known = (x >= 0) & (y >= 0)
    if not known.any():
        return None
    x, y = x[known], y[known]
    kept = np.bincount(x)[x] >= SMALLEST_GROUP
    if not kept.any():
        return None
    groups = _group(x[kept], y[kept], 0)
    size = groups.size[groups.size > 0]
    n, k = int(size.sum()), len(size)
    if k < _FEWEST_GROUPS or n <= k:
        return None
    clear = groups.top[groups.size > 0] >= _CLEAR * size
    chance = float(((np.bincount(y[kept]) / n) ** 2).sum())
    guessed = float((groups.count**2 / groups.size[groups.x]).sum()) / n
    if chance == 1.0:
        return None
    mu = 1.0 - (1.0 - guessed) / (1.0 - chance) * (n - 1) / (n - k)
    return mu if mu >= _LEAST_MU and float(clear.mean()) >= _CLEAR_GROUPS else None


def _vote(columns: Sequence[Levels], x: int, y: int) -> Votes:
    cx, cy, n = columns[x].codes, columns[y].codes, len(columns[x].texts)
    known = (cx >= 0) & (cy >= 0)
    groups = _group(cx[known], cy[known], n)
    # Nothing is expected where there is no majority, or where most of the group has no value at all.
    certain = (groups.size >= SMALLEST_GROUP) & (groups.top >= _CLEAR * groups.size)
    certain &= 2 * groups.size > columns[x].counts
    expected = np.append(np.where(certain, groups.expected, MISSING), MISSING)
    votes = Votes(x, y, expected, np.append(groups.size, 0), np.append(groups.top, 0), np.zeros(0, np.int64))
    often = groups.count > np.maximum(_OFTEN, _OFTEN_SHARE * groups.size[groups.x])
    width = len(columns[y].texts)
    another = groups.x[often] * width + groups.y[often]
    rows = _deviating(votes, columns)
    rows = rows[cy[rows] >= 0]
    return votes.without(rows[np.isin(cx[rows] * width + cy[rows], another)])


def _deviating(votes: Votes, columns: Sequence[Levels]) -> Ints:
    expected = votes.on_rows(columns[votes.determinant].codes)
    return np.flatnonzero((expected >= 0) & (expected != columns[votes.dependent].codes))


def _explained_away(votes: Votes, columns: Sequence[Levels]) -> Votes:
    """Without the rows that deviate because of something else: holidays are no workdays, whatever the weekday."""
    deviating = _deviating(votes, columns)
    explained = np.zeros(len(deviating), dtype=bool)
    missing = columns[votes.dependent].codes[deviating] < 0
    for levels in columns:
        codes = levels.codes[deviating]
        for part in (missing, ~missing):
            held = part & (codes >= 0)
            if held.any():
                count = np.bincount(codes[held], minlength=len(levels.counts))
                reason = (count >= _FEWEST_EXPLAINED) & (count >= _EXPLAINED * levels.counts)
                explained |= held & reason[codes]
    return votes.without(deviating[explained])
