"""What a missing value and an absurd one do, for every learner: nothing that the typical value would not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import fitserve
from fitserve.blocks import Arrays, table_arrays
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Fitted, Shape, candidates_of, get_learners
from fitserve.models.gaps import has_learnable_gaps, typical_values
from fitserve.models.objective import Number, Probabilities
from fitserve.prediction.session import Session

N, EFFORT = 400, 40
TREES = {"tree", "forest", "extra_trees", "lightgbm", "xgboost", "catboost"}
KINDS = ("number", "labels")


def takes(name: str, kind: str) -> bool:
    try:
        return bool(candidates_of(get_learners()[name], shape_of(kind)))
    except NotForThisTable:
        return False


def shape_of(kind: str) -> Shape:
    return Shape(Number() if kind == "number" else Probabilities(1), N, 3, [6], 0)


def table(n: int = N, seed: int = 0) -> tuple[Arrays, NDArray[np.float64]]:
    """Rain, which says nothing, two columns that say all, and a category that says something."""
    rng = np.random.default_rng(seed)
    rain = np.where(rng.random(n) < 0.1, rng.exponential(3, n), 0.0)
    notes, level = rng.normal(size=(n, 2)), rng.integers(2, 6, n)
    hidden = notes[:, 0] - notes[:, 1] / 2 + (level == 3) / 2
    dense = np.column_stack([rain, notes]).astype(np.float32)
    return table_arrays(dense, level.astype(np.int32)[:, None]), (hidden - hidden.mean()) / hidden.std()


def with_column(arrays: Arrays, column: int, values: Any) -> Arrays:
    dense = arrays.dense.copy()
    dense[:, column] = values
    return table_arrays(dense, arrays.codes)


def fit(name: str, kind: str, arrays: Arrays, hidden: NDArray[np.float64]) -> tuple[Fitted, Session]:
    learner, shape = get_learners()[name], shape_of(kind)
    target = hidden if kind == "number" else (hidden > 0).astype(np.int64)
    fitted = learner.fit(arrays, target, learner.candidates(shape)[0], Context(shape, effort=EFFORT))
    exported = fitted.export()
    return fitted, Session(exported.graph, exported.model)


CASES = [(name, kind) for name in get_learners() for kind in KINDS if takes(name, kind) and name != "baseline"]


@pytest.mark.parametrize(("name", "kind"), CASES)
@pytest.mark.parametrize("gaps", [0, 3])
def test_a_value_that_was_never_missing_is_missed_like_the_typical_one(name: str, kind: str, gaps: int) -> None:
    """Trees take the median, all others the mean; training with a few gaps changes nothing of that."""
    arrays, hidden = table()
    dense = arrays.dense.copy()
    dense[:gaps] = np.nan
    fitted, session = fit(name, kind, table_arrays(dense, arrays.codes), hidden)
    new, _ = table(200, 1)
    for column in range(3):
        known = dense[gaps:, column]
        middle = np.sort(known)[(len(known) - 1) // 2]
        typical = np.float32(middle if name in TREES else known.astype(np.float64).mean())
        missing, filled = with_column(new, column, np.nan), with_column(new, column, typical)
        for answer in (fitted.predict, session.run):
            assert np.abs(answer(missing) - answer(filled)).max() <= 2e-3 * (name in ("knn", "svm")) + 1e-5


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_one_absurd_value_spoils_nothing(name: str, kind: str) -> None:
    """9,831 mm of rain in an hour: without the column, and with it, answers are those of a training without it."""
    arrays, hidden = table()
    rain = arrays.dense[:, 0].copy()
    rain[7] = 9831.3
    new, truth = table(400, 1)
    errors = {}
    for what, rows in (("clean", arrays), ("absurd", with_column(arrays, 0, rain))):
        _, session = fit(name, kind, rows, hidden)
        for asked, values in (("there", new), ("missing", with_column(new, 0, np.nan))):
            found = session.run(values)[:, 0]
            errors[what, asked] = np.abs(found - (truth if kind == "number" else truth > 0)).mean()
    worst = max(errors.values())
    assert worst <= 1.15 * errors["clean", "there"] + 0.01, errors


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_level_that_was_never_seen_is_like_the_others_together(name: str, kind: str) -> None:
    """Answers to a missing level and to an unknown one lie within those to the known ones.

    Nearly so where distances count: a mixture of levels is nearer to each of them than they are to each other.
    """
    arrays, hidden = table()
    fitted, session = fit(name, kind, arrays, hidden)
    new, _ = table(100, 1)

    def asked(code: int) -> Arrays:
        return table_arrays(new.dense, np.full((100, 1), code, np.int32))

    for answer in (fitted.predict, session.run):
        known = np.stack([answer(asked(code))[:, 0] for code in range(2, 6)])
        room = 0.3 if name in ("knn", "svm") else 1e-5
        for code in (0, 1):
            found = answer(asked(code))[:, 0]
            assert (found >= known.min(axis=0) - room).all()
            assert (found <= known.max(axis=0) + room).all()


def test_gaps_are_learned_where_there_are_enough_of_them() -> None:
    missing = np.zeros((10_000, 4), dtype=bool)
    for column, n in enumerate((0, 4, 99, 100)):
        missing[:n, column] = True
    assert has_learnable_gaps(missing).tolist() == [False, False, False, True]
    assert has_learnable_gaps(missing[:20]).tolist() == [False, False, True, True]
    arrays, hidden = table()
    gaps = np.random.default_rng(2).random(N) < 0.1
    notes = with_column(arrays, 0, np.where(gaps, np.nan, arrays.dense[:, 0]))
    for name in ("xgboost", "lightgbm", "mlp", "ridge", "forest"):
        _, session = fit(name, "number", notes, hidden + 2 * gaps)
        without, with_value = (session.run(with_column(table(50, 1)[0], 0, value)) for value in (np.nan, 0.0))
        assert (without - with_value).mean() > 0.3, name


def test_typical_values_are_medians_of_what_is_known() -> None:
    nan = np.nan
    dense = np.array([[1, nan, nan], [5, 2, nan], [3, 4, nan], [9, nan, nan]], dtype=np.float32)
    assert typical_values(dense).tolist() == [3.0, 2.0, 0.0]
    assert typical_values(dense[:0]).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("learner", ["tree", "forest", "extra_trees", "lightgbm", "xgboost", "catboost"])
def test_a_table_of_one_text_has_no_column_whose_gaps_could_count(learner: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = np.array(["good", "fine", "bad", "poor", "meal", "room", "view", "staff"])
    texts = [" ".join(rng.choice(words, 6)) for _ in range(200)]
    table = pl.DataFrame({"t": texts, "y": ["good" in text for text in texts]})
    run = fitserve.train(table, "y", name="m", learners=[learner], budget=15, workspace=tmp_path)
    assert run.manifest.learner == learner
    assert run.predictor().predict({"t": "good good good meal"})["prediction"] is True
