"""How likely a text is in each language, by its letters beyond ASCII and by what stands beside them.

Naive Bayes over characters, with costs for neighbours that no text has: letters of two scripts in one word, a
capital behind a small letter, a sign between two letters. Of several readings of the same bytes, the likeliest is
taken for the right one.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from functools import cache
from itertools import pairwise

from fitserve.data.reading.letter_frequencies import LANGUAGES, Language

# Signs of texts in any language, the most frequent first.
_SIGNS = "’–“”„«»°€…—‘£§·•²³µ½®©™×±¼¾º´\xa0‹›¿¡ª"
_WIDE_SIGNS = "，。、：；！？（）《》“”‘’…—·「」『』【】～％＋－／\u3000〇・ー"
_SIGN_SHARES = {"latin": 0.04, "alphabet": 0.01}
_WIDE_SIGNS_SHARE = 0.06
_CAPITAL = math.log(0.3)
_ASCII = math.log(1 / 40)
# What a language does not use: letters of its neighbours occur in names, much else never.
_FOREIGN_LETTER, _FOREIGN_SIGN, _NEVER = math.log(2e-5), math.log(1e-7), math.log(1e-10)
_UNREADABLE = math.log(1e-12)
# The common characters of a list, then those of each level of a national standard: (code, first and last lead
# byte, chance of each character). Standards have the usual characters in their first level.
_SHARES = {"latin": 0.05, "alphabet": 0.99, "simplified": 0.75, "traditional": 0.7, "japanese": 0.8, "korean": 0.85}
_LEVELS: dict[str, list[tuple[str, int, int, float]]] = {
    "simplified": [("gb2312", 0xB0, 0xD7, 4e-5), ("gb2312", 0xD8, 0xF7, 3e-6), ("gbk", 0x81, 0xFE, 1.4e-7)],
    "traditional": [("big5", 0xA4, 0xC6, 4e-5), ("big5", 0xC9, 0xF9, 1e-6), ("gbk", 0x81, 0xFE, 1e-7)],
    "japanese": [
        ("cp932", 0xA1, 0xDF, 2e-5),
        ("cp932", 0x82, 0x83, 1e-4),
        ("cp932", 0x88, 0x97, 3e-5),
        ("cp932", 0x98, 0xEA, 3e-6),
    ],
    "korean": [("euc_kr", 0xB0, 0xC8, 3e-5), ("euc_kr", 0xCA, 0xFD, 1e-6), ("cp949", 0x81, 0xC6, 1e-7)],
}
_TWO_SCRIPTS, _CAPITAL_INSIDE, _ALONE = -5.0, -4.0, -2.0
_INSIDE = {"s": -4.0, "d": -2.0}
_OTHER_REGION = -4.0
_BESIDE_LATIN = -3.0  # 卡拉OK, T恤


class _Chances(dict[str, float]):
    """The logarithm of the chance of each character in a language, worked out when it first occurs."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self.script = language.script
        wide = self.script in _LEVELS
        self._list(_WIDE_SIGNS if wide else _SIGNS, _SIGN_SHARES.get(self.script, _WIDE_SIGNS_SHARE), 3)
        self._list(language.letters, _SHARES[self.script], 20 if wide else 1.5)

    def _list(self, chars: str, share: float, flatness: float) -> None:
        weights = [1 / (rank + flatness) for rank in range(len(chars))]
        for char, weight in zip(chars, weights, strict=True):
            self[char] = math.log(share * weight / sum(weights))

    def __missing__(self, char: str) -> float:
        lower = char.lower()
        if lower != char and len(lower) == 1:
            found = self[lower] + _CAPITAL
        else:
            found = self._in_level(char) or self._foreign(char)
        self[char] = found
        return found

    def _in_level(self, char: str) -> float | None:
        for code, first, last, chance in _LEVELS.get(self.script, ()):
            if first <= _lead_byte(char, code) <= last:
                return math.log(chance)
        return None

    def _foreign(self, char: str) -> float:
        if char == "\ufffd":
            return _UNREADABLE
        category = unicodedata.category(char)
        if category[0] == "C":
            return _NEVER
        latin = category[0] == "L" and char < "\u0250"
        return _FOREIGN_LETTER if latin and self.script == "latin" else _FOREIGN_SIGN


@cache
def _lead_byte(char: str, code: str) -> int:
    """The first byte of a character in a code; 0 if it has none."""
    try:
        return char.encode(code)[0]
    except UnicodeEncodeError:
        return 0


@cache
def _chances(language: Language) -> _Chances:
    return _Chances(language)


def likelihood(text: str, region: str) -> tuple[float, float]:
    """The logarithm of the chance of a text in its likeliest language, rather in one of a region.

    The second number is its mean over the characters beyond ASCII.
    """
    counts = Counter(text)
    ascii_only = sum(n for char, n in counts.items() if char.isascii())
    others = [(char, n) for char, n in counts.items() if not char.isascii()]
    found = _neighbours(text) + max(
        sum(_chances(each)[char] * n for char, n in others) + _OTHER_REGION * (each.region != region)
        for each in LANGUAGES
    )
    return found + ascii_only * _ASCII, found / max(1, sum(n for _, n in others))


class _Kinds(dict[int, str]):
    """One letter for what a character is: the table of `str.translate`."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = _kind_of(char)
        return self[code]


def _kind_of(char: str) -> str:
    """a, A: Latin; l, L: the same beyond ASCII; c, C: other alphabets; h, k: wide; j, d, s: signs."""
    category = unicodedata.category(char)
    if category[0] in "LM":
        capital = category == "Lu"
        if char < "\u0250":
            plain = "a" if char.isascii() else "l"
            return plain.upper() if capital else plain
        if char < "\u1100":
            return "C" if capital else "c"
        return "k" if "\uac00" <= char <= "\ud7a3" else "h"
    if char.isascii():
        return " "
    return _KIND_OF_SIGN.get(char, "s")


# Signs that may stand between two letters, often (j) or now and then (d).
_KIND_OF_SIGN = {"’": "j", "·": "j", "\xa0": "j"} | dict.fromkeys("‘–—…´", "d")
_KINDS = _Kinds()
_LETTERS = "aAlLcChk"


def _pair_cost(first: str, second: str) -> float:
    """What it costs that two kinds of characters stand side by side; ASCII alone is the same in every reading."""
    latin = (first in "aAlL") + (second in "aAlL")
    if first in "alc" and second in "ALC" and (first + second) != "aA":
        return _CAPITAL_INSIDE
    if first not in _LETTERS or second not in _LETTERS or latin == 2:
        return 0.0
    if "h" in first + second or "k" in first + second:
        return _BESIDE_LATIN if latin else (_TWO_SCRIPTS if "c" in (first + second).lower() else 0.0)
    return _TWO_SCRIPTS if latin else 0.0


def _neighbours(text: str) -> float:
    kinds = text.translate(_KINDS)
    pairs = Counter(pairwise(kinds))
    cost = sum(n * _pair_cost(first, second) for (first, second), n in pairs.items())
    triples = Counter(zip(" " + kinds, kinds, kinds[1:] + " ", strict=False))
    return cost + sum(n * _triple_cost(*triple) for triple, n in triples.items())


def _triple_cost(before: str, kind: str, behind: str) -> float:
    if kind in _INSIDE and before in _LETTERS and behind in _LETTERS:
        return _INSIDE[kind]
    return _ALONE if kind in "cC" and before not in "cC" and behind not in "cC" else 0.0
