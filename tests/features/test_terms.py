"""The terms of a whole column are those of its texts one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitserve.features.terms import count_terms, find_terms, terms_of

# Few words, so that texts have words, pairs and pieces in common.
WORDS = st.lists(
    st.sampled_from(["a", "Tax", "tax", "ﬁscal", "paid_2", "税", "数据", "🚕", "-", "straße", "x" * 40]), max_size=12
)
TEXTS = st.lists(st.none() | WORDS.map(" ".join), max_size=30)


def in_texts(texts: list[str | None], times: list[int]) -> Counter[str]:
    """In how many texts each term occurs, text by text."""
    counts: Counter[str] = Counter()
    for text, n in zip(texts, times, strict=True):
        for term in set(terms_of(text or "")):
            counts[term] += n
    return counts


def most_frequent(counts: Counter[str], least: int, most: int) -> list[tuple[str, int]]:
    return sorted(((t, n) for t, n in counts.items() if n >= least), key=lambda each: (-each[1], each[0]))[:most]


@given(TEXTS, st.data(), st.integers(1, 3), st.integers(1, 60))
def test_terms_are_counted_as_text_by_text(texts: list[str | None], data: st.DataObject, least: int, most: int) -> None:
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(texts), max_size=len(texts)))
    found = count_terms(texts, np.array(times, dtype=np.int64)).most_frequent(least, most)
    assert list(found.items()) == most_frequent(in_texts(texts, times), least, most)


@given(TEXTS, TEXTS, st.integers(0, 80))
def test_terms_are_found_as_text_by_text(learned: list[str | None], texts: list[str | None], most: int) -> None:
    every = dict.fromkeys(term for text in learned for term in terms_of(text or ""))
    names = {term: i for i, term in enumerate(list(every)[:most])}
    found = find_terms(names, texts)
    expected = [
        (names[term], i, n)
        for i, text in enumerate(texts)
        for term, n in Counter(terms_of(text or "")).items()
        if term in names
    ]
    assert list(zip(found.terms.tolist(), found.texts.tolist(), found.counts.tolist(), strict=True)) == expected


def test_terms_that_no_training_makes_are_never_found() -> None:
    found = find_terms({"": 0, " ": 1, "a  b": 2, "~": 3, "a b c": 4, "b": 5}, ["a b c", ""])
    assert found.terms.tolist() == [5]


@pytest.mark.parametrize(
    "texts",
    [
        [f"word{i % 700} and word{i % 11}" for i in range(20_000)],
        ["税收" * 4_000, *["a b"] * 20_000, " ".join(f"w{i}" for i in range(4_000)) * 2],
        ["", None, "-"] * 12_000,
    ],
)
def test_many_words_are_read_in_several_blocks(texts: list[str | None]) -> None:
    expected = in_texts(texts, [1] * len(texts))
    kept = count_terms(texts, np.ones(len(texts), dtype=np.int64)).most_frequent(1, 1_000_000)
    assert list(kept.items()) == most_frequent(expected, 1, 1_000_000)
    found = find_terms({name: i for i, name in enumerate(kept)}, texts)
    assert np.bincount(found.terms, minlength=len(kept)).tolist() == list(kept.values())
    assert found.counts.sum() == sum(len(terms_of(text or "")) for text in texts)
    assert (np.diff(found.texts) >= 0).all()
