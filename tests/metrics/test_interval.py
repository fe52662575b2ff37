"""Intervals: weighted scores are those of repeated rows, ends hold the score, groups widen, seeds decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fitserve.metrics import classification_scores, regression_scores
from fitserve.metrics.interval import Make, bootstrap, difference, intervals, wilson
from fitserve.metrics.weighted import weighted_classification, weighted_regression


def near(value: float | None) -> Any:
    return value if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


def two_labels(rng: np.random.Generator, n: int, k: int = 2) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return rng.integers(0, k, n), rng.dirichlet(np.ones(k), n).round(2) if k == 2 else rng.dirichlet(np.ones(k), n)


def make_labels(truth: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Make:
    return lambda rows: weighted_classification(truth[rows], probabilities[rows])


def make_numbers(truth: NDArray[np.float64], prediction: NDArray[np.float64]) -> Make:
    return lambda rows: weighted_regression(truth[rows], prediction[rows])


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 30), k=st.integers(2, 4), least=st.integers(-1, 0), seed=st.integers(0, 2**32), data=st.data())
def test_weights_are_repeated_rows(n: int, k: int, least: int, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(k), n)
    truth = rng.integers(least, data.draw(st.integers(1, k)), n)
    weights = rng.integers(0, 3, n)
    if not weights.any():
        weights[0] = 1
    rows = np.repeat(np.arange(n), weights)
    found = weighted_classification(truth, probabilities)(weights)
    expected = classification_scores(truth[rows], probabilities[rows])
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == near(value), name


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(0, 3)), min_size=1, max_size=20))
def test_weights_are_repeated_rows_of_numbers(rows: list[tuple[float, float, int]]) -> None:
    truth, prediction = (np.array([row[i] for row in rows]) for i in (0, 1))
    weights = np.array([row[2] for row in rows], dtype=np.int64)
    weights[0] = max(weights[0], 1)
    chosen = np.repeat(np.arange(len(rows)), weights)
    found = weighted_regression(truth, prediction)(weights)
    expected = regression_scores(truth[chosen], prediction[chosen])
    for name, value in expected.items():
        if name == "r2" and np.ptp(truth[chosen]) < 1e-3 * np.abs(truth[chosen]).max():
            continue  # the spread of almost equal numbers is rounding
        assert found[name] == near(value), name


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(n=st.integers(2, 60), k=st.integers(2, 4), seed=st.integers(0, 2**32))
def test_an_interval_holds_the_score(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, probabilities = two_labels(rng, n, k)
    drawn = bootstrap(make_labels(truth, probabilities), n, width=k, seed=1)
    numbers = rng.normal(size=(2, n))
    for found in (drawn, bootstrap(make_numbers(*numbers), n)):
        for name, interval in intervals(found).items():
            value = found.scores[name]
            assert interval is None or (value is not None and interval[0] <= value <= interval[1]), name


def test_the_seed_decides_alone() -> None:
    truth, probabilities = two_labels(np.random.default_rng(0), 50)
    first, again, other = (intervals(bootstrap(make_labels(truth, probabilities), 50, seed=seed)) for seed in (3, 3, 4))
    assert first == again != other


def test_copies_of_rows_are_no_more_witnesses() -> None:
    rng = np.random.default_rng(5)
    truth = np.repeat(rng.normal(size=40), 10)
    prediction = truth + np.repeat(rng.normal(size=40), 10)
    groups = np.repeat(np.arange(40), 10)
    alone = intervals(bootstrap(make_numbers(truth, prediction), 400))["mae"]
    grouped = intervals(bootstrap(make_numbers(truth, prediction), 400, groups=groups))["mae"]
    single = intervals(bootstrap(make_numbers(truth[::10], prediction[::10]), 40))["mae"]
    assert alone is not None
    assert grouped is not None
    assert single is not None
    assert np.diff(grouped) > 2 * np.diff(alone)
    assert grouped == pytest.approx(single)


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        errors = rng.normal(size=40)
        interval = intervals(bootstrap(make_numbers(np.zeros(40), errors), 40))["mae"]
        assert interval is not None
        hits += interval[0] <= np.sqrt(2 / np.pi) <= interval[1]
    assert 0.88 <= hits / 100 <= 0.99


def test_large_parts_are_sampled_and_give_the_same_width() -> None:
    rng = np.random.default_rng(0)
    truth, prediction = rng.normal(size=(2, 120_000))
    drawn = bootstrap(make_numbers(truth, prediction), 120_000)
    interval = drawn.interval("mae")
    assert interval is not None
    assert drawn.narrowing < 1
    errors = np.abs(truth - prediction)
    assert float(np.diff(interval)[0]) == pytest.approx(2 * 1.96 * errors.std() / np.sqrt(120_000), rel=0.25)


@pytest.mark.parametrize("n", [0, 1])
def test_one_row_tells_nothing(n: int) -> None:
    found = bootstrap(make_labels(np.zeros(n, dtype=np.int64), np.full((n, 2), 0.5)), n)
    assert set(intervals(found).values()) == {None}


def test_where_everything_is_right_only_the_accuracy_has_an_interval() -> None:
    truth = np.array([0, 1, 0, 1, 1])
    found = intervals(bootstrap(make_labels(truth, np.eye(2)[truth]), 5))
    assert found["accuracy"] == wilson(1.0, 5)
    assert found["accuracy"] is not None
    assert found["accuracy"][0] < 0.6
    assert found["roc_auc"] is None


@pytest.mark.slow
@settings(deadline=None, max_examples=8)
@given(n=st.integers(2, 40), seed=st.integers(0, 2**32))
def test_a_model_differs_from_itself_by_nothing(n: int, seed: int) -> None:
    make = make_labels(*two_labels(np.random.default_rng(seed), n))
    drawn = difference(bootstrap(make, n), bootstrap(make, n))
    assert all(value in (0.0, None) for value in drawn.scores.values())
    assert set(intervals(drawn).values()) == {None}
