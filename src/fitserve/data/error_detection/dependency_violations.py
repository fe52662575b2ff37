"""Cells that violate functional dependencies: several columns may determine one, and most of them decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitserve.data.error_detection.functional_dependencies import SMALLEST_GROUP, Flags, Votes, votes_of
from fitserve.data.error_detection.levels import Ints, Levels

Floats = NDArray[np.float32]


# So many columns, and so large a share of those that one determines, do not fit by mistakes of their own.
_ACCUSED, _SHARE_ACCUSED = 2, 1 / 3
# How sure that is; and by what a vote is worth less if nothing says that it is not the voter that is wrong.
_BLAMED, _EITHER = 0.7, 0.5


@dataclass(frozen=True)
class Violation:
    """A row whose value does not fit; ``expected`` is the code that most votes are for, None where there are none."""

    row: int
    expected: int | None
    reason: str
    score: float


@dataclass(frozen=True)
class ColumnViolations:
    """The violations in one column, by its position in the list, and the rows whose values are confirmed."""

    column: int
    violations: list[Violation]
    supported: Flags


def find_violations(columns: Sequence[Levels]) -> Iterator[ColumnViolations]:
    """The violations in all columns that others determine.

    A cell that is itself more doubtful than the one on which it votes does not count: where the zip is wrong, it is the
    zip that says the city is, too. Where several cells of a row do not fit one determinant, that one is wrong.
    """
    votes = votes_of(columns)
    doubt = _doubt(columns, votes)
    blamed = _blamed(columns, votes, doubt)
    for y in sorted({*votes, *blamed}):
        counted = [each.without(_uncounted(each, doubt, blamed.get(each.determinant, {}))) for each in votes.get(y, [])]
        sums = _sums(columns, counted) if counted else (np.zeros_like(doubt[y]), np.zeros_like(doubt[y]))
        lost = list(_violations(columns, counted, sums, doubt))
        rows = {each.row for each in lost}
        lost += [each for each in blamed.get(y, {}).values() if each.row not in rows]
        yield ColumnViolations(y, lost, sums[0] > sums[1])


def _doubt(columns: Sequence[Levels], votes: Mapping[int, Sequence[Votes]]) -> Floats:
    """By column and row: how much more of the dependencies that a cell has part in, either way, is broken than kept.

    To keep one means the less the more often it happens by chance. What breaks it by a value that hardly occurs
    elsewhere is itself wrong: another determinant would not lead there, either.
    """
    doubt = np.zeros((len(columns), len(columns[0].codes) if columns else 0), dtype=np.float32)
    for each in (one for cast in votes.values() for one in cast):
        codes, y = columns[each.determinant].codes, columns[each.dependent]
        expected, sureness = each.on_rows(codes), _sureness(each)[codes]
        by_chance = float(((y.counts / y.known) ** 2).sum())
        broken = np.where(expected == y.codes, -(1.0 - by_chance) * sureness, sureness)
        broken[(expected < 0) | (y.codes < 0)] = 0.0
        doubt[each.dependent] += broken
        broken[(broken > 0) & _hardly_occurs(y)] = 0.0
        doubt[each.determinant] += broken
    return doubt


def _hardly_occurs(levels: Levels) -> Flags:
    """By row: whether the value is that of less than a group."""
    return np.append(levels.counts < SMALLEST_GROUP, True)[levels.codes]


def _sureness(votes: Votes) -> Floats:
    return (votes.agreeing / (votes.group + 1.0)).astype(np.float32)


def _sums(columns: Sequence[Levels], cast: Sequence[Votes]) -> tuple[Floats, Floats]:
    """The sums of the votes on one column, for and against what each row holds."""
    actual = columns[cast[0].dependent].codes
    for_, against = np.zeros(len(actual), np.float32), np.zeros(len(actual), np.float32)
    for votes in cast:
        codes = columns[votes.determinant].codes
        expected, sureness = votes.on_rows(codes), _sureness(votes)[codes]
        agrees = expected == actual
        for_ += np.where(agrees & (expected >= 0), sureness, 0)
        against += np.where(~agrees & (expected >= 0), sureness, 0)
    return for_, against


def _blamed(
    columns: Sequence[Levels], votes: Mapping[int, Sequence[Votes]], doubt: Floats
) -> dict[int, dict[int, Violation]]:
    """By column and row: the determinants that nothing confirms and much of what they determine speaks against."""
    accusing, voting = np.zeros(doubt.shape, np.int8), np.zeros(doubt.shape, np.int8)
    for each in (one for cast in votes.values() for one in cast):
        actual = columns[each.dependent].codes
        expected = each.on_rows(columns[each.determinant].codes)
        votes_cast = (expected >= 0) & ~_hardly_occurs(columns[each.dependent])
        voting[each.determinant] += votes_cast
        accusing[each.determinant] += votes_cast & (expected != actual) & (doubt[each.dependent] > 0)
    accused = (accusing >= _ACCUSED) & (accusing >= _SHARE_ACCUSED * voting) & (doubt >= 0)
    blamed: dict[int, dict[int, Violation]] = defaultdict(dict)
    for x, row in np.argwhere(accused).tolist():
        levels = columns[x]
        reason = (
            f"{accusing[x, row]} of the {voting[x, row]} columns that {levels.name} determines hold something else "
            f"than with {levels.texts[levels.codes[row]]!r} elsewhere"
        )
        blamed[x][row] = Violation(row, None, reason, _BLAMED)
    return blamed


def _uncounted(votes: Votes, doubt: Floats, blamed: Mapping[int, Violation]) -> Ints:
    """Rows in which a vote does not count: its cell is more doubtful than the one on which it votes."""
    doubtful = doubt[votes.determinant] > np.maximum(doubt[votes.dependent], 0.0)
    return np.union1d(np.flatnonzero(doubtful), np.array(sorted(blamed), dtype=np.int64))


def _violations(
    columns: Sequence[Levels], cast: Sequence[Votes], sums: tuple[Floats, Floats], doubt: Floats
) -> Iterator[Violation]:
    """The rows that lost, with what most of the votes against them are for."""
    lost = np.flatnonzero(sums[1] > sums[0])
    options: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    best: dict[tuple[int, int], tuple[float, Votes]] = {}
    confirmed: set[int] = set()
    for votes in cast:
        codes, actual = columns[votes.determinant].codes, columns[votes.dependent].codes[lost]
        expected, sureness = votes.on_rows(codes)[lost], _sureness(votes)[codes[lost]]
        against = (expected >= 0) & (expected != actual)
        # An empty cell or one with a value that hardly occurs is itself wrong.
        sure_of = (doubt[votes.determinant, lost] < 0) | _hardly_occurs(columns[votes.dependent])[lost]
        confirmed.update(lost[against & sure_of].tolist())
        cast_against = (each[against].tolist() for each in (lost, expected, sureness))
        for row, code, sure in zip(*cast_against, strict=True):
            options[row][code] += sure
            if sure > best.get((row, code), (0.0,))[0]:
                best[row, code] = (sure, votes)
    for row, sums_of in sorted(options.items()):
        expected_code = min(sums_of, key=lambda code: (-sums_of[code], code))
        strongest, votes = best[row, expected_code]
        score = strongest * sums_of[expected_code] / float(sums[0][row] + sums[1][row])
        reason = _reason(columns, votes, row)
        if row not in confirmed:
            reason, score = f"{reason}, unless the {columns[votes.determinant].name} is wrong", _EITHER * score
        yield Violation(row, expected_code, reason, score)


def _reason(columns: Sequence[Levels], votes: Votes, row: int) -> str:
    x, y = columns[votes.determinant], columns[votes.dependent]
    code = x.codes[row]
    return (
        f"of {votes.group[code]} rows with {x.name} {x.texts[code]!r} that have a {y.name} {votes.agreeing[code]} "
        f"say {y.texts[votes.expected[code]]!r}"
    )
