"""Weights of rows and labels: what counts, what does not, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fitserve
from fitserve.errors import DataError, SpecError
from fitserve.messages import render
from fitserve.training.prepare import prepare
from fitserve.training.run import Run
from fitserve.training.spec import Spec
from fitserve.training.weights import counted_rows, training_weights


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_a_fit_sees_the_rows_that_count_with_a_mean_of_1(given_weights: list[float]) -> None:
    weights = np.array(given_weights)
    rows, own = counted_rows(weights, np.arange(len(weights)))
    if weights.sum() > 0:
        assert own is not None
        assert rows.tolist() == np.flatnonzero(weights > 0).tolist()
        assert own.mean() == pytest.approx(1.0)
    else:
        assert own is None
        assert len(rows) == len(weights)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.booleans())
def test_balanced_labels_weigh_the_same(labels: list[int], weighted: bool) -> None:
    truth = np.array(labels)
    given_weights = np.arange(1.0, len(truth) + 1) if weighted else None
    weights = training_weights(given_weights, truth, "balanced")
    sums = np.bincount(truth, weights)
    assert np.allclose(sums[sums > 0], 1.0)


def skewed(n: int = 300) -> pl.DataFrame:
    """Rows of which every fourth contradicts the others; ``n_seen`` says which ones count."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    real = np.arange(n) % 4 > 0
    answer = np.where(real, x > 0.8, x < 0.8)
    return pl.DataFrame({"x": x, "n_seen": np.where(real, 2.0, 0.0), "y": np.where(answer, "yes", "no")})


def train(frame: pl.DataFrame, workspace: Path, **options: object) -> Run:
    chosen: dict[str, object] = {"learners": ["logistic"], "budget": 30.0, **options}
    return fitserve.train(frame, "y", name="model", workspace=workspace, **chosen)  # type: ignore[arg-type]


def test_rows_of_weight_0_are_not_learned_from(tmp_path: Path) -> None:
    plain, run = train(skewed(), tmp_path, exclude=["n_seen"]), train(skewed(), tmp_path, weight="n_seen")
    doubtful, sure = (r.predictor().predict({"x": -1.0})["probabilities"]["no"] for r in (plain, run))
    assert doubtful < 0.9
    assert sure > 0.95
    field = next(field for field in run.manifest.fields if field["name"] == "n_seen")
    assert (field["used"], render(field["reason"])) == (False, "holds the weights of the rows")


def test_balanced_labels_raise_the_probability_of_the_rare_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    frame = pl.DataFrame({"x": x, "y": np.where(x + rng.normal(size=400) > 1.8, "yes", "no")})
    plain, balanced = train(frame, tmp_path), train(frame, tmp_path, class_weight="balanced")
    chances = [run.predictor().predict({"x": 1.0})["probabilities"]["yes"] for run in (plain, balanced)]
    assert chances[1] > chances[0]


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1.0, -1.0, 2.0], "row 2 has no weight in 'w'"),
        ([1.0, 2.0, None], "row 3 has no weight"),
        (["1", "2", "many"], "row 3 has no weight"),
    ],
)
def test_what_is_no_weight_is_refused(weights: list[object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        prepare(pl.DataFrame({"w": weights, "x": [1.0, 2.5, 1.5], "y": [1.0, 2.0, 3.0]}), Spec("y", weight="w"))


def test_weights_of_nothing_but_0_are_refused() -> None:
    with pytest.raises(DataError, match="all weights of the training rows are 0"):
        training_weights(np.zeros(3), np.array([0, 1, 1]), None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weight": "nothing"}, "nothing"),
        ({"weight": "y"}, "'y' cannot be the weight"),
        ({"class_weight": "fair"}, 'class_weight is "balanced" or left out'),
        (
            {"class_weight": "balanced", "task": "regression", "learners": ["ridge"]},
            "--class-weight is for labels",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, options: dict[str, object], words: str) -> None:
    frame = skewed(60).with_columns(y=pl.col("x").round(3)) if "task" in options else skewed(60)
    with pytest.raises(SpecError) as caught:
        train(frame, tmp_path, **options)
    assert words in str(caught.value)
