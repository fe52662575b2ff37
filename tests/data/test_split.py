"""Splits: equal rows together, labels in proportion, the same again for the same seed."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fitserve.data.few_rows import SMALL_TABLE
from fitserve.data.split import assign, folds, n_test_rows, split_rows
from fitserve.data.understanding.equal_rows import content_hash, duplicate_groups

GROUPS = st.lists(st.integers(0, 60), min_size=1, max_size=200).map(np.array)


def strata_of(groups: NDArray[np.int64], n_labels: int) -> NDArray[np.int64]:
    """A label for each row, the same within a group, as equal rows have equal targets."""
    return groups % n_labels


@given(groups=GROUPS, n_labels=st.integers(1, 5), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=200, deadline=None)
def test_no_group_is_on_both_sides(groups: NDArray[np.int64], n_labels: int, seed: int) -> None:
    strata = strata_of(groups, n_labels) if n_labels > 1 else None
    split = split_rows(groups, strata, seed)
    rows = np.concatenate([split.train, split.test])
    assert sorted(rows.tolist()) == list(range(len(groups)))
    assert (np.diff(split.train) > 0).all()
    assert (np.diff(split.test) > 0).all()
    assert not set(groups[split.train]) & set(groups[split.test])
    if len(groups) < SMALL_TABLE:
        assert len(split.test) == 0
    if strata is not None and len(split.test):
        assert len(set(strata[split.test])) > 1
        assert len(set(strata[split.train])) > 1
    again = split_rows(groups, strata, seed)
    assert (again.train == split.train).all()
    assert (again.test == split.test).all()
    assert again.reason == split.reason


@given(groups=GROUPS, n_folds=st.integers(2, 6), n_labels=st.integers(1, 4), seed=st.integers(0, 99))
@settings(max_examples=200, deadline=None)
def test_no_group_is_in_two_folds(groups: NDArray[np.int64], n_folds: int, n_labels: int, seed: int) -> None:
    strata = strata_of(groups, n_labels) if n_labels > 1 else None
    numbers = folds(groups, strata, n_folds, seed)
    assert numbers.shape == groups.shape
    assert set(numbers.tolist()) <= set(range(-1, n_folds))  # -1: a group too large to be held out
    assert (numbers < 0).mean() <= 0.5
    for group in set(groups.tolist()):
        assert len(set(numbers[groups == group].tolist())) == 1
    assert (numbers == folds(groups, strata, n_folds, seed)).all()


@given(counts=st.lists(st.integers(1, 80), min_size=2, max_size=5), n_folds=st.integers(2, 5), seed=st.integers(0, 99))
@settings(max_examples=200, deadline=None)
def test_folds_of_single_rows_are_even_and_stratified(counts: list[int], n_folds: int, seed: int) -> None:
    strata = np.repeat(np.arange(len(counts)), counts)
    numbers = folds(np.arange(len(strata)), strata, n_folds, seed)
    for label, count in enumerate(counts):
        shares = np.bincount(numbers[strata == label], minlength=n_folds)
        assert shares.max() - count / n_folds < 2
        assert count / n_folds - shares.min() < 2
    sizes = np.bincount(numbers, minlength=n_folds)
    assert sizes.max() - sizes.min() <= 2


@given(counts=st.lists(st.integers(10, 300), min_size=2, max_size=4), seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_the_test_part_is_a_fifth_of_every_label(counts: list[int], seed: int) -> None:
    strata = np.repeat(np.arange(len(counts)), counts)
    assume(len(strata) >= SMALL_TABLE)
    split = split_rows(np.arange(len(strata)), strata, seed)
    assert abs(len(split.test) - 0.2 * len(strata)) <= 1
    for label, count in enumerate(counts):
        assert abs((strata[split.test] == label).sum() - 0.2 * count) < 2
    assert split.reason == f"stratified by the target, seed {seed}, equal rows kept together"


def test_seeds_make_different_splits() -> None:
    groups = np.arange(300)
    tests = {tuple(split_rows(groups, None, seed).test) for seed in range(5)}
    assert len(tests) == 5


def test_a_rare_label_is_on_both_sides() -> None:
    strata = np.array([0] * 95 + [1] * 5)
    for seed in range(20):
        split = split_rows(np.arange(100), strata, seed)
        assert set(strata[split.test]) == {0, 1}
        assert set(strata[split.train]) == {0, 1}


@pytest.mark.parametrize(
    ("groups", "strata", "reason"),
    [
        (np.arange(29), None, "29 rows are too few for a test part; scores are by leave-one-out"),
        (np.zeros(100, dtype=int), None, "too many rows are equal for a fair test part"),
        (np.arange(100) // 50, np.arange(100) // 50, "too many rows are equal"),
        (np.arange(100), np.array([0] * 99 + [1]), "scores are by cross-validation"),
    ],
)
def test_there_is_no_test_part_that_would_not_be_fair(
    groups: NDArray[np.int64], strata: NDArray[np.int64] | None, reason: str
) -> None:
    split = split_rows(groups, strata, 0)
    assert len(split.test) == 0
    assert len(split.train) == len(groups)
    assert reason in split.reason


def test_the_test_part_of_a_large_table_is_limited() -> None:
    split = split_rows(np.arange(1_000_000), None, 0)
    assert len(split.test) == 100_000


@pytest.mark.parametrize("shares", [[0.2, 0.8], [0.5, 0.5], [0.1, 0.2, 0.7]])
def test_shares_are_kept(shares: list[float]) -> None:
    parts = assign(np.arange(1000), None, shares, seed=3)
    assert np.bincount(parts).tolist() == pytest.approx([1000 * share for share in shares], abs=1)


ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, 0.0, 1.5, float("nan"), float("inf")]),
        st.sampled_from([None, "", "a", "b"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def key(value: Any) -> Any:
    return "NaN" if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN


@given(rows=ROWS)
@settings(max_examples=200, deadline=None)
def test_equal_rows_and_only_they_have_one_group(rows: list[tuple[Any, ...]]) -> None:
    schema = {"x": pl.Float64, "t": pl.String, "b": pl.Boolean}
    groups, repeated = duplicate_groups(pl.DataFrame(rows, schema=schema, orient="row"))
    keys = [tuple(map(key, row)) for row in rows]
    assert repeated == len(keys) - len(set(keys))
    by_key: dict[Any, int] = {}
    for own, group in zip(keys, groups.tolist(), strict=True):
        assert by_key.setdefault(own, group) == group
    assert len(set(by_key.values())) == len(by_key)


def test_the_split_does_not_depend_on_the_types_of_the_columns() -> None:
    rng = np.random.default_rng(0)
    typed = pl.DataFrame({"i": rng.integers(0, 300, 200), "x": rng.random(200).round(1)})
    texts = typed.cast(pl.String)
    assert duplicate_groups(typed)[1] > 0
    assert duplicate_groups(texts)[0].tolist() == duplicate_groups(typed)[0].tolist()


def test_columns_of_any_type_have_groups_and_a_hash() -> None:
    """Even those that no model reads, for they may be excluded."""
    frame = pl.DataFrame(
        {
            "list": [[1], [1], [2]],
            "struct": [{"a": 1}, {"a": 1}, {"a": 2}],
            "bytes": [b"\0", b"\0", b"\1"],
            "duration": [dt.timedelta(1), dt.timedelta(1), None],
            "time": [dt.time(1), dt.time(1), None],
            "null": [None, None, None],
            "category": pl.Series(["a", "a", "b"], dtype=pl.Categorical),
        }
    )
    groups, repeated = duplicate_groups(frame)
    assert groups.tolist() == [0, 0, 1]
    assert duplicate_groups(frame.reverse())[0].tolist() == [0, 1, 1]
    assert repeated == 1
    assert content_hash(frame) == content_hash(frame.clone())
    for name in ("list", "struct", "bytes", "duration", "time", "category"):
        assert content_hash(frame.with_columns(pl.col(name).reverse())) != content_hash(frame)


def test_the_hash_knows_names_types_values_and_their_order() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    others = [
        frame.rename({"a": "c"}),
        frame.cast({"a": pl.Float64}),
        frame.with_columns(a=pl.Series([1, 3])),
        frame.with_columns(b=pl.Series(["x", ""])),
        frame.reverse(),
        frame.select("b", "a"),
        frame.head(1),
    ]
    digests = [content_hash(each) for each in (frame, *others)]
    assert len(set(digests)) == len(digests)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
    assert content_hash(pl.concat([frame.head(1), frame.tail(1)], rechunk=False)) == digests[0]


def test_the_hash_of_a_long_table_sees_every_row() -> None:
    frame = pl.DataFrame({"a": np.arange(120_000)})
    changed = frame.with_columns(a=pl.when(pl.col("a") == 119_999).then(-1).otherwise(pl.col("a")))
    assert content_hash(frame) != content_hash(changed)


@pytest.mark.parametrize(
    ("n", "evaluation"), [(30, 6), (10_000, 2_000), (15_000, 2_000), (20_000, 2_000), (50_000, 5_000), (10**7, 100_000)]
)
def test_large_tables_keep_fewer_rows_back(n: int, evaluation: int) -> None:
    assert n_test_rows(n) == evaluation
