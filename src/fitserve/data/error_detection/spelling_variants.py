"""Levels of one column that are most likely spellings of the same thing.

Without a dictionary only the table can tell: two levels are one if they differ in case, accents, spaces or
punctuation alone; if one is a shortened form with a dot; or if a rare one is a letter or two away from a frequent one
in a single long word, while the frequent ones are not that near to each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Set
from dataclasses import dataclass

_MOST_LEVELS = 20_000
# A spelling is rare beside one that is so many times as frequent; frequent is what so large a share of cells hold.
_TIMES, _FREQUENT = 5, 0.001
_SHORTEST, _LONG = 5, 9
# The same typo does not happen again and again: of a short word it is another word (island, inland). What is added at
# the end is none, either (moderate, moderated); unless many different typos of the word are there.
_OFTEN, _SURE, _MANY_TYPOS = 2, 8, 3
_SHORTEST_START, _LONGER = 3, 2
# Among frequent levels, so large a share may be near to another one by chance; beyond, nearness means nothing.
_CROWDED = 0.05
# Signs between words; beside digits and in front of what they are signs of, they mean something.
_DECORATION = re.compile(r"(?<![0-9])[.,](?![0-9])|[.,](?![0-9])|(?<=\w)[-/](?=[^\W\d])|[_'\"`´’‘“”!;:()\[\]*]")
_SPACE = re.compile(r"(?<![0-9])\s+|\s+(?![0-9])")
_ABBREVIATION = re.compile(r"[^\W\d_]+\.")
_OPPOSITES = (("hyper", "hypo"), ("inter", "intra"), ("over", "under"), ("pre", "pro"), ("in", "un"))


@dataclass(frozen=True)
class Spellings:
    """Levels that are most likely meant to be one: the ``canonical`` one is the most frequent of them."""

    canonical: str
    variants: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Variant:
    """A level that is meant to be ``canonical``, and why."""

    text: str
    canonical: str
    reason: str


def find_spellings(levels: Mapping[str, int]) -> list[Spellings]:
    """Groups of levels that are one, the canonical ones in order; ``levels`` says how often each occurs.

    Levels with fewer than two letters are left alone, and so is what differs in digits, in words of fewer than five
    letters, or in the first letter of a word. Of a column with more than 20,000 levels only case and punctuation are
    looked at.
    """
    groups: dict[str, list[Variant]] = defaultdict(list)
    for variant in find_variants(levels):
        groups[variant.canonical].append(variant)
    return [
        Spellings(canonical, tuple(each.text for each in variants), "; ".join(each.reason for each in variants))
        for canonical, variants in sorted(groups.items())
    ]


def find_variants(levels: Mapping[str, int]) -> list[Variant]:
    """The levels that are meant to be another one, in order."""
    spoken = {text: count for text, count in levels.items() if sum(char.isalpha() for char in text) > 1}
    folded: dict[str, list[str]] = defaultdict(list)
    for text in sorted(spoken, key=lambda text: (-spoken[text], text)):
        folded[_fold(text)].append(text)
    meant = {text: (texts[0], _SAME) for texts in folded.values() for text in texts[1:]}
    if len(folded) <= _MOST_LEVELS:
        counts = {fold: sum(spoken[text] for text in texts) for fold, texts in folded.items()}
        for fold, canonical, why in _other_spellings(counts, folded):
            meant.update((text, (folded[canonical][0], why)) for text in folded[fold])
    return [
        Variant(text, right, f"{text!r} occurs {_times(spoken[text])}, {right!r} {_times(spoken[right])}; {why}")
        for text, (right, why) in sorted(meant.items())
    ]


_SAME = "they differ in case, accents, spaces or punctuation alone"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _fold(text: str) -> str:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return _SPACE.sub("", _DECORATION.sub(" ", plain).strip())


def _other_spellings(counts: Mapping[str, int], folded: Mapping[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Folded levels that are others, those others, and why."""
    words = {fold: tuple(_DECORATION.sub(" ", texts[0].casefold()).split()) for fold, texts in folded.items()}
    least = max(_TIMES, _FREQUENT * sum(counts.values()))
    frequent = {fold for fold, count in counts.items() if count >= least}
    near: dict[str, list[tuple[str, int]]] = defaultdict(list)
    crowd = set()
    for fold, common, letters in _near(words, frequent):
        if _TIMES * counts[fold] <= counts[common]:
            near[fold].append((common, letters))
        elif fold in frequent:
            crowd.add(fold)
    if len(crowd) > _CROWDED * len(frequent):
        near.clear()
    typos = Counter(common for pairs in near.values() for common, _ in pairs)
    found: dict[str, tuple[str, str]] = {}
    for fold, pairs in near.items():
        common, letters = min(pairs, key=lambda pair: (pair[1], -counts[pair[0]], pair[0]))
        if typos[common] >= _MANY_TYPOS or not _may_be_meant(fold, common, counts[fold]):
            found[fold] = (common, f"they differ by {'one letter' if letters == 1 else f'{letters} letters'}")
    for short, long in _shortened(folded, counts, found):
        found.setdefault(short, (long, "the short form ends with a dot"))
    for fold, (canonical, why) in found.items():
        if canonical not in found:
            yield fold, canonical, why


