"""Blocks of a text file as frames: by polars, or row by row where a block is odd, with the line of what is wrong."""

from __future__ import annotations

import codecs
import csv
import io
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fitserve.data.reading.blocks import without_blank_lines
from fitserve.data.reading.header import wide_fields
from fitserve.errors import DataError

_ROWS_AT_ONCE = 50_000
# Where a line that does not fit is likely to be a title: the first so many.
_HEAD = 20
# What Python's csv module finds wrong, in words of our own.
_BROKEN = {
    "unexpected end of data": "it is never closed",
    "expected after": "it is closed in the middle of a field",
    "field larger": "a cell is longer than 64 MB",
}
_SIGN = re.compile(r"[#%!]+|//")


def broken(error: csv.Error, line: int) -> str:
    """What is wrong with the record that begins on a line."""
    if "new-line character" in str(error):
        return f"line {line} holds a carriage return outside quotes; end all lines in the same way"
    note = next((note for words, note in _BROKEN.items() if words in str(error)), "it is no CSV")
    return f"the quoting that starts on line {line} is broken ({note}); close or double the quote there"


def check_utf8(path: Path, data: bytes, line: int) -> None:
    """Raise DataError, naming the line, for a block that begins on a line and is no UTF-8."""
    try:
        codecs.utf_8_decode(data, "strict", True)
    except UnicodeDecodeError as error:
        if line == 1 and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise DataError(f"{path} is UTF-16, not UTF-8; say --encoding utf-16") from None
        line += data.count(b"\n", 0, error.start)
        raise DataError(f"{path} is not UTF-8 (line {line}); leave --encoding out, or say another one") from None


@dataclass(frozen=True, slots=True)
class Layout:
    """What all blocks of a file have in common.

    ``header``: whether its first line holds the names. ``trailing``: a delimiter more ends each row. ``dense``: a
    blank line is none of the table, even where it has one column.
    """

    path: Path
    delimiter: str
    names: list[str]
    header: bool
    trailing: bool = False
    dense: bool = False

    @property
    def width(self) -> int:
        """How many fields a row has, at most."""
        return len(self.names) + self.trailing

    def parse(self, block: bytes) -> pl.DataFrame | None:
        """The rows of a block; None if something is odd about it."""
        width = self.width
        if b'"' in block and _swallows(block, self.delimiter):
            return None
        numbered = self.delimiter.join(map(str, range(width))).encode() + b"\n"
        lines = without_blank_lines(block) if width > 1 or self.dense else block
        try:
            frame = pl.read_csv(numbered + lines, separator=self.delimiter, infer_schema=False)
        except pl.exceptions.PolarsError:
            return None
        if self.trailing:
            if frame.to_series(width - 1).fill_null("").str.strip_chars().ne("").any():
                return None
            frame = frame.drop(frame.columns[-1])
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
            check_utf8(self.path, block, line)
            yield from io.StringIO(block.decode(), newline="\n")
            line += block.count(b"\n")

    def _next_rows(self, reader: Any, line: int) -> list[list[str | None]]:
        width = len(self.names)
        rows: list[list[str | None]] = []
        start = line + reader.line_num
        try:
            with wide_fields():
                for row in reader:
                    if len(row) > self.width or (len(row) > width and row[-1].strip()):
                        raise DataError(f"{self.path}: {self._too_wide(start, row)}")
                    if row or (width == 1 and not self.dense):
                        rows.append([cell or None for cell in row[:width]] + [None] * (width - len(row)))
                    start = line + reader.line_num
                    if len(rows) == _ROWS_AT_ONCE:
                        break
        except csv.Error as error:
            raise DataError(f"{self.path}: {broken(error, start)}") from None
        return rows

    def _too_wide(self, line: int, row: Sequence[str]) -> str:
        what = "the header" if self.header else "the first line"
        note = f"line {line} has {len(row)} fields, {what} {len(self.names)}; check quotes and delimiters there"
        sign = _SIGN.match(row[0])
        if sign is not None:
            return f"{note}, or leave out lines that begin with {sign[0]!r} by --comment {shlex.quote(sign[0])}"
        if line <= _HEAD:
            return f"{note}, or leave out the lines before the header by --skip-rows"
        return f"{note}, or leave out what stands behind the table by --skip-footer"


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
