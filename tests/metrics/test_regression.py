from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from fitserve import metrics
from fitserve.metrics import regression_scores
from fitserve.tasks.classification import ClassAnswerer
from fitserve.tasks.regression import NumberAnswerer
from fitserve.tasks.regression.metrics import METRICS

NAMES = ["rmse", "mae", "r2", "median_absolute_error", "mape"]
REFERENCE: dict[str, Callable[..., Any]] = {
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "r2": reference.r2_score,
    "median_absolute_error": reference.median_absolute_error,
    "mape": reference.mean_absolute_percentage_error,
}
LARGEST = float(np.finfo(np.float64).max)

plain = st.floats(-1e6, 1e6)
grid = st.sampled_from([-1.0, 0.0, 0.1, 0.3, 1.0, 7.0])
wide = st.floats(-1e140, 1e140)
Pairs = list[tuple[float, float]]


def pairs(truth: st.SearchStrategy[float], prediction: st.SearchStrategy[float]) -> st.SearchStrategy[Pairs]:
    return st.lists(st.tuples(truth, prediction), min_size=1, max_size=30)


def scores_of(rows: Pairs) -> dict[str, float | None]:
    table = np.array(rows, dtype=np.float64)
    return regression_scores(table[:, 0], table[:, 1])


def next_to_zero(truth: Sequence[float]) -> bool:
    """Whether scikit-learn's mean relative error tells of a 0 and of nothing else: then we tell none."""
    sizes = [abs(value) for value in truth]
    return 0.0 in sizes or min(sizes) < sum(size / len(sizes) / 1e6 for size in sizes)


def check(rows: Pairs) -> None:
    scores = scores_of(rows)
    assert list(scores) == NAMES
    truth, prediction = zip(*rows, strict=True)
    for name, score in scores.items():
        if (name == "r2" and len(rows) < 2) or (name == "mape" and next_to_zero(truth)):
            assert score is None
        else:
            with np.errstate(over="ignore"):
                expected = float(REFERENCE[name](truth, prediction))
            answer = pytest.approx(expected, rel=1e-12, abs=1e-12) if np.isfinite(expected) else None
            assert score == answer, name


@settings(deadline=None, max_examples=200)
@given(rows=st.one_of(pairs(plain, plain), pairs(grid, grid), pairs(grid, plain), pairs(wide, wide)))
@example(rows=[(0.0, 0.0)])
@example(rows=[(3.0, 1.0), (3.0, 3.0)])
@example(rows=[(0.0, 1.0), (1e-160, 1.0)])
@example(rows=[(3.0, 3.0), (3.0, 3.0)])
@example(rows=[(0.0, 5.0), (0.0, 0.0)])
def test_scores_are_those_of_scikit_learn(rows: Pairs) -> None:
    check(rows)


@settings(deadline=None, max_examples=100)
@given(value=st.floats(-1e3, 1e3), n=st.integers(2, 300), exact=st.booleans())
def test_constant_truth_scores_as_scikit_learn_does(value: float, n: int, exact: bool) -> None:
    check([(value, value if exact else value + 1.0)] * n)


def test_many_rows_equal_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    truth = rng.lognormal(size=50_000)
    check(list(zip(truth.tolist(), (truth + rng.normal(size=truth.size)).tolist(), strict=True)))


def test_constant_truth_is_explained_fully_or_not_at_all() -> None:
    assert scores_of([(2.0, 2.0), (2.0, 2.0)])["r2"] == 1.0
    assert scores_of([(2.0, 2.0), (2.0, 2.5)])["r2"] == 0.0
    assert scores_of([(LARGEST / 1.1, 0.0)] * 10)["r2"] == 0.0


def test_no_rows_leave_every_score_undefined() -> None:
    assert regression_scores(np.empty(0), np.empty(0)) == dict.fromkeys(NAMES)


