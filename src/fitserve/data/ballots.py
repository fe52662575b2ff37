"""Where several columns determine one: what most of them say, cell by cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitserve.data.dependencies import Flags, Votes, votes_of
from fitserve.data.levels import MISSING, Ints, Levels

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outvoted:
    """A row whose value most votes are against; ``expected`` is the code that most of them are for."""

    row: int
    expected: int
    reason: str
    score: float


@dataclass(frozen=True)
class Ballot:
    """The votes on one column, by its position in the list: who is outvoted, and which rows are confirmed."""

    column: int
    outvoted: list[Outvoted]
    supported: Flags


def count_votes(columns: Sequence[Levels]) -> Iterator[Ballot]:
    """The ballots of all columns that others determine.

    A cell that is itself more doubtful than the one it votes on does not count: where the zip is wrong, it is the zip
    that says the city is, too.
    """
    votes: dict[int, list[Votes]] = defaultdict(list)
    for each in votes_of(columns):
        votes[each.dependent].append(each)
    n = len(columns[0].codes) if columns else 0
    doubts = {y: _sums(cast, columns[y].codes, n) for y, cast in votes.items()}
    doubt = {y: np.maximum(against - for_, 0.0) for y, (for_, against) in doubts.items()}
    for y, cast in sorted(votes.items()):
        counted = [_without_doubtful(each, doubt) for each in cast]
        for_, against = _sums(counted, columns[y].codes, n)
        lost = against > for_
        yield Ballot(y, list(_outvoted(columns, counted, lost, (for_, against))), (for_ > against))


def _sureness(votes: Votes) -> Floats:
    return votes.agreeing / (votes.group + 1.0)


def _sums(cast: Sequence[Votes], codes: Ints, n: int) -> tuple[Floats, Floats]:
    """The sums of the votes for and against what each row holds."""
    for_, against = np.zeros(n), np.zeros(n)
    for votes in cast:
        agrees = codes[votes.rows] == votes.expected
        sureness = _sureness(votes)
        for_[votes.rows[agrees]] += sureness[agrees]
        against[votes.rows[~agrees]] += sureness[~agrees]
    return for_, against


def _without_doubtful(votes: Votes, doubt: dict[int, Floats]) -> Votes:
    if votes.determinant not in doubt:
        return votes
    return votes.only(doubt[votes.determinant][votes.rows] <= doubt[votes.dependent][votes.rows])


def _outvoted(
    columns: Sequence[Levels], cast: Sequence[Votes], lost: Flags, sums: tuple[Floats, Floats]
) -> Iterator[Outvoted]:
    """The rows that lost, with what most of the votes against them are for."""
    said: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    best: dict[tuple[int, int], tuple[float, Votes, int]] = {}
    for votes in cast:
        sureness = _sureness(votes)
        actual = columns[votes.dependent].codes[votes.rows]
        for i in np.flatnonzero(lost[votes.rows] & (actual != votes.expected)):
            key = (int(votes.rows[i]), int(votes.expected[i]))
            said[key[0]][key[1]] += float(sureness[i])
            if key not in best or sureness[i] > best[key][0]:
                best[key] = (float(sureness[i]), votes, int(i))
    for row, options in sorted(said.items()):
        expected = min(options, key=lambda code: (-options[code], code))
        strongest, votes, i = best[row, expected]
        score = strongest * options[expected] / float(sums[0][row] + sums[1][row])
        yield Outvoted(row, expected, _reason(columns, votes, i, len(cast)), score)


def _reason(columns: Sequence[Levels], votes: Votes, i: int, n_determinants: int) -> str:
    x, y = columns[votes.determinant], columns[votes.dependent]
    row, expected = votes.rows[i], y.texts[votes.expected[i]]
    others = f"; {n_determinants - 1} more columns determine it" if n_determinants > 1 else ""
    value = x.texts[x.codes[row]]
    told = f"of {votes.group[i]} rows with {x.name} {value!r} that have a {y.name} {votes.agreeing[i]} say {expected!r}"
    return told + others
