"""Cells that violate the patterns of their column: other shapes, and one sign substituted for many others.

What spoils a table is often one and the same: a sign that stands where others should (``x``, ``?``, a filler of
scanned pages). If the cells that are known to be wrong show such a sign, cells that were too short or too rare to
go by themselves can go by it, too.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from fitserve.data.error_detection.levels import Levels
from fitserve.schema import NUMBER_PATTERN

_FEWEST_SUBSTITUTIONS, _SHARE_OF_SUBSTITUTIONS = 10, 0.5
_TIMES, _FEWEST = 3, 2
_MOST_LEVELS = 20_000
_DIGIT, _DIGITS, _LETTERS = re.compile(r"[0-9]"), re.compile(r"[0-9]+"), re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(NUMBER_PATTERN)
# Shapes that are usual: so many cells and so large a share have them, all together nearly the whole column.
_USUAL_CELLS, _USUAL_SHARE, _ALL_USUAL, _MOST_USUAL = 20, 0.02, 0.99, 4
_RARE_SHARE = 0.002


@dataclass(frozen=True)
class WrongLevel:
    """A level that is most likely wrong, by its code; ``suggestion`` is None where nobody can know."""

    code: int
    suggestion: str | None
    reason: str
    score: float


def learn_substitution(corrections: Iterable[tuple[str, str]]) -> tuple[str, int] | None:
    """The sign that stands in place of others in most of the corrections (wrong, right), and in how many."""
    signs: Counter[str] = Counter()
    n = 0
    for wrong, right in corrections:
        n += 1
        if len(wrong) == len(right):
            put = {a for a, b in zip(wrong, right, strict=True) if a != b}
            if len(put) == 1:
                signs.update(put)
    if not signs:
        return None
    sign, count = min(signs.items(), key=lambda item: (-item[1], item[0]))
    enough = count >= max(_FEWEST_SUBSTITUTIONS, _SHARE_OF_SUBSTITUTIONS * n)
    return (sign, count) if enough and not sign.isdigit() else None


def find_substitutions(levels: Levels, sign: str, seen: int) -> Iterator[WrongLevel]:
    """Levels that become a more frequent one, or look like more frequent ones, if the sign is taken for any other."""
    if len(levels.texts) > _MOST_LEVELS:
        return
    suspects = [code for code, text in enumerate(levels.texts) if sign in text]
    if not suspects:
        return
    patterns = [_DIGIT.sub("9", text) for text in levels.texts]
    alike: Counter[str] = Counter()
    for pattern, count in zip(patterns, levels.counts, strict=True):
        alike[pattern] += int(count)
    whole = _Masked(dict(zip(levels.texts, map(int, levels.counts), strict=True)), sign)
    shaped = _Masked(alike, sign)
    for code in suspects:
        text, count = levels.texts[code], int(levels.counts[code])
        meant = whole.matches(text, count)
        looks = meant or shaped.matches(patterns[code], alike[patterns[code]])
        if looks:
            # Several texts fit: only a clear favourite is a suggestion.
            clear = bool(meant) and (len(meant) == 1 or whole.counts[meant[0]] >= 5 * whole.counts[meant[1]])
            suggestion = meant[0] if clear else None if meant else _filled(text, looks[0], sign)
            known = f"{meant[0]!r} is frequent" if meant else f"the column looks like {looks[0]!r}"
            reason = f"{sign!r} stands for another sign in {seen} other cells, and {known}"
            yield WrongLevel(code, suggestion, reason, 0.9)


class _Masked:
    """Texts and their counts, to be looked up with a sign that stands for any other."""

    def __init__(self, counts: dict[str, int] | Counter[str], sign: str) -> None:
        self.counts, self._sign = counts, sign
        by_length: dict[int, list[str]] = defaultdict(list)
        for text in sorted(counts):
            by_length[len(text)].append(text)
        self._texts = dict(by_length)
        self._signs = {n: np.array([list(text) for text in texts]) for n, texts in by_length.items() if n}

    def matches(self, text: str, count: int) -> list[str]:
        """Other texts that are so much more frequent, the most frequent one first."""
        signs = np.array(list(text))
        open_ = signs == self._sign
        fits = (self._signs[len(text)][:, ~open_] == signs[~open_]).all(axis=1)
        found = [self._texts[len(text)][i] for i in np.flatnonzero(fits)]
        enough = max(_FEWEST, _TIMES * count)
        return sorted(
            (other for other in found if other != text and self.counts[other] >= enough),
            key=lambda other: (-self.counts[other], other),
        )


def _filled(text: str, pattern: str, sign: str) -> str | None:
    """The text with its signs replaced by those of the pattern, unless these are digits, which may be any."""
    pairs = list(zip(text, pattern, strict=True))
    if any(a == sign and b == "9" for a, b in pairs):
        return None
    return "".join(b if a == sign else a for a, b in pairs)


def find_misshapen(levels: Levels) -> Iterator[WrongLevel]:
    """Levels of a rare shape where nearly all cells have one of a few shapes with digits in them."""
    if len(levels.texts) > _MOST_LEVELS:
        return
    shapes = [_shape(text) for text in levels.texts]
    counts: Counter[str] = Counter()
    for shape, count in zip(shapes, levels.counts, strict=True):
        counts[shape] += int(count)
    n = levels.known
    usual = [s for s, count in counts.most_common(_MOST_USUAL) if count >= max(_USUAL_CELLS, _USUAL_SHARE * n)]
    if not any("9" in shape for shape in usual) or sum(counts[shape] for shape in usual) < _ALL_USUAL * n:
        return
    numeric = all(shape.strip("+-9.") == "" for shape in usual)
    for code, shape in enumerate(shapes):
        if shape in usual or counts[shape] > max(1, _RARE_SHARE * n):
            continue
        if (numeric and _NUMBER.fullmatch(levels.texts[code].strip())) or not _DIGIT.search(levels.texts[code]):
            continue
        share = sum(counts[each] for each in usual) / n
        listed = " or ".join(repr(each) for each in sorted(usual))
        yield WrongLevel(code, None, f"it does not look like {listed}, as {share:.1%} of the column do", 0.6)


def _shape(text: str) -> str:
    return _LETTERS.sub("a", _DIGITS.sub("9", text.strip()))