@settings(deadline=None, max_examples=100)
@given(rows=pairs(st.floats(-LARGEST, LARGEST), st.floats(-LARGEST, LARGEST)))
def test_no_finite_input_warns_or_answers_infinity_and_the_reference_agrees(rows: Pairs) -> None:
    scores = scores_of(rows)
    truth, prediction = zip(*rows, strict=True)
    for name, score in scores.items():
        assert score is None or np.isfinite(score)
        if (name == "r2" and len(rows) < 2) or (name == "mape" and next_to_zero(truth)):
            assert score is None
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                expected = float(REFERENCE[name](truth, prediction))
        except RuntimeWarning:
            continue
        if np.isfinite(expected):
            assert score == pytest.approx(expected, rel=1e-12, abs=1e-12), name


def test_huge_errors_do_not_overflow_on_the_way() -> None:
    scores = scores_of([(1e200, 0.0), (3e200, 2e200)])
    assert scores["rmse"] == pytest.approx(1e200)
    assert scores["mae"] == pytest.approx(1e200)
    assert scores["r2"] == pytest.approx(0.0, abs=1e-12)
    scores = scores_of([(LARGEST, -LARGEST / 2), (-LARGEST, -LARGEST), (LARGEST, LARGEST)])
    assert scores["mae"] == pytest.approx(LARGEST / 2)
    assert scores["rmse"] == pytest.approx(LARGEST * np.sqrt(0.75))
    assert scores["mape"] == pytest.approx(0.5)
    assert scores["median_absolute_error"] == 0.0
    assert scores["r2"] == pytest.approx(1 - 2.25 / (8 / 3))
    assert scores_of([(LARGEST, 0.0)] * 4)["median_absolute_error"] == pytest.approx(LARGEST)


def test_a_mean_of_overflowing_ratios_is_given_when_it_fits() -> None:
    rows = [(1e-10, 9e297), (1e-10, 9e297)] + [(1e-10, 1e-10)] * 8
    assert scores_of(rows)["mape"] == pytest.approx(1.8e307)
    rows = [(1.0, LARGEST)] * 2 + [(1.0, 1.0)] * 8
    assert scores_of(rows)["mape"] == pytest.approx(LARGEST / 5)


@pytest.mark.parametrize("near", [0.0, -0.0, 1e-12, 5e-324])
def test_relative_errors_mean_nothing_next_to_zero(near: float) -> None:
    scores = scores_of([(near, 0.5), (3.0, 2.5), (7.0, 7.0)])
    assert scores["mape"] is None
    assert scores["mae"] == pytest.approx(1 / 3)
    assert scores_of([(0.01, 0.02), (300.0, 250.0)])["mape"] == pytest.approx((1 + 1 / 6) / 2)
    assert scores_of([(0.0, 0.0)])["mape"] is None


def test_scores_beyond_the_largest_float_are_undefined() -> None:
    scores = scores_of([(LARGEST, -LARGEST), (0.0, LARGEST)])
    assert scores["rmse"] is None
    assert scores["mape"] is None
    assert scores_of([(0.0, 1e200), (1.0, -1e200)])["r2"] is None


@pytest.mark.parametrize("score", [getattr(metrics, name) for name in NAMES])
def test_input_that_cannot_be_scored_is_refused(score: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="one shape"):
        score(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="one shape"):
        score(np.zeros((2, 1)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="finite"):
        score(np.zeros(2), np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="finite"):
        score(np.array([np.inf, 0.0]), np.zeros(2))


def test_the_table_lists_every_regression_score() -> None:
    assert list(METRICS) == NAMES
    assert all(name == metric.name for name, metric in METRICS.items())


def test_smaller_loss_is_better() -> None:
    assert METRICS["r2"].loss(0.75) == -0.75
    assert METRICS["rmse"].loss(0.75) == 0.75


def test_default_metrics() -> None:
    assert ClassAnswerer(["a", "b"]).default_metric() == "roc_auc"
    assert ClassAnswerer(["a", "b"]).default_metric(few=True) == "log_loss"
    assert ClassAnswerer(["a", "b", "c"]).default_metric() == "log_loss"
    assert NumberAnswerer(0.0, 1.0).default_metric() == "rmse"
