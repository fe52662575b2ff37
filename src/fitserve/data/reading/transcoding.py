"""A text file as pieces of UTF-8 with line feeds: decompressed, decoded, without a byte order mark."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fitserve.data.reading.compression import opened
from fitserve.data.reading.encoding import Guess, check_encoding, find_encoding, is_binary
from fitserve.errors import DataError

# Bytes that may be part of a longer character, in whatever encoding: a text is never cut before one of them.
_INSIDE = bytes(range(0x30, 0x100))
# Lines with bytes to replace are few up to so many, and one in so many more.
_FEW, _ONE_IN = 10, 100
_NAMED = 5
_START, _SAMPLE = 1 << 16, 1 << 18


@dataclass(slots=True)
class Replaced:
    """Bytes that the encoding that was found out does not have, and the lines in which they stand."""

    path: Path
    encoding: str
    count: int = 0
    lines: list[int] = field(default_factory=list)

    def note(self, line: int, count: int) -> None:
        """One more line; raises DataError where there are too many of them."""
        self.count += count
        self.lines.append(line)
        if len(self.lines) > _FEW + line // _ONE_IN:
            raise DataError(
                f"{self.path} is not {self.encoding} in {self._where()}; save it in one encoding, or say --encoding"
            )

    def sentence(self) -> str:
        """What to tell; empty if nothing was replaced."""
        what = "1 byte was" if self.count == 1 else f"{self.count} bytes were"
        note = f"{what} replaced by \ufffd in {self._where()}, for {self.encoding} does not have them"
        return f"{self.path.name}: {note}; mend them, or choose another --encoding" if self.count else ""

    def _where(self) -> str:
        more = f" and {len(self.lines) - _NAMED} more" if len(self.lines) > _NAMED else ""
        numbers = ", ".join(map(str, self.lines[:_NAMED]))
        return f"line{'s' if len(self.lines) > 1 else ''} {numbers}{more}"


def guessed(path: Path, size: int) -> Guess:
    """The encoding of a file, read in pieces of ``size`` bytes; raises DataError for a file that is no text."""
    with opened(path) as stream:
        guess = find_encoding(iter(lambda: stream.read(size), b""))
    if _keeps_ascii(guess.encoding):
        with opened(path) as stream:
            if is_binary(stream.read(_START)):
                raise DataError(f"{path} holds no text; give a table as CSV, JSON, Parquet or a spreadsheet")
    return guess


def utf8_pieces(path: Path, encoding: str, size: int, replaced: Replaced | None = None) -> Iterator[bytes]:
    """The file in pieces of about ``size`` bytes of UTF-8.

    Bytes that the encoding does not have are noted in ``replaced`` if it is given; else they are a DataError with
    their line, but for UTF-8, which is not looked at.
    """
    is_utf8 = check_encoding(encoding)
    with opened(path) as stream:
        pieces = iter(lambda: stream.read(size), b"")
        if not _keeps_ascii(encoding):
            pieces = _with_line_feeds(_recoded(path, pieces, encoding))
        else:
            pieces = _with_line_feeds(pieces)
            if replaced is not None:
                pieces = _mended(pieces, replaced)
            elif not is_utf8:
                pieces = _recoded(path, pieces, encoding)
        yield next(pieces, b"").removeprefix(codecs.BOM_UTF8)
        yield from pieces


def _keeps_ascii(encoding: str) -> bool:
    return "\r\n".encode(encoding) == b"\r\n"


def _with_line_feeds(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Files of an old Mac end their lines with carriage returns alone."""
    first = next(pieces, b"")
    outside = b"".join(first[:_SAMPLE].split(b'"')[::2]) if b"\r" in first[:_SAMPLE] else b""
    returns = outside.count(b"\r") - outside.count(b"\r\n") > outside.count(b"\n")
    yield first.replace(b"\r", b"\n") if returns else first
    for piece in pieces:
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


def _mended(pieces: Iterator[bytes], replaced: Replaced) -> Iterator[bytes]:
    """The pieces as UTF-8, cut between characters, each byte without a meaning as a replacement character."""
    held, line = b"", 1
    for last, piece in _marked(pieces):
        data = held + piece
        cut = len(data) if last else len(data.rstrip(_INSIDE))
        held = data[cut:]
        if data[:cut]:
            yield _decoded(data[:cut], line, replaced)
        line += data.count(b"\n", 0, cut)


def _decoded(data: bytes, line: int, replaced: Replaced) -> bytes:
    try:
        return data.decode(replaced.encoding).encode()
    except UnicodeDecodeError:
        lines = []
        for number, each in enumerate(io.BytesIO(data), line):
            try:
                lines.append(each.decode(replaced.encoding))
            except UnicodeDecodeError:
                lines.append(each.decode(replaced.encoding, errors="replace"))
                replaced.note(number, lines[-1].count("\ufffd"))
        return "".join(lines).encode()
