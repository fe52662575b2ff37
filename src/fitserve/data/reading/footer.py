"""What stands behind the table in a text file: totals, notes, sources. Found out, and left out only where it is safe.

A row is no row of the table where it is unlike all others. What only might be none stays, with a note.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from fitserve import schema
from fitserve.data.reading.header import wide_fields
from fitserve.data.reading.preamble import shown

_MOST_RECORDS, _MOST_NOTES, _MOST_TOTALS = 1_000, 30, 3
_FEWEST_ROWS, _LONG_TEXT = 3, 10
_NUMBER = re.compile(rf"(?:{schema.NUMBER_PATTERN})\Z")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?\Z")
_TOTAL = re.compile(
    r"(?:(?:grand |sub|sub-|sub )?totals?|sums?|totale|total général|total general|summe|gesamt|insgesamt|"
    r"suma|razem|ogółem|celkem|итого|всего|合计|合計|总计|總計|总和|總和|小计|小計|総計|計|합계|총계|"
    r"averages?|means?|moyenne|mittelwert|durchschnitt|promedio|平均|均值)\s*[:：]?\Z",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"[#*©†]|\(?\d\)\s|(?:(?:foot)?notes?|(?:data )?sources?|quellen?|hinweis|fuentes?|notas?|fontes?|"
    r"注释?|备注|說明|说明|数据来源|資料來源|资料来源|来源|來源|註|出典|出所|注記|자료|주|источник|примечани[ея]|źródło)"
    r"\s*[.:：]|data from |last updated|generated (?:on|by|at)|exported (?:on|by|at|from)|copyright",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A record at the end of a file: where its bytes begin, its cells, and whether a blank line precedes it."""

    start: int
    cells: list[str]
    gap: bool

    @property
    def filled(self) -> int:
        """How many of its cells are not blank."""
        return sum(bool(cell.strip()) for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Footer:
    """What is no row of the table: the bytes from ``start`` on; and findings, without the name of the file."""

    start: int
    notes: tuple[str, ...] = ()


def last_records(block: bytes, count: int) -> int:
    """Where the last ``count`` records of a block begin that are not blank."""
    bounds = _bounds(block)
    filled = [start for start, end in zip(bounds, [*bounds[1:], len(block)], strict=True) if block[start:end].strip()]
    return filled[-count] if 0 < count <= len(filled) else (len(block) if not count else 0)


def find_footer(block: bytes, delimiter: str, width: int, *, whole: bool) -> Footer:
    """The footer of a table of this many columns, whose last rows a block holds, or all of them (``whole``)."""
    if width < 2 or block.count(b'"') % 2:
        return Footer(len(block))
    rows = _rows(block, delimiter, _MOST_RECORDS)
    filled = [row for row in rows if row.filled]
    if whole and len(rows) == _MOST_RECORDS and any(_says_total(row) is not None for row in filled[-_MOST_NOTES:]):
        rows = _rows(block, delimiter, len(block))
    cut, notes = footer_rows(rows, width, whole=whole)
    return Footer(rows[-cut].start if cut else len(block), notes)


def footer_rows(rows: Sequence[Row], width: int, *, whole: bool) -> tuple[int, tuple[str, ...]]:
    """How many of the last rows are none of the table, and findings."""
    filled = [row for row in rows if row.filled]
    n_notes, doubt = _notes(filled, width)
    n_totals, about = _totals(filled[: len(filled) - n_notes], width, whole=whole)
    cut = n_notes + n_totals
    if not cut:
        notes = [*doubt, *about, *_blank_rows(rows), *_cut_off(filled, width)]
        return 0, tuple(notes[:1])
    first = filled[-cut]
    at = rows.index(first)
    while at and not rows[at - 1].filled:
        at -= 1
    what = " and ".join(["a total"] * bool(n_totals) + ["notes"] * bool(n_notes))
    n = len(rows) - at
    lines = "its last line was" if n == 1 else f"its last {n} lines were"
    text = shown(",".join(first.cells))
    notes = [f"ends with {what}: {lines} left out ({text}); --skip-footer 0 keeps all lines"]
    return n, tuple(notes)


def _bounds(block: bytes) -> list[int]:
    """Where the records of a block begin, which line ends outside quotes cut."""
    array = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(array == ord("\n"))
    if b'"' in block:
        ends = ends[np.searchsorted(np.flatnonzero(array == ord('"')), ends) % 2 == 0]
    starts = [0, *(ends + 1).tolist()]
    return starts[:-1] if starts[-1] == len(block) else starts


def _rows(block: bytes, delimiter: str, most: int) -> list[Row]:
    """The last records of a block, at most so many."""
    bounds = _bounds(block)[-most:]
    rows: list[Row] = []
    gap = False
    for start, text in _texts(block, bounds):
        if not text.strip():
            gap = True
            continue
        with wide_fields(), suppress(csv.Error):
            rows.append(Row(start, next(csv.reader([text], delimiter=delimiter)), gap))
        gap = False
    return rows


def _texts(block: bytes, bounds: Sequence[int]) -> Iterator[tuple[int, str]]:
    for start, end in zip(bounds, [*bounds[1:], len(block)], strict=True):
        yield start, block[start:end].decode(errors="replace").strip("\r\n\x1a")


def _notes(rows: Sequence[Row], width: int) -> tuple[int, list[str]]:
    """How many rows at the end are notes; or what to tell of those that may be some."""
    n = 0
    while n < min(_MOST_NOTES, len(rows) - 1) and _may_be_note(rows[-1 - n], width):
        n += 1
    body, notes = rows[: len(rows) - n], rows[len(rows) - n :]
    while notes and not _is_unlike(notes[0], body, width):
        body, notes = [*body, notes[0]], notes[1:]
    if n and not notes and _NOTE.match(rows[-1].cells[0].strip()):
        return 0, [f"may end with a note ({shown(','.join(rows[-1].cells))}); --skip-footer 1 leaves it out"]
    return len(notes), []


def _may_be_note(row: Row, width: int) -> bool:
    text = row.cells[0].strip()
    return bool(text) and (row.filled == 1 or len(row.cells) != width or (row.gap and _NOTE.match(text) is not None))


def _is_unlike(row: Row, body: Sequence[Row], width: int) -> bool:
    """Whether a row that may begin the notes is unlike all rows of the table."""
    if len(body) < 2:
        return False
    text = row.cells[0].strip()
    marked = _NOTE.match(text) is not None
    numbers = all(_NUMBER.match(each.cells[0].strip()) for each in body) and not _NUMBER.match(text)
    if any(len(each.cells) != width or each.filled < 2 for each in body):
        return False
    if len(row.cells) != width:
        long = len(text) >= _LONG_TEXT and not _NUMBER.match(text) and len(body) >= _FEWEST_ROWS
        return marked or (long and (row.gap or numbers))
    if row.filled > 1:
        return marked and row.gap
    return marked or (numbers and len(text) >= _LONG_TEXT and len(body) >= _FEWEST_ROWS)


def _totals(rows: Sequence[Row], width: int, *, whole: bool) -> tuple[int, list[str]]:
    """How many rows at the end are totals; or what to tell of one that may be."""
    n = 0
    while n < min(_MOST_TOTALS, len(rows) - _FEWEST_ROWS) and _says_total(rows[-1 - n]) is not None:
        n += 1
    if not n:
        return 0, []
    body, totals = rows[: len(rows) - n], rows[len(rows) - n :]
    place = _says_total(totals[0]) or 0
    if any(_TOTAL.match(cell.strip()) for row in body for cell in row.cells[place : place + 1]):
        return 0, []  # a level of the column, as others
    if all(_is_safe(row, body, width, whole=whole) for row in totals):
        return n, []
    what = "a total" if n == 1 else f"{n} totals"
    return 0, [f"may end with {what} ({shown(','.join(totals[0].cells))}); --skip-footer {n} leaves it out"]


def _says_total(row: Row) -> int | None:
    """The place of the word, the first that the row says."""
    place = next((i for i, cell in enumerate(row.cells) if cell.strip()), None)
    return place if place is not None and _TOTAL.match(row.cells[place].strip()) else None


def _is_safe(row: Row, body: Sequence[Row], width: int, *, whole: bool) -> bool:
    place = _says_total(row)
    if place is None or len(row.cells) > width:
        return False
    above = [each.cells[place].strip() for each in body if place < len(each.cells)]
    if all(map(_NUMBER.match, above)):
        return True
    blank = width - row.filled
    sparse = 2 * blank >= width - 1 and all(width - each.filled < blank for each in body)
    return sparse or (whole and _adds_up(row, body))


def _adds_up(row: Row, body: Sequence[Row]) -> bool:
    """Whether at least half of the numbers of a row are the sums of those above them."""
    checked = right = 0
    for place, cell in enumerate(row.cells):
        total = _number(cell)
        if total is None:
            continue
        numbers = [_number(each.cells[place]) for each in body if place < len(each.cells)]
        known = [number for number in numbers if number is not None]
        if len(known) < max(2, len(body) // 2):
            continue
        checked += 1
        decimals = len(cell.strip().partition(".")[2])
        right += total != 0 and abs(sum(known) - total) <= max(1e-9 * abs(total), 0.5 * 10.0**-decimals * 1.01)
    return right > 0 and 2 * right >= checked


def _number(cell: str) -> float | None:
    text = cell.strip()
    if _GROUPED.match(text):
        text = text.replace(",", "")
    return float(text) if _NUMBER.match(text) else None


def _blank_rows(rows: Sequence[Row]) -> list[str]:
    n = next((i for i, row in enumerate(reversed(rows)) if row.filled), len(rows))
    if not n or n == len(rows):
        return []
    what = (
        "a blank row; --skip-footer 1 leaves it out" if n == 1 else f"{n} blank rows; --skip-footer {n} leaves them out"
    )
    return [f"ends with {what}"]


def _cut_off(rows: Sequence[Row], width: int) -> list[str]:
    """A last row that is short, where no other is: the rest of a file may be missing."""
    if len(rows) <= _FEWEST_ROWS or len(rows[-1].cells) >= width or any(len(row.cells) != width for row in rows[:-1]):
        return []
    return [f"ends with a row of {len(rows[-1].cells)} cells where the others have {width}: it may be cut off"]
