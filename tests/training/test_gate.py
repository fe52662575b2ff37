"""A new version is promoted if it is better on rows that neither it nor the champion has learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.training.run import Run

N = 400


def rows(n: int = N) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2))
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": x @ [3.0, 1.0] + rng.normal(size=n)})


def train(folder: Path, frame: pl.DataFrame, learner: str, target: str = "y", **options: Any) -> Run:
    options = {"promote": "if-better", **options}
    return fitserve.train(frame, target, name="m", workspace=folder, learners=[learner], budget=60.0, **options)


@pytest.mark.parametrize(("first", "second", "moves"), [("baseline", "ridge", True), ("ridge", "baseline", False)])
def test_only_rows_that_are_new_to_both_decide(tmp_path: Path, first: str, second: str, moves: bool) -> None:
    assert train(tmp_path, rows()[:200], first).promotion == ""
    run = train(tmp_path, rows(), second)
    assert run.champion == (2 if moves else 1)
    said = "promoted: rmse is " if moves else "not promoted: rmse is "
    assert run.promotion.startswith(said)
    n = int(run.promotion.split(" on ")[1].split(" rows")[0])
    assert 30 <= n < 80  # of the test part, those that are new to the champion
    assert run.as_json()["promotion"] == run.promotion


def test_on_the_same_table_nothing_is_promoted(tmp_path: Path) -> None:
    train(tmp_path, rows(), "baseline")
    run = train(tmp_path, rows(), "ridge")
    assert run.champion == 1
    assert run.promotion.startswith("not promoted: 0 of the 80 rows of the test part are new to m:1, too few")


def test_without_a_second_fit_the_test_part_is_new_to_both(tmp_path: Path) -> None:
    train(tmp_path, rows(), "baseline", refit=False)
    run = train(tmp_path, rows(), "ridge", refit=False)
    assert run.champion == 2
    assert " on 80 rows that neither has learned from" in run.promotion


def test_without_a_test_part_nothing_is_promoted(tmp_path: Path) -> None:
    train(tmp_path, rows(200), "baseline")
    assert train(tmp_path, rows(20), "ridge").promotion.startswith("not promoted: 0 of the 0 rows of the test part")


def test_what_is_not_known_of_the_champion_is_said_so(tmp_path: Path) -> None:
    first = train(tmp_path, rows()[:200], "baseline")
    (tmp_path / "seen" / f"{first.record.sha256}.npy").unlink()
    run = train(tmp_path, rows(), "ridge")
    assert run.champion == 1
    assert "which rows m:1 has learned from is not known" in run.promotion


def test_another_target_and_other_columns_are_said_so(tmp_path: Path) -> None:
    train(tmp_path, rows()[:200], "baseline", target="b")
    assert "not promoted: m:1 predicts 'b' (regression)" in train(tmp_path, rows(), "ridge").promotion
    train(tmp_path / "c", rows()[:200].select("a", "y"), "ridge")
    run = train(tmp_path / "c", rows().select("b", "y"), "ridge")
    assert run.promotion.startswith("not promoted: m:1 cannot be asked about the test part")


def test_a_label_that_the_champion_does_not_know_is_told_with_what_it_costs(tmp_path: Path) -> None:
    labels = np.where(rows()["y"].to_numpy() > 0, "high", "low").astype(object)
    labels[np.arange(N) % 10 == 0] = "other"
    table = rows().with_columns(y=pl.Series(labels.tolist()))
    train(tmp_path, table[:200].filter(pl.col("y") != "other"), "logistic")
    run = train(tmp_path, table, "logistic")
    assert "m:1 does not know the label 'other': " in run.promotion
    assert "count as wrong for it" in run.promotion
    assert run.promotion.startswith("promoted: log_loss is ")
