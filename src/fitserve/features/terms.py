"""The terms of texts: words, pairs of words and pieces of words, of one text or of a whole column.

Chinese, Japanese and Korean characters, and emoji, count as words of their own, so that pairs of them stand for the
words of a language without blanks and no segmenter is needed. For a column, words are numbered as they are met, and
what they have in common is found once.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MOST_CHARACTERS = 10_000
_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_EMOJI = "\u2600-\u27bf\U0001f300-\U0001faff"
_WORD = re.compile(f"[{_IDEOGRAPH}{_EMOJI}]|[^\\W{_IDEOGRAPH}]+")
_PIECE_LENGTHS = (3, 4)
_LONGEST_WORD = 30
_NORMALIZED_AT_ONCE = 256
# Texts are read in blocks of so many words, or so many texts: a text, a term and a place in the block share 64 bits.
_BLOCK = 1 << 14
_NO_PAIR = np.iinfo(np.int64).max


def terms_of(text: str) -> list[str]:
    """The terms of a text, repeated as often as they occur: words, pairs of words, ``~`` pieces of words."""
    words = words_of(text)
    terms = [*words, *(_pair(first, second) for first, second in pairwise(words))]
    for word in words:
        terms.extend(_pieces_of(word))
    return terms


def words_of(text: str) -> list[str]:
    """The words of a text, in order."""
    return _WORD.findall(_normalized(text[:MOST_CHARACTERS])[:MOST_CHARACTERS])


def is_word(term: str) -> bool:
    """Whether a term is a whole word."""
    return term[0] != "~" and " " not in term


def _pair(first: str, second: str) -> str:
    return f"{first} {second}"


def _pieces_of(word: str) -> list[str]:
    if len(word) < 2:
        return []
    marked = f"<{word[:_LONGEST_WORD]}>"
    return [f"~{marked[i : i + n]}" for n in _PIECE_LENGTHS for i in range(len(marked) - n + 1)]


def _normalized(text: str) -> str:
    """NFKC without case, piece by piece: accents without end on one letter cost the square of their number."""
    if text.isascii():
        return text.lower()
    starts, n = range(0, len(text), _NORMALIZED_AT_ONCE), _NORMALIZED_AT_ONCE
    return "".join(unicodedata.normalize("NFKC", text[i : i + n]) for i in starts).casefold()


@dataclass(frozen=True, slots=True)
class _Block:
    """Some texts from number ``first`` on: ``words`` by number and the text of each, both (m,) int64."""

    first: int
    words: NDArray[np.int64]
    texts: NDArray[np.int64]

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs of neighbours, each as one number, and the text of each."""
        inside = self.texts[1:] == self.texts[:-1]
        return _paired(self.words[:-1][inside], self.words[1:][inside]), self.texts[1:][inside]


