"""A text file as a stream of blocks of whole records: lines left out, records never cut, the last rows in one block."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

from fitserve.data.reading.footer import Footer
from fitserve.data.reading.header import wide_fields

# The last block has at least so many bytes, for the end of a table is found by the rows above it.
_TAIL_BYTES = 1 << 16
_LONGEST_RECORD = 4  # blocks
_BLANK_LINES = re.compile(rb"\n(?:\r?\n)+")


def prepended(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """A stream that begins with one more piece, unless it is empty."""
    if first:
        yield first
    yield from rest


def without_lines(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The pieces behind so many lines."""
    for piece in pieces:
        at = 0
        while count and at < len(piece):
            end = piece.find(b"\n", at)
            at, count = (end + 1, count - 1) if end >= 0 else (len(piece), count)
        if at < len(piece):
            yield piece[at:]


class CommentFilter:
    """Makes blank lines of those that begin with a sign, but for lines inside quotes.

    With a ``delimiter``, lines of ``width`` fields are rows and stay. ``count`` is how many were made blank.
    """

    def __init__(self, sign: str, delimiter: str = "", width: int = 0) -> None:
        self.count = 0
        self._sign, self._delimiter, self._width = sign.encode(), delimiter, width
        self._quoted = False

    def pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same file; pieces end with a line, but for the last."""
        held = b""
        for piece in pieces:
            data = held + piece
            cut = data.rfind(b"\n") + 1
            held = data[cut:]
            yield self._filtered(data[:cut])
        yield self._filtered(held)

    def _filtered(self, data: bytes) -> bytes:
        if not data.startswith(self._sign) and b"\n" + self._sign not in data:
            self._quoted ^= data.count(b'"') % 2 == 1
            return data
        lines = data.splitlines(keepends=True) if b"\r" not in data else re.findall(rb"[^\n]*\n|[^\n]+", data)
        return b"".join(map(self._line, lines))

    def _line(self, line: bytes) -> bytes:
        if not self._quoted and line.startswith(self._sign) and not self._is_row(line):
            self.count += 1
            return b"\n"
        self._quoted ^= line.count(b'"') % 2 == 1
        return line

    def _is_row(self, line: bytes) -> bool:
        if not self._delimiter:
            return False
        with wide_fields(), suppress(csv.Error):
            text = line.decode(errors="replace").rstrip("\r\n")
            return len(next(csv.reader([text], delimiter=self._delimiter), [])) == self._width
        return False


def records(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes, cut where a record ends, or at any line end where none seems to end for some blocks of a size."""
    held, longest = b"", _LONGEST_RECORD * size
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


def without_footer(blocks: Iterator[bytes], lines: int, find: Callable[[bytes, bool], Footer]) -> Iterator[bytes]:
    """The blocks without the end that ``find`` tells in the last one, of at least some rows and ``lines`` lines.

    It gets the block, and whether it holds the whole table.
    """
    held, alone = b"", True
    for block in blocks:
        if not held or len(block) < _TAIL_BYTES or block.count(b"\n") <= lines:
            held += block
            continue
        yield held
        held, alone = block, False
    if not held:
        return
    kept = held.rstrip(b"\r\n\x1a")
    if b"\x1a" in held[len(kept) :]:  # DOS marks the end of a text so
        held = kept + b"\n"
    held = held[: find(held, alone).start]
    if held:
        yield held


def without_blank_lines(block: bytes) -> bytes:
    """Lines with nothing on them are no records, unless they are part of a quoted cell."""
    block = block.lstrip(b"\r\n")
    if b"\n\n" not in block and b"\n\r\n" not in block:
        return block
    parts = block.split(b'"')
    parts[::2] = [_BLANK_LINES.sub(b"\n", part) for part in parts[::2]]
    return b'"'.join(parts)
