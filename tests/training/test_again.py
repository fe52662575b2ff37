"""What is served has learned from all rows; what is scored has not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

import fitserve
from fitserve.evaluation.tasks.classification.labels import fit_labels
from fitserve.features.column import Coded
from fitserve.features.moment import MomentStep
from fitserve.store import Workspace
from fitserve.training.run import Order, Run, replay_run

N = 200


def log(n: int = N) -> pl.DataFrame:
    """A log whose last tenth follows another rule."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    days = [dt.date(2025, 1, 1) + dt.timedelta(days=i) for i in range(n)]
    late = np.arange(n) >= n * 0.8
    return pl.DataFrame({"day": days, "x": x, "y": np.where(late, 5.0, 1.0) * x + rng.normal(size=n) / 20})


def train(folder: Path, frame: pl.DataFrame | None = None, target: str = "y", **spec: Any) -> Run:
    options: dict[str, Any] = {"learners": ["lightgbm"], "budget": 60.0, "name": "m", "workspace": folder, **spec}
    return fitserve.train(log() if frame is None else frame, target, **options)


def test_the_served_model_knows_the_last_rows_and_the_scores_do_not(tmp_path: Path) -> None:
    both = train(tmp_path / "a"), train(tmp_path / "b", refit=False)
    again, alone = (run.manifest for run in both)
    assert again.scores == alone.scores
    assert again.intervals == alone.intervals
    assert (again.data["trained_on"], again.evaluation["trained_on"]) == (N, 160)
    assert (alone.data["trained_on"], alone.evaluation["trained_on"]) == (160, 160)
    assert again.refitted
    assert not alone.refitted
    last = log()[-40:]
    errors = [
        np.abs(np.array([run.predictor().predict(row)["prediction"] for row in last.to_dicts()]) - last["y"].to_numpy())
        for run in both
    ]
    assert errors[0].mean() < errors[1].mean() / 2


def test_later_rows_are_not_answered_like_the_last_ones_of_training(tmp_path: Path) -> None:
    """A log whose last days are an odd season; the same days a year later are asked for."""
    days = [dt.date(2023, 1, 1) + dt.timedelta(days=i) for i in range(1000)]
    season = np.array([10.0 * day.month for day in days])
    frame = pl.DataFrame({"day": days, "c": ["a", "b"] * 500, "y": season + np.random.default_rng(0).normal(size=1000)})
    served = train(tmp_path, frame).predictor()
    step = next(step for step in served.encoder.steps if step.field == "day")
    assert isinstance(step, MomentStep)
    assert not step.elapsed
    later = [dt.date(2026, month, 15) for month in range(1, 13)]
    answered = [served.predict({"day": str(day), "c": "a"})["prediction"] for day in later]
    assert answered == pytest.approx([10.0 * day.month for day in later], abs=10)


def test_what_is_told_is_the_same_everywhere(tmp_path: Path) -> None:
    run = train(tmp_path)
    note = (
        "learned from 160 rows and not from the test part; what is served was then fitted again in the same way on all"
    )
    assert note in (run.folder / "card.md").read_text(encoding="utf-8")
    assert (run.report["evaluated_after"], run.report["trained_on"]) == (160, 200)
    assert note in run.html()
    assert "fitted again" not in train(tmp_path, refit=False).html()


@pytest.mark.parametrize("few", [20, N])
def test_a_replay_fits_again_what_was_fitted_again(tmp_path: Path, few: int) -> None:
    for refit in (True, False):
        run = train(tmp_path, log(few), refit=refit, learners=["ridge", "tree"])
        again = replay_run(run.id, log(few), Order("again"), Workspace.open(tmp_path))
        assert again.record.sha256 == run.record.sha256


def test_a_run_of_before_is_replayed_as_it_was(tmp_path: Path) -> None:
    """Plans of 0.1.0 say nothing of a second fit, for there was none."""
    run = train(tmp_path, refit=False)
    plan = tmp_path / "runs" / f"{run.id}.json"
    document = orjson.loads(plan.read_bytes())
    del document["spec"]["refit"], document["refitted"], document["not_refitted"], document["late"]
    plan.write_bytes(orjson.dumps(document))
    again = replay_run(run.id, log(), Order("again"), Workspace.open(tmp_path))
    assert again.manifest.data["trained_on"] == 160
    assert (again.folder / "model.onnx").read_bytes() == (run.folder / "model.onnx").read_bytes()


def test_a_date_after_the_training_is_the_normal_case_of_a_log(tmp_path: Path) -> None:
    predictor = train(tmp_path, learners=["ridge"]).predictor()
    for day, codes in (("2031-05-05", []), ("2024-05-05", ["out_of_range"])):
        answer, notes = predictor.answer({"day": day, "x": 0.5})
        assert answer["prediction"] is not None
        assert [note.code for note in notes] == codes
    shuffled = train(tmp_path, log().sample(fraction=1.0, shuffle=True, seed=1), learners=["ridge"]).predictor()
    assert [note.code for note in shuffled.answer({"day": "2031-05-05", "x": 0.5})[1]] == ["out_of_range"]


def test_a_number_that_orders_the_rows_may_grow(tmp_path: Path) -> None:
    table = log().with_columns(day=pl.int_range(N) // 2 + 1990)
    predictor = train(tmp_path, table, learners=["ridge"], time="day").predictor()
    assert predictor.answer({"day": 2200, "x": 0.5})[1] == []
    assert [note.code for note in predictor.answer({"day": 5, "x": 0.5})[1]] == ["out_of_range"]


def test_a_label_of_the_test_part_alone_is_learned_and_told(tmp_path: Path) -> None:
    table = log().with_columns(y=pl.when(pl.int_range(N) >= 190).then(pl.lit("new")).otherwise(pl.col("x") > 0))
    run = train(tmp_path, table, time="day", learners=["tree"])
    assert sorted(run.manifest.answer["labels"]) == ["false", "new", "true"]
    assert len(run.predictor().predict({"day": "2025-07-19", "x": 0.1})["probabilities"]) == 3
    assert "the label 'new' is in the test part alone: learned from it in the end, but no score tells how well" in (
        run.findings
    )
    again = replay_run(run.id, table, Order("again"), Workspace.open(tmp_path))
    assert again.record.sha256 == run.record.sha256


def test_the_positive_class_stays_what_it_was_evaluated_as() -> None:
    def column(*counts: int) -> Coded:
        return Coded(np.repeat(np.arange(2, dtype=np.int32), counts), ["ham", "spam"])

    evaluated = fit_labels(column(6, 4))
    assert evaluated.labels == ["ham", "spam"]
    assert fit_labels(column(6, 7)).labels == ["spam", "ham"]
    assert fit_labels(column(6, 7), evaluated) == evaluated


def test_spellings_stay_what_they_were_read_as(tmp_path: Path) -> None:
    """A test row that looks like another spelling changes nothing about how the others are read."""
    prices = [f"{i},{i % 7}5" for i in range(100, 100 + N)]
    table = log().with_columns(p=pl.Series(prices)).drop("day")
    evaluated = train(tmp_path, table, learners=["ridge"], refit=False).manifest.steps
    served = train(tmp_path, table, learners=["ridge"]).manifest.steps
    reading = [[(s["field"], s.get("style"), s.get("prefix")) for s in steps] for steps in (evaluated, served)]
    assert reading[0] == reading[1]
