"""Tables on which a training once failed or decided wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.errors import SpecError
from fitserve.features.column import Coded
from fitserve.schema import Kind
from fitserve.store import Workspace
from fitserve.training.run import Run
from fitserve.training.signal import has_signal


def train(table: Mapping[str, Sequence[object]], workspace: Path, *learners: str) -> Run:
    chosen = list(learners) or ["linear", "ridge", "logistic"]
    return fitserve.train(pl.DataFrame(table), "y", name="m", learners=chosen, budget=20.0, workspace=workspace)


@pytest.mark.parametrize("seed", range(60))
def test_a_column_that_does_not_vary_has_no_signal(seed: int) -> None:
    truth = (np.random.default_rng(seed).random(120) < 0.4).astype(np.int64)
    assert not has_signal(Coded(np.zeros(120, np.int32), ["x"]), Kind.CATEGORY, truth, "classification")


@pytest.mark.parametrize(
    "table",
    [
        {"x": list(range(31)), "y": ["a"] * 30 + ["b"]},
        {"x": [1, 2], "y": ["a", "b"]},
        {"x": [1, 2, 3], "y": ["a", "b", "a"]},
        {"x": [1, 2] * 20, "y": ["a", "b"] * 20},
        {"x": [1, 2, 3, 4], "y": ["a", "b", "c", "c"]},
        {"x": [i * i for i in range(40)], "y": [f"L{i % 20}" for i in range(40)]},
    ],
    ids=["one of 31", "two rows", "three rows", "two rows often", "three labels", "twenty labels"],
)
@pytest.mark.parametrize("learner", ["logistic", "forest", "lightgbm"])
def test_few_rows_of_a_label_end_in_a_model(table: dict[str, list[object]], learner: str, tmp_path: Path) -> None:
    run = train(table, tmp_path, learner)
    assert run.predictor().predict({"x": 2})["prediction"] in table["y"]


def test_a_running_number_can_be_predicted(tmp_path: Path) -> None:
    spellings: list[list[object]] = [list(range(1, 41)), [str(i) for i in range(1, 41)]]
    for values in spellings:
        run = train({"x": [i * 1.5 for i in range(1, 41)], "y": values}, tmp_path)
        assert run.manifest.task == "regression"
        assert run.predictor().predict({"x": 15.0})["prediction"] == pytest.approx(10, abs=1e-6)


def test_a_numeric_constant_with_gaps_is_the_same_number_in_every_spelling(tmp_path: Path) -> None:
    gaps = [None if i % 2 else "5.0" for i in range(200)]
    table: dict[str, list[object]] = {
        "x": list(gaps),
        "z": [i % 7 for i in range(200)],
        "y": [5.0 if i % 2 else 10.0 + i % 3 / 10 for i in range(200)],
    }
    predictor = train(table, tmp_path).predictor()
    answers = [predictor.predict({"x": x, "z": 1})["prediction"] for x in (5.0, 5, "5.0", "5")]
    assert len(set(answers)) == 1
    assert answers[0] > 9
    assert predictor.predict({"x": None, "z": 1})["prediction"] < 6


def test_a_bad_name_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no-good"):
        fitserve.train(tmp_path / "not there.csv", "y", name="No Good", workspace=tmp_path / "w")
    assert Workspace.open(tmp_path / "w").runs() == []
