"""In which encoding a text file is written, found out from all of its bytes.

UTF-8 proves itself: other encodings hardly ever give valid UTF-8 by chance. Behind it come byte order marks,
the zeros of UTF-16, and a judgement over the lines that are not ASCII, which may be wrong: it is reported, and
``--encoding`` overrides it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

import charset_normalizer

from fitserve.errors import DataError

UTF8 = "utf-8"
_MOST_EVIDENCE = 200_000
# Encodings of whole scripts, which a wrong guess would turn into nonsense. Those of Central Europe differ from
# Windows-1252 in a few letters only: they cannot be told from short tables and have to be named. Of two that
# are equally likely, the first is taken.
_SCRIPTS = ["gb18030", "big5", "cp932", "cp949", "cp1251", "cp1252"]
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_UNDEFINED_IN_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


def find_encoding(pieces: Iterable[bytes]) -> str:
    """The name of the encoding of a file that is given in pieces."""
    decoder = codecs.getincrementaldecoder(UTF8)()
    evidence: list[bytes] = []
    collected, valid, held = 0, True, b""
    for i, piece in enumerate(pieces):
        if i == 0:
            marked = _by_mark(piece) or _by_zeros(piece)
            if marked is not None:
                return marked
        valid = valid and _is_valid(decoder, piece)
        if not piece.isascii() and collected < _MOST_EVIDENCE:
            *lines, held = (held + piece).split(b"\n")
            evidence += [line for line in lines if not line.isascii()]
            collected = sum(map(len, evidence))
        else:
            held = b""
    if valid and _is_valid(decoder, b"", final=True):
        return UTF8
    lines = [*evidence, held]
    if sum(map(_is_utf8, lines)) > len(lines) / 2:
        return UTF8  # damaged: whoever reads it names the line
    return _judge(b"\n".join(lines)[:_MOST_EVIDENCE])


def _is_valid(decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf8(line: bytes) -> bool:
    return _is_valid(codecs.getincrementaldecoder(UTF8)(), line, final=True)


def _by_mark(start: bytes) -> str | None:
    if start.startswith(codecs.BOM_UTF8):
        return UTF8
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def _by_zeros(start: bytes) -> str | None:
    """UTF-16 without a mark: of the bytes of a delimiter, a digit or a line end one is zero."""
    sample = start[:4096]
    if sample.count(0) < len(sample) / 10:
        return None
    return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"


def _judge(lines: bytes) -> str:
    """The most likely encoding of lines that are no UTF-8.

    In Western languages a letter beyond ASCII stands alone among others, elsewhere they come in runs.
    """
    runs = [len(run) for run in _HIGH_RUN.findall(lines)]
    western = "latin-1" if _UNDEFINED_IN_1252.search(lines) else "cp1252"
    if sum(run for run in runs if run > 1) < sum(runs) / 2:
        return western
    found = list(charset_normalizer.from_bytes(lines, cp_isolation=_SCRIPTS))
    if not found:
        return western
    tied = {m.encoding for m in found if (m.chaos, m.coherence) == (found[0].chaos, found[0].coherence)}
    return next(encoding for encoding in _SCRIPTS if encoding in tied)


def check_encoding(encoding: str) -> bool:
    """Whether it is UTF-8; raises DataError if it is no encoding of texts."""
    try:
        "a".encode(encoding)
        return codecs.lookup(encoding).name == UTF8
    except (LookupError, UnicodeError, ValueError):
        raise DataError(f"there is no encoding {encoding!r}; common ones: utf-8, gb18030, latin-1") from None
