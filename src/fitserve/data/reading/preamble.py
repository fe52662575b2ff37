"""Where the table of a text file begins: comments, titles and the like before the header, found out.

A line is left out only where it is unlike the table: where it begins with a sign of comments, or has fewer fields
than the lines below it, which look like names above values. Else it stays, and is refused where it does not fit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fitserve.data.reading.header import (
    Record,
    are_names,
    are_values,
    best_delimiter,
    header_lines,
    names_columns,
    records_of,
)
from fitserve.data.reading.whitespace_delimited import BLANKS, is_aligned

_SEPARATOR = re.compile(r'\ufeff?"?sep=([^\w\s"]|\t)\1*"?\s*\Z', re.IGNORECASE)
_COMMENT = re.compile(r"#|%|//|!")
_QUOTE = re.compile(r"[,;\t|]\"")
# So many lines of titles, at most, and of lines that are looked at behind them.
_MOST_TITLES, SAMPLE_LINES = 50, 200
_FEWEST = 4
_MOSTLY = 0.9
_END = 60


@dataclass(frozen=True, slots=True)
class Start:
    """How a text file begins.

    ``skipped`` lines stand before the table; then come ``header`` lines of names, the first of which may begin with
    a ``mark`` that is no part of them. ``width`` is the usual number of fields, ``sign`` that of comments between the
    rows. ``unnamed``: the first column has no name. ``trailing``: all rows end with a delimiter more than the
    header. ``notes`` are findings, without the name of the file.
    """

    delimiter: str
    header: int = 1
    skipped: int = 0
    width: int = 0
    sign: str = ""
    mark: str = ""
    unnamed: bool = False
    trailing: bool = False
    notes: tuple[str, ...] = ()


def find_start(lines: Sequence[str], delimiter: str | None, *, comments: bool = True, titles: bool = True) -> Start:
    """How a file begins, from its first lines with their ends, of which there is at least one that is not blank.

    ``delimiter``: where it is known. ``comments`` and ``titles``: whether such lines may be left out.
    """
    at = _blank_lines(lines, 0)
    notes: list[str] = []
    named = _SEPARATOR.match(lines[at]) if titles else None
    if named is not None and at + 1 < len(lines):
        delimiter = delimiter or named[1]
        notes.append(f"names its delimiter in its first line ({lines[at].strip()}), which was left out")
        at += 1
    n_comments, sign = _comments(lines, at) if comments and titles else (0, "")
    below = lines[at + n_comments :]
    if not "".join(below).strip() or any(_ends_quoted(line) for line in lines[at : at + n_comments]):
        n_comments, sign, below = 0, "", lines[at:]
    start = _table(below[: SAMPLE_LINES + _MOST_TITLES], delimiter, titles=titles)
    start = replace(start, skipped=start.skipped + at + n_comments, notes=(*notes, *start.notes))
    return _with_comments(start, lines, at, n_comments, sign) if n_comments else start


def _blank_lines(lines: Sequence[str], start: int) -> int:
    """The first place from ``start`` on whose line is not blank."""
    return next((i for i in range(start, len(lines)) if lines[i].strip()), start)


def _comments(lines: Sequence[str], start: int) -> tuple[int, str]:
    """How many lines from a place on are comments, or blank lines before one, and their sign."""
    found = _COMMENT.match(lines[start].lstrip("\ufeff"))
    if found is None:
        return 0, ""
    sign, end = found[0], start
    for i in range(start, len(lines)):
        if lines[i].lstrip("\ufeff").startswith(sign):
            end = i + 1
        elif lines[i].strip():
            break
    return end - start, sign


def _ends_quoted(line: str) -> bool:
    """Whether a line ends within a cell in quotes: it is the beginning of a row then, whatever its first sign is."""
    return line.count('"') % 2 == 1 and _QUOTE.search(line) is not None


def _with_comments(start: Start, lines: Sequence[str], at: int, n: int, sign: str) -> Start:
    """The same start where ``n`` lines from a place on begin with a sign: comments, a header, or plain rows."""
    marked = [i for i in range(at, at + n) if lines[i].strip()]
    last = lines[marked[-1]]
    below = records_of(lines[start.skipped : start.skipped + SAMPLE_LINES], start.delimiter)
    width = start.width
    cells = records_of([last.removeprefix(sign).lstrip(" ")], start.delimiter)
    names = [cell.strip() for cell in cells[0].cells] if cells else []
    rows = [record.cells for record in below]
    alone = len(marked) == 1
    named = len(rows) >= _FEWEST and are_names(rows[0]) and names_columns(rows[0], rows[1:])
    fits = len(names) == width and width > 1 and are_names(names)
    is_header = fits and (are_values(rows[0], rows[1:]) or (alone and not last[len(sign) :].startswith(" ")))
    alike = _are_rows(lines, marked, start)
    if is_header and (sign == "#" if alone else not alike) and not named:
        notes = [f"has a header that begins with {sign!r}, which was left out of its first name"]
        notes = [*start.notes, *_comment_notes(lines, marked[:-1]), *notes]
        between = "" if alone else sign
        return replace(start, skipped=marked[-1], header=1, sign=between, mark=sign, notes=tuple(notes))
    is_name = alone and len(names) == width and not names[0] and are_names(names[1:])  # a column called "#"
    if width < 2 or is_name or (alike and not named):
        plain = find_start(lines, start.delimiter if width > 1 else None, comments=False)
        doubt = f"begins with {shown(lines[marked[0]])}, taken for its header; if it is a comment, say --comment '#'"
        return replace(plain, notes=(*plain.notes, doubt)) if last.startswith("# ") and plain.header else plain
    return replace(start, sign=sign, notes=(*start.notes, *_comment_notes(lines, marked)))


def _are_rows(lines: Sequence[str], marked: Sequence[int], start: Start) -> bool:
    """Whether lines that begin with a sign have as many fields as the others."""
    records = records_of([lines[i] for i in marked], start.delimiter)
    return all(len(record.cells) == start.width for record in records)


def _comment_notes(lines: Sequence[str], places: Sequence[int]) -> list[str]:
    if not places:
        return []
    what = "line, a comment, was" if len(places) == 1 else f"{len(places)} lines, comments, were"
    return [f"begins with comments: its first {what} left out ({shown(lines[places[0]])})"]


def _table(lines: Sequence[str], delimiter: str | None, *, titles: bool) -> Start:
    """How a table begins that no comments stand before, but perhaps titles."""
    notes: list[str] = []
    if delimiter is None:
        delimiter = best_delimiter(lines)
        filled = [line.rstrip("\r\n") for line in lines if line.strip()][:SAMPLE_LINES]
        fields = [record.cells for record in records_of(lines, delimiter)]
        aligned = is_aligned(filled, delimiter, fields) if filled and fields else False
        if aligned:
            delimiter = BLANKS
            notes.append("has columns that are aligned by blanks; --delimiter chooses a sign")
        elif aligned is None:
            notes.append("was read as one column of texts; if blanks separate its columns, say --delimiter blanks")
    records = records_of(lines, delimiter)
    first = title_records(records) if titles else 0
    skipped = records[first].line if first else 0
    if first:
        notes.insert(0, titles_note(skipped, records[0].text))
    rows = [record.cells for record in records[first:]]
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    start = Start(delimiter, header_lines(rows), skipped, width, notes=tuple(notes))
    if len(rows) > 1 and not records[first + 1].gap:
        start = _with_header_to_rows(start, rows)
    if start.header == 1 and len(rows) > _FEWEST and names_columns(rows[1], rows[2:]):
        what = "has texts in the line below its first, above columns of numbers"
        doubt = (
            f"{what} ({shown(','.join(rows[1]))}); if those are the names, --skip-rows leaves out what is above them"
        )
        start = replace(start, notes=(*start.notes, doubt))
    return start


def titles_note(count: int, text: str) -> str:
    """A finding: so many lines before the header, the first with this text."""
    what = "line was" if count == 1 else f"{count} lines were"
    return f"has a title before its header: its first {what} left out ({shown(text)}); --skip-rows 0 keeps all lines"


def _with_header_to_rows(start: Start, rows: Sequence[Sequence[str]]) -> Start:
    """The same start where all rows have one field more than the header."""
    if start.header != 1 or not _is_one_short(rows[0], rows[1:]):
        return start
    if not any(row[-1].strip() for row in rows[1:]):
        note = "has rows that end with a delimiter more than its header; it was left out"
        return replace(start, trailing=True, notes=(*start.notes, note))
    note = "has a name less in its header than cells in its rows, as R writes it: its first column has no name"
    return replace(start, unnamed=True, notes=(*start.notes, note))


def _is_one_short(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a header has one name less than each row has cells, and lacks that of the first or of the last."""
    if not are_names(header) or any(len(row) != len(header) + 1 for row in rows):
        return False
    firsts = [row[0].strip() for row in rows]
    blank = not any(row[-1].strip() for row in rows)
    named = len(set(firsts)) == len(firsts) > 1 and all(firsts) and (len(header) > 1 or all(map(str.isdecimal, firsts)))
    return blank or (named and not names_columns(rows[0], rows[1:]))