def _may_be_meant(rare: str, common: str, count: int) -> bool:
    """Whether the rare one may be a word of its own: it is short and not that rare, or one begins with the other."""
    return (count > _OFTEN and len(rare) < _SURE) or rare.startswith(common) or common.startswith(rare)


def _near(words: Mapping[str, tuple[str, ...]], frequent: Set[str]) -> Iterator[tuple[str, str, int]]:
    """Levels and frequent ones from which they differ in one word, by a letter or two."""
    alike: dict[tuple[tuple[str, ...], int, str], list[tuple[str, str]]] = defaultdict(list)
    for fold in sorted(frequent):
        for key, word in _keys(words[fold]):
            alike[key].append((word, fold))
    for fold, parts in words.items():
        for key, word in _keys(parts):
            for other, its_fold in alike.get(key, ()):
                letters = _letters_between(word, other)
                if letters:
                    yield fold, its_fold, letters


def _keys(parts: tuple[str, ...]) -> Iterator[tuple[tuple[tuple[str, ...], int, str], str]]:
    """For each word all the others, where it stands and how it begins; and the word."""
    for i, word in enumerate(parts):
        if len(word) >= _SHORTEST - 1 and word.isalpha() and word.lower() != word.upper():
            yield (parts[:i] + parts[i + 1 :], i, word[0]), word


def _letters_between(one: str, other: str) -> int:
    """How many letters two words differ by if that may be a typo, else 0."""
    short, long = sorted((len(one), len(other)))
    most = 2 if short >= _LONG else 1
    if long < _SHORTEST or long - short > most or any(_opposed(one, other, *pair) for pair in _OPPOSITES):
        return 0
    distance = edit_distance(one, other, most)
    return distance if distance <= most else 0


def _opposed(one: str, other: str, this: str, that: str) -> bool:
    return (one.startswith(this) and other.startswith(that)) or (one.startswith(that) and other.startswith(this))


def edit_distance(one: str, other: str, most: int) -> int:
    """Letters to replace, insert, delete or swap with the next one (optimal string alignment).

    Some number above ``most`` if there are more.
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return last[-1]


def _shortened(
    folded: Mapping[str, list[str]], counts: Mapping[str, int], typos: Container[str]
) -> Iterator[tuple[str, str]]:
    """Levels that end with a dot and begin exactly one more frequent word, which is much longer."""
    single = [fold for fold, texts in folded.items() if texts[0].strip().isalpha() and fold not in typos]
    for fold, texts in folded.items():
        if len(fold) >= _SHORTEST_START and any(_ABBREVIATION.fullmatch(text.strip()) for text in texts):
            begun = [word for word in single if word != fold and word.startswith(fold)]
            if len(begun) == 1 and len(begun[0]) >= len(fold) + _LONGER and counts[begun[0]] > counts[fold]:
                yield fold, begun[0]
