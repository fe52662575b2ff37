"""Where several columns determine one: what most of them say, cell by cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitserve.data.dependencies import Flags, Votes, votes_of
from fitserve.data.levels import Ints, Levels

Floats = NDArray[np.float64] | NDArray[np.float32]


# So many columns, and so large a share of those that one determines, do not fit by mistakes of their own.
_ACCUSED, _SHARE_ACCUSED = 2, 1 / 3
# How sure that is; and by what a vote is worth less if nothing says that it is not the voter that is wrong.
_BLAMED, _EITHER = 0.7, 0.5


@dataclass(frozen=True)
class Outvoted:
    """A row whose value does not fit; ``expected`` is the code that most votes are for, None where there are none."""

    row: int
    expected: int | None
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
    that says the city is, too. Where several cells of a row do not fit one determinant, it is the one that is wrong.
    """
    votes = list(votes_of(columns))
    n = len(columns[0].codes) if columns else 0
    cast: dict[int, list[Votes]] = defaultdict(list)
    for each in votes:
        cast[each.dependent].append(each)
    doubt = np.zeros((len(columns), n), dtype=np.float32)
    for y, on_y in cast.items():
        for_, against = _sums(on_y, columns[y].codes, n)
        doubt[y] = against - for_
    blamed = _blamed(columns, votes, doubt)
    for y in sorted({*cast, *blamed}):
        on_y = [each.only(_counts(each, doubt, blamed.get(each.determinant, {}))) for each in cast[y]]
        sums = _sums(on_y, columns[y].codes, n)
        lost = list(_outvoted(columns, on_y, sums, doubt))
        rows = {each.row for each in lost}
        lost += [each for each in blamed.get(y, {}).values() if each.row not in rows]
        yield Ballot(y, lost, sums[0] > sums[1])


def _blamed(columns: Sequence[Levels], votes: Sequence[Votes], doubt: Floats) -> dict[int, dict[int, Outvoted]]:
    """By column and row: the determinants that nothing confirms and much of what they determine speaks against."""
    accusing = np.zeros(doubt.shape, dtype=np.int16)
    voting = np.zeros(doubt.shape, dtype=np.int16)
    for each in votes:
        actual = columns[each.dependent].codes[each.rows]
        voting[each.determinant, each.rows[actual >= 0]] += 1
        fits = (actual < 0) | (actual == each.expected) | (doubt[each.dependent, each.rows] <= 0)
        accusing[each.determinant, each.rows[~fits]] += 1
    blamed: dict[int, dict[int, Outvoted]] = defaultdict(dict)
    accused = (accusing >= _ACCUSED) & (accusing >= _SHARE_ACCUSED * voting) & (doubt >= 0)
    for x, row in np.argwhere(accused):
        levels = columns[x]
        reason = (
            f"{accusing[x, row]} of the {voting[x, row]} columns that {levels.name} determines hold something else "
            f"than with {levels.texts[levels.codes[row]]!r} elsewhere"
        )
        blamed[int(x)][int(row)] = Outvoted(int(row), None, reason, _BLAMED)
    return blamed


def _counts(votes: Votes, doubt: Floats, blamed: Mapping[int, Outvoted]) -> Flags:
    """Which votes count: those of cells that are not more doubtful than the one on which they vote."""
    voter, other = (np.maximum(doubt[i, votes.rows], 0.0) for i in (votes.determinant, votes.dependent))
    return (voter <= other) & ~np.isin(votes.rows, list(blamed))


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


def _outvoted(
    columns: Sequence[Levels], cast: Sequence[Votes], sums: tuple[Floats, Floats], doubt: Floats
) -> Iterator[Outvoted]:
    """The rows that lost, with what most of the votes against them are for."""
    lost = sums[1] > sums[0]
    options: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    best: dict[tuple[int, int], tuple[float, Votes, int]] = {}
    confirmed: set[int] = set()
    for votes in cast:
        sureness = _sureness(votes)
        actual = columns[votes.dependent].codes[votes.rows]
        against = lost[votes.rows] & (actual != votes.expected)
        confirmed.update(votes.rows[against & ((doubt[votes.determinant, votes.rows] < 0) | (actual < 0))].tolist())
        for i in np.flatnonzero(against):
            row, expected = int(votes.rows[i]), int(votes.expected[i])
            options[row][expected] += float(sureness[i])
            if sureness[i] > best.get((row, expected), (0.0,))[0]:
                best[row, expected] = (float(sureness[i]), votes, int(i))
    for row, sums_of in sorted(options.items()):
        expected = min(sums_of, key=lambda code: (-sums_of[code], code))
        strongest, votes, i = best[row, expected]
        score = strongest * sums_of[expected] / float(sums[0][row] + sums[1][row])
        sure = row in confirmed
        reason = _reason(columns, votes, i) + ("" if sure else f", unless the {columns[votes.determinant].name} is wrong")
        yield Outvoted(row, expected, reason, score if sure else _EITHER * score)


def _reason(columns: Sequence[Levels], votes: Votes, i: int) -> str:
    x, y = columns[votes.determinant], columns[votes.dependent]
    expected, value = y.texts[votes.expected[i]], x.texts[x.codes[votes.rows[i]]]
    return f"of {votes.group[i]} rows with {x.name} {value!r} that have a {y.name} {votes.agreeing[i]} say {expected!r}"