def title_records(records: Sequence[Record]) -> int:
    """How many records at the beginning stand before the header."""
    if len(records) < 3:
        return 0
    width = Counter(len(record.cells) for record in records).most_common(1)[0][0]
    if width < 2:
        return 0
    found = _narrow(records, width) if len(records[0].cells) < width else _padded(records, width)
    return found or _apart(records, width)


def _narrow(records: Sequence[Record], width: int) -> int:
    """How many records have fewer fields than the header behind them."""
    wide = next(i for i, record in enumerate(records) if len(record.cells) >= width)
    rows = [record.cells for record in records[wide:]]
    if wide > _MOST_TITLES or sum(len(row) == width for row in rows) < _MOSTLY * len(rows) or len(rows) < 2:
        return 0
    if not records[wide].gap and _is_one_short(records[wide - 1].cells, rows):
        wide -= 1
        return wide if all(len(record.cells) < width - 1 for record in records[:wide]) else 0
    plain = all(_filled(record.cells) == 1 for record in records[:wide])
    apart = records[wide].gap or (plain and width > 2)
    if names_columns(rows[0], rows[1:]):
        return wide
    return wide if apart and (are_names(rows[0]) or are_values(rows[0], rows[1:])) else 0


def _padded(records: Sequence[Record], width: int) -> int:
    """The same where spreadsheets gave them as many fields: all but the first one or two are blank."""
    most = 2 if width > 3 else 1
    end = next((i for i, record in enumerate(records) if _filled(record.cells) > most), 0)
    if not 0 < end <= _MOST_TITLES or not records[0].cells[0].strip():
        return 0
    rows = [record.cells for record in records[end:]]
    sparse = all(not any(cell.strip() for cell in record.cells[most:]) for record in records[:end])
    apart = width > 2 or not all(_filled(record.cells) for record in records[:end])
    full = all(cell.strip() for cell in rows[0][1:]) and (names_columns(rows[0], rows[1:]) or are_names(rows[0]))
    return end if sparse and apart and full and len(rows) > 1 else 0


def _apart(records: Sequence[Record], width: int) -> int:
    """How many records stand before a blank line, of as many fields as the table, without being one themselves."""
    for i, record in enumerate(records[1:_MOST_TITLES], 1):
        rows = [other.cells for other in records[i:]]
        if record.gap and len(record.cells) == width and names_columns(rows[0], rows[1:]):
            above = [other.cells for other in records[:i]]
            return 0 if names_columns(above[0], above[1:]) or len(rows) < len(above) else i
    return 0


def _filled(cells: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def shown(line: str) -> str:
    """A line of a file in a sentence."""
    text = " ".join(line.split())
    return repr(text if len(text) <= _END else f"{text[:_END]}…")
