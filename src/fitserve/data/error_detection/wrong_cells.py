"""Cells of a table that are most likely wrong, found from the table alone: no rules, no labels.

Four things give them away: other columns that determine what should be there (`functional_dependencies`,
`dependency_violations`); several sources that contradict each other (`truth_discovery`); a rare spelling of a frequent
text (`spelling_variants`); a sign or a shape that the column does not have otherwise (`pattern_violations`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from fitserve.data.error_detection.dependency_violations import find_violations
from fitserve.data.error_detection.functional_dependencies import Flags, candidates
from fitserve.data.error_detection.levels import Levels, levels_of
from fitserve.data.error_detection.pattern_violations import (
    WrongLevel,
    find_misshapen,
    find_substitutions,
    learn_substitution,
)
from fitserve.data.error_detection.spelling_variants import find_variants
from fitserve.data.error_detection.truth_discovery import SourceColumns, Truths, discover_truths, find_sources

_MOST_FOUND = 100_000
# A column of spellings repeats its levels; names and free texts do not. A spelling that is more frequent is a matter
# of the column (`find_spellings` tells it), not of its cells.
_REPEATS, _RARE, _RARER = 2.0, 0.01, 5
_SPELLING_SCORE = 0.7


@dataclass(frozen=True)
class WrongCell:
    """A cell that is most likely wrong.

    ``row`` counts from 0; ``value`` is the cell as a text, None if it is empty; ``suggestion`` what should be there,
    None where nothing tells; ``score`` from 0 to 1 says how sure that is. ``missing``: the cell holds nothing, or a
    text that means nothing, where others of its group hold a value.
    """

    row: int
    column: str
    value: str | None
    suggestion: str | None
    reason: str
    score: float
    missing: bool = False


def find_wrong_cells(frame: pl.DataFrame, most: int = _MOST_FOUND) -> list[WrongCell]:
    """The cells of a table that are most likely wrong, by row and column; the surest ``most`` if there are more.

    Looks at columns that hold texts, numbers or dates, and for dependencies at the first 40 whose values repeat. The
    order of the rows makes no difference, except that of large tables a part of the rows says which columns depend on
    which.
    """
    columns = levels_of(frame)
    sources = find_sources(columns)
    discovered = discover_truths(columns, sources) if sources else []
    found: dict[tuple[int, int], WrongCell] = {}
    if sources and discovered:
        for truths in discovered:
            _add(found, columns[truths.column], _contradicted(columns, sources, truths))
        settled = {sources.thing, sources.source, *sources.reports}
        columns = [levels for i, levels in enumerate(columns) if i not in settled]
    _look_at(columns, found)
    surest = sorted(found.items(), key=lambda item: (-item[1].score, item[0]))[:most]
    return [_with_value(cell, frame) for _, cell in sorted(surest)]


def _look_at(columns: Sequence[Levels], found: dict[tuple[int, int], WrongCell]) -> None:
    """Adds what is wrong in columns that no sources report on."""
    before = set(found)
    right: dict[int, Flags] = {}
    checked = candidates(columns)
    for violated in find_violations([columns[i] for i in checked]):
        levels = columns[checked[violated.column]]
        right[checked[violated.column]] = violated.supported
        for each in violated.violations:
            suggestion = None if each.expected is None else levels.texts[each.expected]
            _add(found, levels, [_cell(levels, each.row, suggestion, each.reason, each.score)])
    for y, levels in enumerate(columns):
        _add(found, levels, _cells_of(levels, (*_misspelled(levels), *find_misshapen(levels)), right.get(y)))
    corrected = [cell for key, cell in found.items() if key not in before and not cell.missing]
    learned = learn_substitution((cell.value, cell.suggestion) for cell in corrected if cell.value and cell.suggestion)
    if learned is not None:
        for y, levels in enumerate(columns):
            _add(found, levels, _cells_of(levels, find_substitutions(levels, *learned), right.get(y)))


def _add(found: dict[tuple[int, int], WrongCell], levels: Levels, cells: Iterable[WrongCell]) -> None:
    """Keeps the first suggestion and its reason for a cell; a second reason makes it surer."""
    for cell in cells:
        key = (cell.row, levels.column)
        before = found.get(key)
        if before is None:
            found[key] = cell
            continue
        better = cell if before.suggestion is None and cell.suggestion is not None else before
        found[key] = replace(better, score=round(1.0 - (1.0 - before.score) * (1.0 - cell.score), 4))


def _cell(levels: Levels, row: int, suggestion: str | None, reason: str, score: float) -> WrongCell:
    value = levels.text(int(levels.codes[row]))
    return WrongCell(row, levels.name, value, suggestion, reason, round(score, 4), missing=value is None)


def _with_value(cell: WrongCell, frame: pl.DataFrame) -> WrongCell:
    """The cell with the text that it holds although it means nothing."""
    held = frame[cell.row, cell.column] if cell.missing else None
    return replace(cell, value=str(held)) if held is not None else cell


def _contradicted(columns: Sequence[Levels], sources: SourceColumns, truths: Truths) -> Iterator[WrongCell]:
    thing, report = columns[sources.thing], columns[truths.column]
    expected, source = truths.expected[thing.codes], columns[sources.source].name
    for row in np.flatnonzero((expected >= 0) & (report.codes != expected)):
        code, right, share = thing.codes[row], report.texts[expected[row]], float(truths.share[thing.codes[row]])
        reason = (
            f"of {truths.reporting[code]} rows with {thing.name} {thing.texts[code]!r} that have a {report.name} "
            f"{truths.agreeing[code]} say {right!r}; by how far each {source} can be trusted that is {share:.0%}"
        )
        yield _cell(report, int(row), right, reason, share)


def _cells_of(levels: Levels, odd: Iterable[WrongLevel], right: Flags | None) -> Iterator[WrongCell]:
    """The cells that hold odd levels, unless other columns say that the level is right there."""
    by_code = {each.code: each for each in odd}
    rows = np.flatnonzero(np.isin(levels.codes, list(by_code)))
    codes = levels.codes[rows]
    if right is not None:
        confirmed = np.bincount(codes, weights=right[rows], minlength=len(levels.texts))
        rows = rows[2 * confirmed[codes] <= levels.counts[codes]]
    for row in rows:
        each = by_code[int(levels.codes[row])]
        yield _cell(levels, int(row), each.suggestion, each.reason, each.score)


def _misspelled(levels: Levels) -> Iterator[WrongLevel]:
    if levels.known < _REPEATS * len(levels.texts):
        return
    code = {text: i for i, text in enumerate(levels.texts)}
    for variant in find_variants(dict(zip(levels.texts, map(int, levels.counts), strict=True))):
        count, usual = (levels.counts[code[text]] for text in (variant.text, variant.canonical))
        if _RARER * count <= usual and count <= max(2, _RARE * levels.known):
            yield WrongLevel(code[variant.text], variant.canonical, variant.reason, _SPELLING_SCORE)
