"""In which encoding a text file is written, found out from all of its bytes.

UTF-8 proves itself: other encodings hardly ever give valid UTF-8 by chance. Before it come byte order marks and
the zeros of UTF-16. Where it is none of these, the words of the file that are not ASCII are read in every encoding
that is in use, and the reading that is most like a text is taken (see `encoding_likelihood`). That may be
wrong: it is reported, with how sure it is, and ``--encoding`` overrides it.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from fitserve.data.reading.encoding_likelihood import likelihood
from fitserve.errors import DataError

UTF8 = "utf-8"
# The encodings of the world's tables: region of their languages, and the logarithm of how usual they are among
# files that are no UTF-8. Of equal readings the first is taken.
_CODES: dict[str, tuple[str, float]] = {
    "cp1252": ("western", 2), "gb18030": ("east asian", -1), "big5": ("east asian", -2), "cp950": ("east asian", -2),
    "big5hkscs": ("east asian", -12), "cp932": ("east asian", -3), "euc_jp": ("east asian", -3),
    "cp949": ("east asian", -3), "cp1251": ("cyrillic", -2), "koi8_u": ("cyrillic", -4), "cp866": ("cyrillic", -4),
    "iso8859_5": ("cyrillic", -6), "cp1250": ("central", -2), "iso8859_2": ("central", -3), "cp852": ("central", -5),
    "mac_roman": ("western", -3), "cp850": ("western", -4), "cp1254": ("turkish", -2), "cp1257": ("baltic", -3),
    "cp1253": ("greek", -2), "cp1255": ("hebrew", -3), "cp1256": ("arabic", -3), "cp874": ("thai", -3),
}  # fmt: skip
# No byte below this one is part of a longer character, whatever the encoding: words may be cut there.
_FIRST_INSIDE, _LONGEST_CHARACTER = 0x30, 4
_WORDS_OF_A_PIECE, _MOST_WORDS, _LONGEST_WORD = 400, 2_000, 2_000
_MOST_SAMPLED = 40_000
# Where less than this of a file is beyond ASCII, it is written in Latin letters, and its rare others are so, too.
_RARE, _OTHER_SCRIPT = 0.002, -4.0
_LATIN = {"western", "central", "turkish", "baltic"}
# Differences of log-likelihood; right were 99.5 % of 700 short samples of 33 languages above the first, all of
# 1,400 above the second.
_LIKELY, _SURE = 4.0, 10.0
# The mean of a character beyond ASCII, below which a text is one of no language that is known here.
_POOR_FIT = -9.5
_EXAMPLE = 24
# Control characters but for those that separate something.
_CONTROLS = bytes({*range(1, 32), 127} - set(b"\t\n\v\f\r\x1a\x1b\x1c\x1d\x1e\x1f"))
_BINARY_SHARE, _BINARY_KINDS = 0.02, 4


@dataclass(frozen=True, slots=True)
class Guess:
    """The encoding of a file.

    ``certainty`` says how sure it is, with an example; it is empty for what is valid UTF-8 to its last byte.
    """

    encoding: str
    certainty: str = ""

    def sentence(self, name: str) -> str:
        """What to tell about the file of this name; empty if there is nothing to tell."""
        if not self.certainty:
            return ""
        found = f"found out from its bytes ({self.certainty})"
        return f"{name} was read as {self.encoding}, {found}; --encoding chooses another"


def find_encoding(pieces: Iterable[bytes]) -> Guess:
    """The encoding of a file that is given in pieces."""
    decoder = codecs.getincrementaldecoder(UTF8)()
    words = _Words()
    valid = True
    for i, piece in enumerate(pieces):
        if i == 0 and (marked := _by_mark(piece) or _by_zeros(piece)) is not None:
            return marked
        valid = valid and _is_valid(decoder, piece)
        if not valid or words.are_few:
            words.add(piece)
    if valid and _is_valid(decoder, b"", final=True):
        return Guess(UTF8)
    found = words.all()
    if sum(map(_is_utf8, found)) > len(found) / 2:
        return Guess(UTF8, "sure: most of its words are valid")
    return _best_guess(found, latin=words.are_rare)


def is_binary(start: bytes) -> bool:
    """Whether the beginning of a file that is no UTF-16 is one of no text: it is full of control characters."""
    controls = start.translate(None, bytes(set(range(256)) - set(_CONTROLS) - {0}))
    return len(controls) > _BINARY_SHARE * len(start) and len(set(controls)) >= _BINARY_KINDS


def _is_valid(decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf8(word: bytes) -> bool:
    return _is_valid(codecs.getincrementaldecoder(UTF8)(), word, final=len(word) < _LONGEST_WORD)


def _by_mark(start: bytes) -> Guess | None:
    by_mark = "sure: its first bytes say so"
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return Guess("utf-32", by_mark)
    return Guess("utf-16", by_mark) if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def _by_zeros(start: bytes) -> Guess | None:
    """UTF-16 without a mark: of the bytes of a delimiter, a digit or a line end one is zero."""
    sample = start[:4096]
    odd, even = sample[1::2].count(0), sample[::2].count(0)
    if odd + even < len(sample) / 10 or min(odd, even) > max(odd, even) / 4:
        return None
    return Guess("utf-16-le" if odd > even else "utf-16-be", "sure: every other byte is zero")


class _Words:
    """Words with bytes beyond ASCII from the whole of a file: each once, evenly chosen, never cut at their start."""

    def __init__(self) -> None:
        self._held = b""
        self._aligned = True
        self._found: dict[bytes, None] = {}
        self._of_a_piece = _WORDS_OF_A_PIECE
        self._seen = self._beyond_ascii = 0

    @property
    def are_few(self) -> bool:
        return len(self._found) < _WORDS_OF_A_PIECE

    @property
    def are_rare(self) -> bool:
        """Whether next to nothing of the file is beyond ASCII."""
        return self._beyond_ascii < _RARE * self._seen

    def add(self, piece: bytes, *, last: bool = False) -> None:
        self._seen += len(piece)
        if not self._held and len(piece) >= _LONGEST_CHARACTER and piece.isascii():
            self._aligned = True
            return
        data = self._held + piece
        array = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(array < _FIRST_INSIDE)
        if not self._aligned and len(ends):
            data, ends = data[ends[0] :], ends - ends[0]
            array, self._aligned = np.frombuffer(data, dtype=np.uint8), True
        cut = len(data) if last else int(ends[-1]) + 1 if len(ends) else 0
        self._held = data[cut:]
        if self._aligned:
            self._keep(data, array[:cut], ends)
        if len(self._held) > _LONGEST_WORD:
            if self._aligned and not self._held.isascii():
                self._found[self._held[:_LONGEST_WORD]] = None
            self._held, self._aligned = b"", False

    def _keep(self, data: bytes, array: NDArray[np.uint8], ends: NDArray[np.intp]) -> None:
        places = np.flatnonzero(array >= 0x80)
        self._beyond_ascii += len(places)
        if len(places) > self._of_a_piece:
            places = places[np.linspace(0, len(places) - 1, self._of_a_piece).astype(int)]
        bounds = np.concatenate([[-1], ends, [len(data)]])
        for which in np.unique(np.searchsorted(bounds, places)):
            start, end = int(bounds[which - 1]) + 1, int(bounds[which])
            self._found[data[start : min(end, start + _LONGEST_WORD)]] = None
        if len(self._found) > _MOST_WORDS:
            self._found = dict.fromkeys(islice(self._found, 0, None, 2))
            self._of_a_piece = max(1, self._of_a_piece // 2)

    def all(self) -> list[bytes]:
        """What was found, from the beginning, the middle and the end of the file."""
        if self._aligned:
            self.add(b"", last=True)
        return list(self._found)


@dataclass(frozen=True, slots=True)
class _Reading:
    encoding: str
    words: Sequence[str]
    score: float
    fit: float


def _best_guess(words: Sequence[bytes], *, latin: bool) -> Guess:
    """The most likely encoding of words that are no UTF-8; ``latin``: in a file that is written in Latin letters."""
    words = list(_part(words))
    readings = sorted((_read(words, code, latin=latin) for code in _CODES), key=lambda reading: -reading.score)
    best = readings[0]
    rival = next((reading for reading in readings if reading.words != best.words), None)
    lead = best.score - rival.score if rival is not None else _SURE
    if rival is not None and (lead < _LIKELY or best.fit < _POOR_FIT):
        own, other = next(pair for pair in zip(best.words, rival.words, strict=True) if pair[0] != pair[1])
        note = f"in doubt: {_shown(own)} would be {_shown(other)} in {rival.encoding}"
    else:
        note = f"{'sure' if lead >= _SURE else 'likely'}: it gives words such as {_shown(best.words[0])}"
    return Guess(best.encoding, note)


def _part(words: Sequence[bytes]) -> Iterator[bytes]:
    """As many of the words, evenly chosen, as are enough to decide by."""
    step = 1 + sum(map(len, words)) // _MOST_SAMPLED
    return islice(words, 0, None, step)


def _read(words: Sequence[bytes], encoding: str, *, latin: bool) -> _Reading:
    """The words in an encoding, and how likely they are."""
    region, usual = _CODES[encoding]
    usual += _OTHER_SCRIPT if latin and region not in _LATIN else 0
    texts = [_decoded(word, encoding) for word in words]
    score, fit = likelihood(" ".join(texts), region)
    return _Reading(encoding, texts, score + usual, fit)


def _decoded(word: bytes, encoding: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    return decoder.decode(word, final=len(word) < _LONGEST_WORD)


def _shown(word: str) -> str:
    return repr(word if len(word) <= _EXAMPLE else f"{word[:_EXAMPLE]}…")


def check_encoding(encoding: str) -> bool:
    """Whether it is UTF-8; raises DataError if it is no encoding of texts."""
    try:
        "a".encode(encoding)
        return codecs.lookup(encoding).name == UTF8
    except (LookupError, UnicodeError, ValueError):
        raise DataError(f"there is no encoding {encoding!r}; common ones: utf-8, gb18030, latin-1") from None
