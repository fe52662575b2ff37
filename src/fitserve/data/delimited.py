"""CSV files in blocks of whole records: one way to read them, whatever their size, encoding and compression.

Cells stay texts. A block is some megabytes of UTF-8; whatever is wrong with a file is said with its line.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fitserve.data.encoding import UTF8, check_encoding, find_encoding
from fitserve.data.header import (
    check_delimiter,
    find_delimiter,
    first_records,
    header_lines,
    joined_names,
    wide_fields,
)
from fitserve.data.packed import opened
from fitserve.errors import DataError

_SAMPLE_BYTES = 1 << 18
BLOCK_BYTES, _SMALLEST_BLOCK = 16 << 20, 1 << 18
_LONGEST_RECORD = 4  # blocks
_ROWS_AT_ONCE = 50_000
_HEADERS = {
    0: "has no header, for its first line holds values; columns are named column_1, column_2, …; --header overrides it",
    2: "has a header of two lines; their names were joined; --header takes the first line alone",
}
_BLANK_LINES = re.compile(rb"\n(?:\r?\n)+")


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a table where that cannot be found out; None is found out.

    ``delimiter``, ``encoding`` and ``header`` (whether the first line names the columns) are of text files,
    ``sheet`` of spreadsheets. ``sql`` is a query to the database that the source is the URL of. ``fetch`` allows
    the source to be an address in a network.
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    sheet: str | None = None
    sql: str | None = None
    fetch: bool = False


def csv_frames(
    path: Path, options: ReadOptions, block_bytes: int = BLOCK_BYTES, findings: list[str] | None = None
) -> Iterator[pl.DataFrame]:
    """The rows of a CSV file, plain or gzipped, as frames of texts with the same columns each.

    Nothing at all comes out of a file with a header alone. What was found out and may be wrong is added to
    ``findings`` in sentences. Raises DataError, naming the line, for a file
    that is no text of the encoding, breaks its quoting or has longer records than its header.
    """
    check_delimiter(options.delimiter)
    size = max(block_bytes, _SMALLEST_BLOCK)
    found = [] if findings is None else findings
    encoding = options.encoding
    if encoding is None:
        encoding = _encoding_of(path, size)
        if encoding != UTF8:
            found.append(f"{path.name} was read as {encoding}, found out from its bytes; --encoding chooses another")
    blocks = _records(_texts(path, encoding, size), _LONGEST_RECORD * size)
    first = next(blocks, b"")
    if not first.strip():
        raise DataError(f"{path} is empty; give a table with a header and rows")
    sample, whole = first[:_SAMPLE_BYTES], len(first) <= _SAMPLE_BYTES
    delimiter = options.delimiter or find_delimiter(sample, whole=whole)
    kept = first.lstrip(b"\r\n")
    line = 1 + first.count(b"\n", 0, len(first) - len(kept))
    _check_utf8(path, kept, line)
    n_lines = int(options.header) if options.header is not None else 1
    if options.header is None:
        n_lines = header_lines(first_records(sample, delimiter, whole=whole))
        found += [f"{path.name} {_HEADERS[n_lines]}"] if n_lines != 1 else []
    names, body = _header(path, kept, delimiter, n_lines)
    layout = _Layout(path, delimiter, names, n_lines > 0)
    line += kept.count(b"\n", 0, len(kept) - len(body))
    blocks = _prepended(body, blocks)
    for block in blocks:
        _check_utf8(path, block, line)
        frame = layout.parse(block)
        if frame is None:
            yield from layout.parse_slowly(_prepended(block, blocks), line)
            return
        line += block.count(b"\n")
        if frame.height:
            yield frame


def _prepended(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _encoding_of(path: Path, size: int) -> str:
    with opened(path) as stream:
        return find_encoding(iter(lambda: stream.read(size), b""))


def _texts(path: Path, encoding: str, size: int) -> Iterator[bytes]:
    """The file in pieces of UTF-8 with line feeds, decompressed, without a byte order mark."""
    is_utf8 = check_encoding(encoding)
    with opened(path) as stream:
        pieces = iter(lambda: stream.read(size), b"")
        pieces = pieces if is_utf8 else _recoded(path, pieces, encoding)
        first = next(pieces, b"").removeprefix(codecs.BOM_UTF8)
        # Files of an old Mac end their lines with carriage returns alone.
        returns = b"\r" in first and b"\n" not in first
        for piece in _prepended(first, pieces):
            yield piece.replace(b"\r", b"\n") if returns else piece


def _recoded(path: Path, pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    for last, piece in _marked(pieces):
        try:
            text = decoder.decode(piece, last)
        except UnicodeError as error:
            before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
            line += before.decode(encoding, errors="replace").count("\n")
            raise DataError(f"{path} is not {encoding} (line {line}); try another --encoding") from None
        line += text.count("\n")
        yield text.encode(errors="replace")


def _marked(pieces: Iterator[bytes]) -> Iterator[tuple[bool, bytes]]:
    for piece in pieces:
        yield False, piece
    yield True, b""


def _records(pieces: Iterator[bytes], longest: int) -> Iterator[bytes]:
    """The same bytes, cut where a record ends, or at any line end where none seems to end for ``longest`` bytes."""
    held = b""
    for piece in pieces:
        held += piece
        end = _end_of_records(held) or (held.rfind(b"\n") + 1 if len(held) > longest else 0)
        if end:
            yield held[:end]
            held = held[end:]
    if held:  # polars overlooks a field too many on a last line that does not end
        yield held if held.endswith(b"\n") else held + b"\n"


def _end_of_records(data: bytes) -> int:
    """Behind the last line feed outside quotes; 0 if there is none."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    array = np.frombuffer(data, dtype=np.uint8)
    lines = np.flatnonzero(array == ord("\n"))
    outside = np.searchsorted(np.flatnonzero(array == ord('"')), lines) % 2 == 0
    ends = lines[outside]
    return int(ends[-1]) + 1 if len(ends) else 0


