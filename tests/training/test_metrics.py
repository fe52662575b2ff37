"""Every score with every kind of target: it chooses, or is refused in one line with those that could."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import fitserve
from fitserve.errors import SpecError
from fitserve.models.base import choose_learners
from fitserve.tasks.classification import ClassAnswerer
from fitserve.tasks.classification.metrics import METRICS as OF_LABELS
from fitserve.tasks.regression import NumberAnswerer
from fitserve.tasks.regression.metrics import METRICS as OF_NUMBERS
from fitserve.training.prepare import prepare
from fitserve.training.progress import Clock, silent
from fitserve.training.search import Search
from fitserve.training.spec import Spec

N = 60


def targets(n: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(1)
    signal = np.arange(n) % 7
    return {
        "two labels": np.where(signal > 3, "yes", "no"),
        "two labels, one rare": np.where(np.arange(n) < 3, "yes", "no"),
        "three labels": np.array(["a", "b", "c"])[signal % 3],
        "twelve labels": np.array([f"L{i:02d}" for i in rng.integers(0, 12, n)]),
        "true and false": signal > 2,
        "numbers": signal + rng.normal(size=n),
        "numbers with zeros": np.where(signal > 3, 0.0, signal),
        "whole numbers": rng.integers(0, 50, n),
    }


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, N])
@pytest.mark.parametrize("kind", list(targets(N)))
def test_every_score_with_every_target(kind: str, n: int) -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"x": np.arange(n) % 7, "z": rng.normal(size=n), "y": targets(n)[kind]})
    numeric = "numbers" in kind
    for name in (*OF_LABELS, *OF_NUMBERS):
        spec = Spec("y", metric=name, task="regression" if numeric else "classification")
        if (name in OF_NUMBERS) is not numeric:
            with pytest.raises(SpecError, match=f"{name} does not score a {spec.task}; choose from ") as caught:
                prepare(table, spec)
            assert "\n" not in str(caught.value)
            continue
        if name == "mape" and (table["y"] == 0).any():
            with pytest.raises(SpecError, match=r"mape means nothing where a target is 0, .* choose mae or rmse"):
                prepare(table, spec)
            continue
        prepared = prepare(table, spec)
        search = Search(prepared, choose_learners(["baseline", "tree"]), Clock(None), silent)
        search.run()
        assert search.failures == {}
        assert prepared.metric in search.best_of("baseline").scores
        assert prepared.metric == name or (prepared.metric == f"{name}_macro" and prepared.answerer.n_outputs > 2)
        assert len(search.ranked()) == len(search.trials)


@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
def test_of_several_labels_the_mean_over_them_chooses_and_that_is_said(tmp_path: Path, name: str) -> None:
    table = pl.DataFrame({"x": np.arange(N) % 7, "y": targets(N)["three labels"]})
    run = fitserve.train(table, "y", metric=name, learners=["tree"], budget=3600.0, workspace=tmp_path)
    assert run.manifest.metric == f"{name}_macro"
    assert f"{name} is for two labels, and there are 3: {name}_macro, the mean over them, chooses" in run.findings
    assert run.manifest.scores[f"{name}_macro"] is not None


def test_of_two_labels_the_mean_may_be_asked_for() -> None:
    labels, truth = ClassAnswerer(["a", "b"]), np.array([0, 1])
    assert labels.check_metric("f1_macro", truth) == ("f1_macro", "")
    assert labels.check_metric("f1", truth) == ("f1", "")
    with pytest.raises(SpecError, match="f1 does not score a regression; choose from rmse, mae, r2, "):
        NumberAnswerer(0.0, 1.0).check_metric("f1", truth.astype(float))
