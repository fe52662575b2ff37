"""Short texts as weighted term ids: words, pairs of words and pieces of words, in any script.

Weights are those of TF-IDF with sublinear counts and unit length (Salton & Buckley 1988, "Term-weighting approaches in
automatic text retrieval").
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as member
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fitserve import schema
from fitserve.blocks import Ragged
from fitserve.features.base import Notes, PlainState, Problem, checked_state, described
from fitserve.features.category import coded_numbers
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.likeness import sampled, scripts_of, unlike
from fitserve.features.number import note_missing
from fitserve.features.terms import count_terms, find_terms, is_word, terms_of, words_of
from fitserve.schema import Kind

_WORDS_OF_AN_EXAMPLE, _FREQUENT_WORDS = 5, 60


@dataclass(frozen=True)
class TextStep(PlainState):
    """Term ids and weights of one text. ``terms`` and ``idf`` are arrays of the bundle, not JSON.

    ``terms`` uint8: the UTF-8 of the terms joined by line feeds; ``idf`` float32: their weights. ``coverage`` is the
    share of words that it knows of other texts of the training's kind, ``scripts`` the share of letters of each
    script there.
    """

    block: ClassVar[str] = "terms"
    kinds: ClassVar[Sequence[Kind]] = (Kind.TEXT,)

    field: str
    missing_seen: bool
    terms: NDArray[np.uint8] = member(metadata={"state": False}, compare=False)
    idf: NDArray[np.float32] = member(metadata={"state": False}, compare=False)
    coverage: float = 0.0
    scripts: Mapping[str, float] = member(default_factory=dict)

    @property
    def width(self) -> int:
        """The number of terms."""
        return len(self.idf)

    def known_terms(self) -> list[str]:
        """The terms, the most frequent first."""
        return self.terms.tobytes().decode().split("\n") if len(self.idf) else []

    @classmethod
    def fit(cls, field: str, column: Column, *, ordered: bool = False) -> TextStep:
        """See `fit_text`."""
        del ordered
        return fit_text(field, column)

    def again(self, column: Column) -> TextStep:
        """The step of other rows."""
        return fit_text(self.field, column)

    @classmethod
    def load(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The step of a state and its arrays."""
        step = cls(**checked_state(cls, state), terms=arrays["terms"], idf=arrays["idf"])
        step.check()
        return step

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """The terms and their weights."""
        return {"terms": self.terms, "idf": self.idf}

    def schema(self, description: str) -> dict[str, Any]:
        """A text, or a list whose items are joined."""
        items = {"type": ["string", "number", "boolean", "null"]}
        return {
            "type": ["string", "array", "null"],
            "items": items,
            "description": f"{description}; the items of a list are joined",
        }

    def example(self, profile: Mapping[str, Any], place: float) -> str:
        """A few words that many rows share: texts of real rows may be private."""
        del profile
        words = [term for term in self.known_terms() if not term.startswith("~") and " " not in term]
        start = int(place * max(0, min(len(words), _FREQUENT_WORDS) - _WORDS_OF_AN_EXAMPLE))
        text = " ".join(words[start : start + _WORDS_OF_AN_EXAMPLE])
        # Chinese and Japanese are written without blanks, and each of their characters is a word here.
        return re.sub(r"(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])", "", text)

    def check(self) -> None:
        """Raise ValueError unless the arrays are those of a text step: a finite weight for each term."""
        if self.terms.dtype != np.uint8 or self.idf.dtype != np.float32 or self.terms.ndim != 1 or self.idf.ndim != 1:
            raise ValueError("the terms of a text are no plain arrays of one dimension")
        if len(set(self.known_terms())) != len(self.idf) or not np.isfinite(self.idf).all():
            raise ValueError("the terms of a text and their weights do not belong together")
        shares = self.scripts.values() if isinstance(self.scripts, dict) else [None]
        if not all(isinstance(share, (int, float)) for share in shares):
            raise TypeError("the scripts of a text are no shares")

    @cached_property
    def _terms(self) -> dict[str, tuple[int, float]]:
        names = self.known_terms()
        return {name: (i, weight) for i, (name, weight) in enumerate(zip(names, self.idf.tolist(), strict=True))}

    def row(self, value: object, out: list[tuple[int, float]], notes: Notes) -> None:
        """Append ``(term, weight)`` for each known term of one text."""
        try:
            text = schema.read_text(value)
        except ValueError as error:
            message = str(error).replace("a category", "a text") + "; send a text"
            notes.append(Problem("not_a_text", self.field, message, described(value), fatal=True))
            return
        if text is None:
            note_missing(self.field, self.missing_seen, notes)
            return
        if not isinstance(value, (str, list)):
            notes.append(Problem("coerced", self.field, "read from another type", described(value)))
        known = self._terms
        counts = Counter(found for term in terms_of(text) if (found := known.get(term)) is not None)
        weights = [(term, (1.0 + math.log(count)) * idf) for (term, idf), count in counts.items()]
        length = math.sqrt(math.fsum(weight * weight for _, weight in weights))
        out.extend((term, weight / length) for term, weight in weights)

    def unlike_note(self, column: Column) -> str:
        """In words, how the texts of a column differ from those of the training; "" if they do not."""
        texts = sampled(column.levels) if isinstance(column, Coded) else []
        words = [word for text in texts for word in dict.fromkeys(words_of(text))]
        known = sum(word in self._terms for word in words) / max(len(words), 1)
        return unlike(scripts_of(texts), self.scripts, len(words), known, self.coverage)

    def column(self, column: Column) -> Ragged:
        """The entries of a whole column, read text by text."""
        if isinstance(column, Numbers):
            column = coded_numbers(column)
        column = column.dense()
        present = np.flatnonzero(column.codes >= 0)
        used = np.zeros(len(column.levels), dtype=bool)
        used[column.codes[present]] = True
        texts = [_text_of(level) if n else None for level, n in zip(column.levels, used.tolist(), strict=True)]
        by_level = self._weighted(texts)
        chosen = by_level.take(column.codes[present].astype(np.intp))
        return Ragged(chosen.ids, present[chosen.rows].astype(np.int64), chosen.weights)

    def _weighted(self, texts: Sequence[str | None]) -> Ragged:
        """The entries of each of some texts, those of `row` in its order; what words have in common is found once."""
        names = {name: i for i, name in enumerate(self.known_terms())}
        found = find_terms(names, texts)
        terms, rows = found.terms, found.texts
        logs = np.array([0.0, *(1.0 + math.log(n) for n in range(1, int(found.counts.max(initial=0)) + 1))])
        weights = logs[found.counts] * self.idf.astype(np.float64)[terms]
        squares = (weights * weights).tolist()
        ends = np.searchsorted(rows, np.arange(len(texts) + 1)).tolist()
        norms = np.array([math.sqrt(math.fsum(squares[start:end])) for start, end in pairwise(ends)])
        return Ragged(terms, rows, (weights / norms[rows]).astype(np.float32))