def _check_utf8(path: Path, data: bytes, line: int) -> None:
    try:
        codecs.utf_8_decode(data, "strict", True)
    except UnicodeDecodeError as error:
        if line == 1 and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise DataError(f"{path} is UTF-16, not UTF-8; say --encoding utf-16") from None
        line += data.count(b"\n", 0, error.start)
        raise DataError(f"{path} is not UTF-8 (line {line}); leave --encoding out, or say another one") from None


def _header(path: Path, data: bytes, delimiter: str, n_lines: int) -> tuple[list[str], bytes]:
    """The names of the columns, and the bytes behind the records that hold them."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding=UTF8, newline="\n"), delimiter=delimiter)
    try:
        with wide_fields():
            records = [next(reader, []) for _ in range(max(n_lines, 1))]
    except csv.Error as error:
        raise DataError(f"{path}: the first line is no header ({error}); check its quotes and line ends") from None
    if not n_lines:
        return [f"column_{i + 1}" for i in range(len(records[0]))], data
    end = -1
    for _ in range(reader.line_num):
        end = data.find(b"\n", end + 1)
    names = joined_names(*records) if n_lines == 2 else [name.strip() for name in records[0]]
    return column_names(names, str(path)), data[end + 1 :] if end >= 0 else b""


def column_names(names: list[str], where: str) -> list[str]:
    """The names with blank ones filled in by their place; raises DataError for a name that is there twice."""
    taken: set[str] = set()
    for name in names:
        if name and name in taken:
            raise DataError(f"{where} has two columns named {name!r}; rename one")
        taken.add(name)
    found = []
    for i, name in enumerate(names):
        own = name or f"column_{i + 1}"
        while not name and own in taken:
            own += "_"
        taken.add(own)
        found.append(own)
    return found


@dataclass(frozen=True, slots=True)
class _Layout:
    """What all blocks of a file have in common."""

    path: Path
    delimiter: str
    names: list[str]
    header: bool

    def parse(self, block: bytes) -> pl.DataFrame | None:
        """The rows of a block; None if something is odd about it."""
        width = len(self.names)
        if b'"' in block and _swallows(block, self.delimiter):
            return None
        numbered = self.delimiter.join(map(str, range(width))).encode() + b"\n"
        lines = _without_blank_lines(block) if width > 1 else block
        try:
            frame = pl.read_csv(numbered + lines, separator=self.delimiter, infer_schema=False)
        except pl.exceptions.PolarsError:
            return None
        frame.columns = self.names
        return frame

    def parse_slowly(self, blocks: Iterator[bytes], line: int) -> Iterator[pl.DataFrame]:
        """The rows of all further blocks, read by Python, which forgives a quote inside a field.

        Raises DataError, naming the line, for what is wrong by its rules, too.
        """
        reader = csv.reader(self._lines(blocks, line), delimiter=self.delimiter, strict=True)
        schema = dict.fromkeys(self.names, pl.String)
        rows = self._next_rows(reader, line)
        while rows:
            yield pl.DataFrame(rows, schema=schema, orient="row")
            rows = self._next_rows(reader, line)

    def _lines(self, blocks: Iterator[bytes], line: int) -> Iterator[str]:
        for block in blocks:
            _check_utf8(self.path, block, line)
            yield from io.StringIO(block.decode(), newline="\n")
            line += block.count(b"\n")

    def _next_rows(self, reader: Any, line: int) -> list[list[str | None]]:
        width = len(self.names)
        rows: list[list[str | None]] = []
        start = line + reader.line_num
        try:
            with wide_fields():
                for row in reader:
                    if len(row) > width:
                        raise DataError(f"{self.path}: {self._too_wide(start, len(row))}")
                    if row or width == 1:
                        rows.append([cell or None for cell in row] + [None] * (width - len(row)))
                    start = line + reader.line_num
                    if len(rows) == _ROWS_AT_ONCE:
                        break
        except csv.Error as error:
            told = f"the quoting that starts on line {start} is broken ({error}); close or double the quote there"
            raise DataError(f"{self.path}: {told}") from None
        return rows

    def _too_wide(self, line: int, found: int) -> str:
        what = "the header" if self.header else "the first line"
        return f"line {line} has {found} fields, {what} {len(self.names)}; check quotes and delimiters there"


def _without_blank_lines(block: bytes) -> bytes:
    """Lines with nothing on them are no records, unless they are part of a quoted cell."""
    block = block.lstrip(b"\r\n")
    if b"\n\n" not in block and b"\n\r\n" not in block:
        return block
    parts = block.split(b'"')
    parts[::2] = [_BLANK_LINES.sub(b"\n", part) for part in parts[::2]]
    return b'"'.join(parts)


def _swallows(block: bytes, delimiter: str) -> bool:
    """Whether a quote that opens or closes in the middle of a field hides line ends.

    polars reads such files without a word, several records as one cell.
    """
    array = np.frombuffer(block, dtype=np.uint8)
    quotes = np.flatnonzero(array == ord('"'))
    opening, closing = quotes[::2], quotes[1::2]
    opening = opening[: len(closing)]  # a last one that is never closed is refused by polars
    if not len(closing):
        return False
    lines = np.flatnonzero(array == ord("\n"))
    spanning = np.searchsorted(lines, opening) != np.searchsorted(lines, closing)
    bounds = np.frombuffer(b"\r\n" + delimiter.encode(), dtype=np.uint8)
    begins = np.isin(array[np.maximum(opening - 1, 0)], bounds) | (opening == 0)
    ends = np.isin(array[np.minimum(closing + 1, len(array) - 1)], bounds) | (closing == len(array) - 1)
    begins[1:] |= opening[1:] == closing[:-1] + 1  # two quotes are one inside a cell
    ends[:-1] |= closing[:-1] + 1 == opening[1:]
    return bool((spanning & ~(begins & ends)).any())
