"""CSV files in blocks of whole records: one way to read them, whatever their size, encoding and compression.

Cells stay texts. A block is some megabytes of UTF-8; whatever is wrong with a file is said with its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from fitserve.data.reading.blocks import CommentFilter, prepended, records, without_footer, without_lines
from fitserve.data.reading.column_names import column_names
from fitserve.data.reading.encoding import UTF8
from fitserve.data.reading.footer import Footer, find_footer, last_records
from fitserve.data.reading.header import check_delimiter, joined_names, wide_fields
from fitserve.data.reading.parsing import Layout, broken, check_utf8
from fitserve.data.reading.preamble import Start, find_start
from fitserve.data.reading.transcoding import Replaced, guessed, utf8_pieces
from fitserve.data.reading.whitespace_delimited import BLANKS, SEPARATOR, separated_pieces
from fitserve.errors import DataError

_SAMPLE_BYTES = 1 << 18
BLOCK_BYTES, _SMALLEST_BLOCK = 16 << 20, 1 << 18
_LONGEST_SIGN = 5
_HEADERS = {
    0: "has no header, for its first line holds values; columns are named column_1, column_2, …; --header overrides it",
    2: "has a header of two lines; their names were joined; --header takes the first line alone",
}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    r"""How to read a table where that cannot be found out; None is found out.

    ``delimiter`` (``\s+``: blanks, one or several), ``encoding``, ``header`` (whether the first line names the
    columns) and ``comment`` (the sign that comment lines begin with) are of text files, ``sheet`` of spreadsheets,
    ``skip_rows`` and ``skip_footer`` of both: so many lines before the header, and rows at the end, are left out.
    ``sql`` is a query to the database that the source is the URL of. ``fetch`` allows the source to be an address in
    a network.
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    sheet: str | None = None
    sql: str | None = None
    fetch: bool = False
    skip_rows: int | None = None
    skip_footer: int | None = None
    comment: str | None = None


def csv_frames(
    path: Path, options: ReadOptions, block_bytes: int = BLOCK_BYTES, findings: list[str] | None = None
) -> Iterator[pl.DataFrame]:
    """The rows of a CSV file, plain or gzipped, as frames of texts with the same columns each.

    Nothing at all comes out of a file with a header alone. What was found out and may be wrong is added to
    ``findings`` in sentences, the last of them behind the last row. Raises DataError, naming the line, for a file
    that is no text of the encoding, breaks its quoting or has longer records than its header.
    """
    check_options(options)
    size = max(block_bytes, _SMALLEST_BLOCK)
    found = [] if findings is None else findings
    pieces, replaced = _texts(path, options, size, found)
    if options.comment:
        pieces = CommentFilter(options.comment).pieces(pieces)
    skipped = options.skip_rows or 0
    pieces = without_lines(pieces, skipped)
    first = next(pieces, b"")
    if not first.strip():
        what = f"has no line behind the {skipped} that --skip-rows leaves out" if skipped else "is empty"
        raise DataError(f"{path} {what}; give a table with a header and rows")
    sample, whole = first[:_SAMPLE_BYTES], len(first) <= _SAMPLE_BYTES
    start = find_start(
        _lines(sample, whole=whole), options.delimiter, comments=not options.comment, titles=options.skip_rows is None
    )
    if options.header is not None:
        start = replace(start, header=int(options.header), unnamed=start.unnamed and options.header)
    found += [f"{path.name} {note}" for note in start.notes]
    found += [f"{path.name} {_HEADERS[start.header]}"] if options.header is None and start.header != 1 else []
    pieces = without_lines(prepended(first, pieces), start.skipped)
    yield from _Table(path, options, start, 1 + skipped + start.skipped, size, found).frames(pieces)
    if replaced is not None and replaced.count:
        found.append(replaced.sentence())


def check_options(options: ReadOptions) -> None:
    """Raise DataError for options that cannot be."""
    check_delimiter(options.delimiter)
    for name, number in (("--skip-rows", options.skip_rows), ("--skip-footer", options.skip_footer)):
        if number is not None and number < 0:
            raise DataError(f"{name} is a number of lines from 0, not {number}")
    sign = options.comment
    if sign is not None and (not sign or len(sign) > _LONGEST_SIGN or re.search(r"[\w\s\"]", sign)):
        raise DataError(f"--comment is the sign that comment lines begin with, such as # or //, not {sign!r}")