def _paired(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    return first << 32 | second


class _Numbers(dict[str, int]):
    """A number for each word or piece, in the order in which they are asked for; ``names`` by number."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __missing__(self, name: str) -> int:
        self[name] = number = len(self)
        self.names.append(name)
        return number


class _Reader:
    """Reads texts as numbers of words, and words as numbers of pieces."""

    def __init__(self, pieces: Mapping[str, int] | None = None) -> None:
        """``pieces`` are the numbers of the pieces that count; None means all, numbered as they are met."""
        self.words = _Numbers()
        self.pieces = _Numbers()
        self._known = pieces
        self._own = array("q")
        self._starts = array("q", [0])

    def blocks(self, texts: Sequence[str | None]) -> Iterator[_Block]:
        """The texts, some thousand words at a time."""
        number = self.words.__getitem__
        first, words, lengths = 0, list[int](), list[int]()
        for text in texts:
            before = len(words)
            if text is not None:
                words.extend(map(number, words_of(text)))
            lengths.append(len(words) - before)
            if len(words) >= _BLOCK or len(lengths) >= _BLOCK:
                yield self._block(first, words, lengths)
                first, words, lengths = first + len(lengths), [], []
        yield self._block(first, words, lengths)

    def _block(self, first: int, words: list[int], lengths: list[int]) -> _Block:
        for word in self.words.names[len(self._starts) - 1 :]:
            pieces = _pieces_of(word)
            if self._known is None:
                self._own.extend(map(self.pieces.__getitem__, pieces))
            else:
                self._own.extend([found for piece in pieces if (found := self._known.get(piece)) is not None])
            self._starts.append(len(self._own))
        return _Block(first, np.array(words, dtype=np.int64), np.repeat(np.arange(len(lengths)), lengths))

    def pieces_of(self, words: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pieces of some words, and for each the place of its word."""
        own, starts = np.frombuffer(self._own, dtype=np.int64), np.frombuffer(self._starts, dtype=np.int64)
        lengths = starts[words + 1] - starts[words]
        place = np.repeat(np.arange(len(words)), lengths)
        before = np.cumsum(lengths) - lengths
        return own[(starts[words] - before)[place] + np.arange(len(place))], place


@dataclass(frozen=True)
class TermCounts:
    """In how many texts each term occurs: names, or for pairs the places of both words among ``words``."""

    words: list[str]
    pairs: NDArray[np.int64]
    pieces: list[str]
    of_words: NDArray[np.int64]
    of_pairs: NDArray[np.int64]
    of_pieces: NDArray[np.int64]

    def most_frequent(self, least: int, most: int) -> dict[str, int]:
        """The terms that are in at least ``least`` texts and how many these are, the most frequent first."""
        counts = np.concatenate([self.of_words, self.of_pairs, self.of_pieces])
        enough = np.flatnonzero(counts >= least)
        if len(enough) > most:
            enough = enough[counts[enough] >= np.partition(counts[enough], -most)[-most]]
        named = sorted((-n, self._name(i)) for i, n in zip(enough.tolist(), counts[enough].tolist(), strict=True))
        return {name: -n for n, name in named[:most]}

    def _name(self, i: int) -> str:
        if i < len(self.words):
            return self.words[i]
        i -= len(self.words)
        if i < len(self.pairs):
            pair = int(self.pairs[i])
            return _pair(self.words[pair >> 32], self.words[pair & 0xFFFFFFFF])
        return self.pieces[i - len(self.pairs)]


def count_terms(texts: Sequence[str | None], times: NDArray[np.int64]) -> TermCounts:
    """In how many texts each term occurs; ``times`` says how many texts each one stands for."""
    reader = _Reader()
    of_words = of_pieces = np.zeros(0, dtype=np.int64)
    pairs, of_pairs = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for block in reader.blocks(texts):
        own = times[block.first :]
        words, in_text = _once(block.words, block.texts)
        of_words = _added(of_words, words, own[in_text])
        pieces, place = reader.pieces_of(words)
        pieces, piece_in = _once(pieces, in_text[place])
        of_pieces = _added(of_pieces, pieces, own[piece_in])
        found, pair_in = block.pairs()
        found, numbers = np.unique(found, return_inverse=True)
        numbers, pair_in = _once(numbers, pair_in)
        pairs.append(found)
        of_pairs.append(_added(np.zeros(len(found), dtype=np.int64), numbers, own[pair_in]))
    every, numbers = np.unique(np.concatenate(pairs), return_inverse=True)
    counts = _added(np.zeros(len(every), dtype=np.int64), numbers, np.concatenate(of_pairs))
    words_met, pieces_met = reader.words.names, reader.pieces.names
    return TermCounts(words_met, every, pieces_met, of_words[: len(words_met)], counts, of_pieces[: len(pieces_met)])


def _once(things: NDArray[np.int64], texts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each thing once in each text."""
    n = int(things.max(initial=0)) + 1
    keys = np.sort(texts * n + things)
    keys = keys[np.diff(keys, prepend=-1) > 0]
    return keys % n, keys // n


def _added(sums: NDArray[np.int64], places: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sums with some values more; longer where there are places beyond their end."""
    n = int(places.max(initial=-1)) + 1
    if n > len(sums):
        sums = np.concatenate([sums, np.zeros(max(n, 2 * len(sums)) - len(sums), dtype=np.int64)])
    np.add.at(sums, places, values)
    return sums


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Which term occurs in which text how often, by text and in each by first occurrence; (m,) int64 each."""

    terms: NDArray[np.int64]
    texts: NDArray[np.int64]
    counts: NDArray[np.int64]


def find_terms(names: Mapping[str, int], texts: Sequence[str | None]) -> Occurrences:
    """The terms of some texts that have a number in ``names``."""
    reader = _Reader({name: number for name, number in names.items() if name.startswith("~")})
    blocks = list(reader.blocks(texts))
    of_word = np.array([names.get(word, -1) for word in reader.words.names], dtype=np.int64)
    pairs, of_pair = _known_pairs(names, reader.words)
    parts = []
    for block in blocks:
        words = of_word[block.words]
        found, pair_in = block.pairs()
        at = np.searchsorted(pairs, found)
        known = pairs[at] == found
        pieces, place = reader.pieces_of(block.words)
        terms = np.concatenate([words[words >= 0], of_pair[at[known]], pieces])
        in_text = np.concatenate([block.texts[words >= 0], pair_in[known], block.texts[place]])
        parts.append(_counted(terms, in_text, block.first))
    return Occurrences(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _known_pairs(names: Mapping[str, int], words: Mapping[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pairs with a number whose words have been met, ascending, and their numbers; the last is met nowhere."""
    known = []
    for name, number in names.items():
        first, _, second = name.partition(" ")
        if second and first in words and second in words:
            known.append((words[first] << 32 | words[second], number))
    return tuple(np.array([*sorted(known), (_NO_PAIR, -1)], dtype=np.int64).T)


def _counted(terms: NDArray[np.int64], texts: NDArray[np.int64], first: int) -> tuple[NDArray[np.int64], ...]:
    """How often each term occurs in each text of a block, in the order of first occurrence."""
    place_bits, term_bits = len(terms).bit_length(), int(terms.max(initial=0)).bit_length()
    place = np.arange(len(terms))
    keys = np.sort(((texts << term_bits) + terms << place_bits) + place)
    starts = np.flatnonzero(np.diff(keys >> place_bits, prepend=-1))
    counts, place = np.diff(starts, append=len(keys)), keys[starts] & (1 << place_bits) - 1
    order = np.lexsort((place, texts[place]))
    place = place[order]
    return terms[place], texts[place] + first, counts[order]
