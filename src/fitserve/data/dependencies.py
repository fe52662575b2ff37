"""Columns that determine others, found in the data: the city by the zip, the name of a measure by its code.

How well a column X determines Y is judged as in M. Parciak et al., "Measuring approximate functional dependencies:
a comparative study" (ICDE 2024), by mu: the probability of guessing Y from X, above the one of guessing it without,
corrected for the number of groups (G. Piatetsky-Shapiro and C. Matheus, KDD 1993).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitserve.data.levels import Ints, Levels

Flags = NDArray[np.bool_]

_FRACTION = re.compile(r"[+-]?[0-9]*\.[0-9]*[1-9][0-9]*(?:[eE][+-]?[0-9]+)?")
# A group of fewer rows has no majority worth the name, and a column of fewer groups determines nothing.
_SMALLEST_GROUP, _FEWEST_GROUPS = 4, 8
_MOST_COLUMNS = 50
_MOST_JUDGED = 50_000
# What a determinant has to explain, and in how large a share of its groups nearly all rows have to agree.
_LEAST_MU, _CLEAR, _CLEAR_GROUPS = 0.75, 0.8, 0.9
# A value that is deviant so often within a group, or in so large a share, is another right answer.
_OFTEN, _OFTEN_SHARE = 2, 0.1
# Deviating rows that have something in common are explained by it.
_FEWEST_EXPLAINED, _EXPLAINED = 3, 0.5


@dataclass(frozen=True)
class Votes:
    """What one column says of another, row by row.

    ``rows`` are those in which it says something, ``expected`` the code that it expects there, ``group`` and
    ``agreeing`` how many rows have the same value in the determinant and how many of them have the expected one.
    """

    determinant: int
    dependent: int
    rows: Ints
    expected: Ints
    group: Ints
    agreeing: Ints

    def only(self, kept: Flags) -> Votes:
        """The votes that are marked."""
        fields = (self.rows, self.expected, self.group, self.agreeing)
        return Votes(self.determinant, self.dependent, *(values[kept] for values in fields))


def votes_of(columns: Sequence[Levels]) -> Iterator[Votes]:
    """The votes of every column that determines another one. Indices are positions in ``columns``."""
    judged = [i for i, levels in enumerate(columns) if _may_depend(levels)][:_MOST_COLUMNS]
    for x in judged:
        if not _may_determine(columns[x]):
            continue
        rows = _rows_to_judge(columns[x])
        for y in judged:
            if y != x and _determines(columns[x].codes[rows], columns[y].codes[rows]):
                yield _explained_away(_vote(columns, x, y), columns)


def _may_depend(levels: Levels) -> bool:
    return len(levels.texts) > 1 and levels.known >= 1.5 * len(levels.texts)


def _may_determine(levels: Levels) -> bool:
    """Whether most rows share their value with others, and the values are no measurements with a fraction."""
    large = levels.counts >= _SMALLEST_GROUP
    if large.sum() < _FEWEST_GROUPS or 2 * levels.counts[large].sum() < levels.known:
        return False
    return sum(_FRACTION.fullmatch(text.strip()) is not None for text in levels.texts) < 0.1 * len(levels.texts)


def _rows_to_judge(levels: Levels) -> Ints:
    """Rows of whole groups, spread over the order of the levels; some rows of each where groups are large."""
    large = np.flatnonzero(levels.counts >= _SMALLEST_GROUP)
    step = max(1, int(levels.counts[large].sum() // _MOST_JUDGED))
    step = min(step, max(1, len(large) // (10 * _FEWEST_GROUPS)))
    chosen = np.zeros(len(levels.texts) + 1, dtype=bool)
    chosen[large[::step]] = True
    rows = np.flatnonzero(chosen[levels.codes])
    return rows[:: max(1, len(rows) // _MOST_JUDGED)]


@dataclass(frozen=True)
class _Groups:
    """How often the values ``y`` occur within the groups ``x``: one entry for each pair that occurs, in order."""

    x: Ints
    y: Ints
    count: Ints
    size: Ints
    top: Ints
    expected: Ints


def _group(x: Ints, y: Ints) -> _Groups:
    """Sizes, most frequent values and their counts are by code of x."""
    width = int(y.max()) + 1
    pairs, count = np.unique(x * width + y, return_counts=True)
    px, py = pairs // width, pairs % width
    size = np.bincount(x)
    top, expected = np.zeros(len(size), np.int64), np.full(len(size), -1)
    # Ascending counts, so that the most frequent value is written last; among equals the first in order wins.
    order = np.lexsort((-py, count))
    top[px[order]], expected[px[order]] = count[order], py[order]
    return _Groups(px, py, count, size, top, expected)


def _determines(x: Ints, y: Ints) -> bool:
    known = (x >= 0) & (y >= 0)
    if not known.any():
        return False
    x, y = x[known], y[known]
    kept = np.bincount(x)[x] >= _SMALLEST_GROUP
    if not kept.any():
        return False
    groups = _group(x[kept], y[kept])
    size = groups.size[groups.size > 0]
    n, k = int(size.sum()), len(size)
    if k < _FEWEST_GROUPS or n <= k:
        return False
    clear = groups.top[groups.size > 0] >= _CLEAR * size
    chance = float(((np.bincount(y[kept]) / n) ** 2).sum())
    guessed = float((groups.count**2 / groups.size[groups.x]).sum()) / n
    if chance == 1.0:
        return False
    mu = 1.0 - (1.0 - guessed) / (1.0 - chance) * (n - 1) / (n - k)
    return mu >= _LEAST_MU and float(clear.mean()) >= _CLEAR_GROUPS


def _vote(columns: Sequence[Levels], x: int, y: int) -> Votes:
    cx, cy = columns[x].codes, columns[y].codes
    known = (cx >= 0) & (cy >= 0)
    groups = _group(cx[known], cy[known])
    certain = (groups.size >= _SMALLEST_GROUP) & (groups.top >= _CLEAR * groups.size)
    # Nothing is expected where nothing is usual: most of the group has no value at all.
    held = np.bincount(cx[cx >= 0], minlength=len(groups.size))[: len(groups.size)]
    certain &= 2 * groups.size > held
    speaks = np.append(certain, False)[np.where((cx >= 0) & (cx < len(certain)), cx, len(certain))]
    rows = np.flatnonzero(speaks)
    often = groups.count > np.maximum(_OFTEN, _OFTEN_SHARE * groups.size[groups.x])
    width = int(cy.max()) + 1
    another = (groups.x * width + groups.y)[often & (groups.y != groups.expected[groups.x])]
    rows = rows[(cy[rows] < 0) | ~np.isin(cx[rows] * width + cy[rows], another)]
    group = cx[rows]
    return Votes(x, y, rows, groups.expected[group], groups.size[group], groups.top[group])


def _explained_away(votes: Votes, columns: Sequence[Levels]) -> Votes:
    """Without the rows that deviate because of something else: holidays are no workdays, whatever the weekday."""
    actual = columns[votes.dependent].codes[votes.rows]
    deviating = votes.rows[actual != votes.expected]
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
    return votes.only(~np.isin(votes.rows, deviating[explained]))