def _texts(path: Path, options: ReadOptions, size: int, found: list[str]) -> tuple[Iterator[bytes], Replaced | None]:
    """The file as pieces of UTF-8, and the record of bytes that had to be replaced in it."""
    if options.encoding is not None:
        return utf8_pieces(path, options.encoding, size), None
    guess = guessed(path, size)
    found += [guess.sentence(path.name)] if guess.certainty else []
    replaced = Replaced(path, guess.encoding) if guess.certainty else None
    return utf8_pieces(path, guess.encoding, size, replaced), replaced


def _lines(sample: bytes, *, whole: bool) -> list[str]:
    """The first lines of a file with their ends; the last one is left out where it may be cut."""
    lines = list(io.StringIO(sample.decode(errors="replace"), newline="\n"))
    return lines if whole or len(lines) == 1 else lines[:-1]


@dataclass(frozen=True, slots=True)
class _Table:
    """What is known of a text file when its table begins, in line ``line``."""

    path: Path
    options: ReadOptions
    start: Start
    line: int
    size: int
    findings: list[str]

    @property
    def delimiter(self) -> str:
        """What separates the fields of blocks."""
        return SEPARATOR if self.start.delimiter == BLANKS else self.start.delimiter

    def frames(self, pieces: Iterator[bytes]) -> Iterator[pl.DataFrame]:
        """The rows, from the header on."""
        start, line = self.start, self.line
        comments = CommentFilter(start.sign, "" if start.delimiter == BLANKS else start.delimiter, start.width)
        blocks = records(self._plain(pieces, comments), self.size)
        first = next(blocks, b"")
        kept = first.lstrip(b"\r\n")
        line += first.count(b"\n", 0, len(first) - len(kept))
        check_utf8(self.path, kept, line)
        names, body = self._header(kept)
        layout = Layout(self.path, self.delimiter, names, start.header > 0, start.trailing, bool(self.options.comment))
        line += kept.count(b"\n", 0, len(kept) - len(body))

        def footer(block: bytes, whole: bool) -> Footer:
            return self._footer(block, layout.width, whole=whole)

        blocks = without_footer(prepended(body, blocks), self.options.skip_footer or 0, footer)
        for block in blocks:
            check_utf8(self.path, block, line)
            frame = layout.parse(block)
            if frame is None:
                yield from layout.parse_slowly(prepended(block, blocks), line)
                break
            line += block.count(b"\n")
            if frame.height:
                yield frame
        if comments.count:
            what = "1 line that begins" if comments.count == 1 else f"{comments.count} lines that begin"
            note = f"comments between its rows were left out ({what} with {start.sign!r})"
            self.findings.append(f"{self.path.name}: {note}")

    def _plain(self, pieces: Iterator[bytes], comments: CommentFilter) -> Iterator[bytes]:
        """The pieces with one separator between two fields, and nothing before the first name."""
        start = self.start
        if start.mark:
            pieces = prepended(next(pieces, b"").removeprefix(start.mark.encode()).lstrip(b" "), pieces)
        if start.sign:
            pieces = comments.pieces(pieces)
        return separated_pieces(pieces) if start.delimiter == BLANKS else pieces

    def _header(self, data: bytes) -> tuple[list[str], bytes]:
        """The names of the columns, and the bytes behind the records that hold them."""
        text = io.TextIOWrapper(io.BytesIO(data), encoding=UTF8, newline="\n")
        reader = csv.reader(text, delimiter=self.delimiter)
        n_lines = self.start.header
        try:
            with wide_fields():
                rows = [next(reader, []) for _ in range(max(n_lines, 1))]
        except csv.Error as error:
            raise DataError(f"{self.path}: {broken(error, self.line)}") from None
        if not n_lines:
            return [f"column_{i + 1}" for i in range(len(rows[0]))], data
        end = -1
        for _ in range(reader.line_num):
            end = data.find(b"\n", end + 1)
        names = joined_names(*rows) if n_lines == 2 else [name.strip() for name in rows[0]]
        names = ["", *names] if self.start.unnamed else names
        return column_names(names, self.path.name, self.findings), data[end + 1 :] if end >= 0 else b""

    def _footer(self, block: bytes, width: int, *, whole: bool) -> Footer:
        if self.options.skip_footer is not None:
            return Footer(last_records(block, self.options.skip_footer))
        found = find_footer(block, self.delimiter, width, whole=whole and len(block) <= _SMALLEST_BLOCK)
        self.findings.extend(f"{self.path.name} {note}" for note in found.notes)
        return found
