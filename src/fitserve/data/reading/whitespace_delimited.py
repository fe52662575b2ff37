"""Columns that are aligned by blanks, one or several, as in many files called ``.data`` or ``.txt``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from fitserve import schema

# How such a delimiter is named, as pandas does, and the sign that the blanks are replaced by.
BLANKS, SEPARATOR = r"\s+", "\x1f"
_QUOTED_OR_BLANK = re.compile(rb'((?<![^ \t\r\n])"[^"\n]*")|[ \t]+')
_EDGES = re.compile(rb"^\x1f|\x1f(?=\r?$)", re.MULTILINE)
_QUOTED = re.compile(r'"[^"]*"\Z')
_SPACED = re.compile(r"\S(?: {2,}| *\t)\s*\S")
_NUMBER = re.compile(rf"(?:{schema.NUMBER_PATTERN}|[+-]?\d+,\d+|[?.*-]|na|nan|n/a|null)\Z", re.IGNORECASE)
_SAME, _MOSTLY, _FEWEST = 0.9, 0.5, 3
# A first line with one name less than there are cells is believed where there are so many cells.
_MANY, _FEW_LINES = 4, 10


def separated(data: bytes) -> bytes:
    """Whole lines with one separator between two cells, and none at their ends; blanks in quotes stay."""
    cut = _QUOTED_OR_BLANK.sub(lambda match: match[1] or b"\x1f", data)
    return _EDGES.sub(b"", cut)


def separated_pieces(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same for a file in pieces."""
    held = b""
    for piece in pieces:
        data = held + piece
        cut = data.rfind(b"\n") + 1
        held = data[cut:]
        yield separated(data[:cut])
    yield separated(held)


def is_aligned(lines: Sequence[str], delimiter: str, fields: Sequence[Sequence[str]]) -> bool | None:
    """Whether lines are cut by blanks rather than by a delimiter, which cuts them into these fields; None: perhaps.

    Lines of words with a blank between them are a column of texts. So nearly all lines must have as many cells, as
    many as there are names, and columns of numbers: most of them, unless names are quoted, blanks are there to align
    them, or many cells are just as many in all of many lines.
    """
    if delimiter not in ",\t" and _is_table(fields):
        return False
    rows = [line.split(SEPARATOR) for line in separated("\n".join(lines).encode()).decode().split("\n")]
    width, same = Counter(map(len, rows)).most_common(1)[0]
    body = [row for row in rows[1:] if len(row) == width]
    if width < 2 or len(rows) < _FEWEST or same < _SAME * len(rows) - 1 or not body:
        return False
    numbers = sum(all(map(_NUMBER.match, column)) for column in zip(*body, strict=True))
    if not numbers or _is_table(fields):
        return numbers > 0 and same == len(rows) and _is_cut_wrongly(rows, delimiter, fields)
    spaced = sum(_SPACED.search(line) is not None for line in lines) > len(lines) / 2
    return _is_table_of_blanks(rows, width, numbers, spaced=spaced)


def _is_table_of_blanks(rows: Sequence[Sequence[str]], width: int, numbers: int, *, spaced: bool) -> bool | None:
    """The same where no delimiter makes a table, and some columns of so many hold numbers."""
    mostly = numbers >= _MOSTLY * width
    quoted = all(_QUOTED.match(name) for name in rows[0])
    even = all(len(row) == width for row in rows)
    if len(rows[0]) == width - 1:
        return quoted or (mostly and width >= _MANY)
    if len(rows[0]) != width:
        return mostly and width >= _FEWEST
    many = even and width > _MANY and len(rows) >= _FEW_LINES
    certain = quoted or many or spaced or (mostly if width > 2 else numbers == width)
    return certain or (None if even else False)


def _is_table(fields: Sequence[Sequence[str]]) -> bool:
    width, same = Counter(map(len, fields)).most_common(1)[0]
    return width > 1 and same >= _SAME * len(fields)


def _is_cut_wrongly(rows: Sequence[Sequence[str]], delimiter: str, fields: Sequence[Sequence[str]]) -> bool:
    """Whether a field of every line holds several numbers, or the delimiter is the decimal comma of all of them."""
    if delimiter == ",":
        cells = [cell for row in rows[1:] for cell in row]
        return "," not in "".join(rows[0]) and all(map(_NUMBER.match, cells)) and any("," in cell for cell in cells)
    columns = zip(*fields[1:], strict=False)
    return any(all(_holds_numbers(cell) for cell in column) for column in columns)


def _holds_numbers(cell: str) -> bool:
    parts = cell.split()
    return len(parts) >= _FEWEST and all(map(_NUMBER.match, parts))