def _text_of(level: object) -> str | None:
    """A value as a text; None for a missing one and for what is no text."""
    try:
        return schema.read_text(level)
    except ValueError:
        return None


def fit_text(field_name: str, column: Column, most_terms: int = 30_000) -> TextStep:
    """A step for the texts of one column: the terms found in at least two rows, the most frequent ones."""
    if isinstance(column, Numbers):
        column = coded_numbers(column)
    times = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
    used = zip(column.levels, times.tolist(), strict=True)
    texts = [schema.read_text(level) if n and not isinstance(level, dict) else None for level, n in used]
    n_texts = int(times[np.array([text is not None for text in texts], dtype=bool)].sum())
    counts, least = count_terms(texts, times), 2 if n_texts > 50 else 1
    kept = counts.most_frequent(least, most_terms)
    idf = [math.log((1 + n_texts) / (1 + n)) + 1 for n in kept.values()]
    joined = np.frombuffer("\n".join(kept).encode(), dtype=np.uint8)
    # The share of words that would be known if each text were new: those that others have often enough, too.
    known = sum(n for term, n in kept.items() if is_word(term) and n > least)
    coverage = round(known / max(int(counts.of_words.sum()), 1), 4)
    scripts = scripts_of(sampled(column.levels))
    return TextStep(field_name, n_texts < len(column), joined, np.array(idf, dtype=np.float32), coverage, scripts)
