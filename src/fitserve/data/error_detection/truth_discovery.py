"""Truth discovery: several sources report on the same things; who is right where they contradict each other.

A source is trusted as far as the others bear it out, in all columns taken together, and counts the more the more it
is trusted (X. Dong, L. Berti-Equille and D. Srivastava, "Integrating conflicting data: the role of source
dependence", VLDB 2009, from which the form of the votes and the number of false values are taken). Sources that say
the same nearly everywhere, gaps included, have one voice between them: they copy each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitserve.data.error_detection.levels import MISSING, Ints, Levels

Floats = NDArray[np.float64]

_FEWEST_SOURCES, _MOST_SOURCES, _FEWEST_THINGS, _MOST_CELLS = 5, 200, 10, 2_000_000
# Rows of a thing that the same source reports twice, at most; and how many reports a thing has.
_TWICE, _FEWEST_REPORTS = 0.02, 4.0
# Agreement above chance on one thing, and by chance, of columns that are reports.
_LEAST_AGREEMENT, _MOST_BY_CHANCE = 0.3, 0.2
# Some sources have to be right mostly, else there is no truth that they share; and some not, else nobody
# has to be chosen among.
_RELIABLE, _FEWEST_RELIABLE = 0.8, 2
_COPIED, _FEWEST_SHARED = 0.95, 10
_FALSE_VALUES, _BELIEVED_FIRST, _ROUNDS = 10, 0.8, 30
_NUMBER_OR_DATE = re.compile(r"[\W\d_]*")


@dataclass(frozen=True)
class SourceColumns:
    """Columns by their position in the list: what is reported on, by whom, and the reports."""

    thing: int
    source: int
    reports: tuple[int, ...]


@dataclass(frozen=True)
class Truths:
    """What a reported column should say, by code of the thing; -1 where nobody says anything.

    ``share`` is the part of the weighted votes that it has, ``agreeing`` and ``reporting`` are counts of sources.
    """

    column: int
    expected: Ints
    share: Floats
    agreeing: Ints
    reporting: Ints


def find_sources(columns: Sequence[Levels]) -> SourceColumns | None:
    """The columns of things and sources for which most others are reports; None if there are none."""
    best: tuple[float, SourceColumns] | None = None
    sources = [s for s, levels in enumerate(columns) if _may_be_source(levels)]
    for t, thing in enumerate(columns):
        by = [s for s in sources if s != t and _once_each(thing, columns[s])]
        agreements = {y: _agreement(thing, columns[y]) for y in range(len(columns)) if y != t} if by else {}
        for s in by:
            reports = tuple(y for y, value in agreements.items() if value >= _LEAST_AGREEMENT and y != s)
            total = sum(agreements[y] for y in reports)
            if len(reports) > 1 and (best is None or total > best[0]):
                best = (total, SourceColumns(t, s, reports))
    return best[1] if best is not None else None


def _may_be_source(levels: Levels) -> bool:
    """Few names, not numbers or dates: those are the times of a series, not sources."""
    if not _FEWEST_SOURCES <= len(levels.texts) <= _MOST_SOURCES or levels.known < len(levels.codes):
        return False
    return sum(_NUMBER_OR_DATE.fullmatch(text) is not None for text in levels.texts) < 0.5 * len(levels.texts)


def _once_each(thing: Levels, source: Levels) -> bool:
    n = len(thing.codes)
    if len(thing.texts) < _FEWEST_THINGS or thing.known < n or n < _FEWEST_REPORTS * len(thing.texts):
        return False
    if len(thing.texts) * len(source.texts) > _MOST_CELLS:
        return False
    pairs = np.bincount(thing.codes * len(source.texts) + source.codes)
    return int((pairs > 1).sum()) <= _TWICE * n


def _agreement(thing: Levels, report: Levels) -> float:
    """How often two reports on one thing agree, above chance; 0 for a column in which chance agrees often."""
    known = report.codes >= 0
    if len(report.texts) < 2 or not known.any():
        return 0.0
    chance = float(((report.counts / report.known) ** 2).sum())
    if chance > _MOST_BY_CHANCE:
        return 0.0
    pairs, count = np.unique(thing.codes[known] * len(report.texts) + report.codes[known], return_counts=True)
    size = np.bincount(pairs // len(report.texts), weights=count)
    possible = float((size * (size - 1)).sum())
    if possible == 0:
        return 0.0
    agree = float((count * (count - 1)).sum()) / possible
    return (agree - chance) / (1 - chance)


def discover_truths(columns: Sequence[Levels], sources: SourceColumns) -> list[Truths]:
    """What the sources make likely for each reported column; nothing if none or all of them are reliable."""
    thing, source = columns[sources.thing], columns[sources.source]
    voice = _voices(thing, source, [columns[y] for y in sources.reports])
    claims = [_Claims.of(thing, source, columns[y]) for y in sources.reports]
    trust = _trust(claims, voice)
    said = np.sum([each.said for each in claims], axis=0)
    reliable = trust[said >= _FEWEST_SHARED] >= _RELIABLE
    if min(reliable.sum(), (~reliable).sum()) < _FEWEST_RELIABLE:
        return []
    weights = _weights(trust, voice)
    return [each.truths(y, weights) for y, each in zip(sources.reports, claims, strict=True)]


def _trust(claims: Sequence[_Claims], voice: Floats) -> Floats:
    """How often each source is right: what is right from the trust, and the trust from that, in turn."""
    said = np.sum([each.said for each in claims], axis=0)
    trust, weights = np.full(len(voice), _BELIEVED_FIRST), voice
    for _ in range(_ROUNDS):
        right = np.sum([each.right(weights) for each in claims], axis=0)
        trust = (right + 2 * _BELIEVED_FIRST) / (said + 2)
        weights = _weights(trust, voice)
    return trust


def _weights(trust: Floats, voice: Floats) -> Floats:
    bounded = np.clip(trust, 0.01, 0.99)
    return voice * np.log(np.maximum(_FALSE_VALUES * bounded / (1 - bounded), 1.0001))


@dataclass(frozen=True)
class _Claims:
    """The reports of one column: for each the ``source``, and its ``answer``, which is one of those given on a thing.

    Answers stand in order of their things; ``first`` is where those on each thing begin. ``thing`` and ``code`` are by
    answer, ``said`` is how many reports each source has.
    """

    source: Ints
    answer: Ints
    thing: Ints
    code: Ints
    first: Ints
    said: Floats
    n_things: int

    @classmethod
    def of(cls, thing: Levels, source: Levels, report: Levels) -> _Claims:
        """The reports of a column."""
        known, width = report.codes >= 0, len(report.texts)
        pairs, answer = np.unique(thing.codes[known] * width + report.codes[known], return_inverse=True)
        things = pairs // width
        first = np.flatnonzero(np.diff(things, prepend=-1))
        said = np.bincount(source.codes[known], minlength=len(source.texts)).astype(np.float64)
        return cls(source.codes[known], answer, things, pairs % width, first, said, len(thing.texts))

    def elect(self, weights: Floats) -> tuple[Ints, Floats]:
        """The answer with most votes on each thing, the first in order among equals, and the votes of all answers."""
        votes = np.bincount(self.answer, weights=weights[self.source]).round(9).astype(np.float64)
        most = np.repeat(np.maximum.reduceat(votes, self.first), np.diff(self.first, append=len(votes)))
        winners = np.flatnonzero(votes == most)
        return winners[np.flatnonzero(np.diff(self.thing[winners], prepend=-1))], votes

    def right(self, weights: Floats) -> Floats:
        """How often each source gives the answer that wins."""
        wins = np.zeros(len(self.code), dtype=bool)
        wins[self.elect(weights)[0]] = True
        return np.bincount(self.source, weights=wins[self.answer], minlength=len(self.said)).astype(np.float64)

    def truths(self, column: int, weights: Floats) -> Truths:
        """What the column should say."""
        winners, votes = self.elect(weights)
        things, n = self.thing[winners], self.n_things
        expected, share = np.full(n, MISSING), np.zeros(n)
        expected[things] = self.code[winners]
        share[things] = votes[winners] / np.maximum(np.add.reduceat(votes, self.first), 1e-9)
        agreeing, reporting = np.zeros(n, np.int64), np.zeros(n, np.int64)
        given = np.bincount(self.answer)
        agreeing[things], reporting[things] = given[winners], np.add.reduceat(given, self.first)
        return Truths(column, expected, share, agreeing, reporting)


def _voices(thing: Levels, source: Levels, reports: Sequence[Levels]) -> Floats:
    """One voice for each source, shared by those that say the same in so many places that they must copy."""
    n = len(source.texts)
    same, shared = np.zeros((n, n)), np.zeros((n, n))
    for report in reports:
        said = np.full((n, len(thing.texts)), MISSING - 1)
        # The highest code is kept where a source speaks twice, whatever the order of the rows.
        order = np.argsort(report.codes, kind="stable")
        said[source.codes[order], thing.codes[order]] = report.codes[order]
        for s in range(n):
            both = (said[s] >= MISSING) & (said >= MISSING) & ((said[s] >= 0) | (said >= 0))
            shared[s] += both.sum(axis=1)
            same[s] += (both & (said == said[s])).sum(axis=1)
    copies = (shared >= _FEWEST_SHARED) & (same >= _COPIED * shared)
    np.fill_diagonal(copies, True)
    return np.asarray(1.0 / copies.sum(axis=1), dtype=np.float64)
