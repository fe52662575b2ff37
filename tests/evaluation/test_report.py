"""The report: every part of it for every task, from few rows and odd ones, always JSON, always the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

import fitserve
from fitserve.evaluation.evaluate import evaluate_model
from fitserve.evaluation.page import report_page
from fitserve.evaluation.probe import Probe
from fitserve.evaluation.report import without_charts
from fitserve.evaluation.sample import Sample
from fitserve.evaluation.spoken import spoken
from fitserve.features.column import take
from fitserve.prediction import Predictor

ROWS = 400
MODELS = ("two", "three", "number")

pytestmark = pytest.mark.xdist_group("report")


def table(seed: int = 0, n: int = ROWS) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x, town = rng.normal(size=n), rng.choice(["Ulm", "Bonn", "Kiel"], n)
    value = 3 * x + (town == "Bonn") + rng.normal(0, 0.5 + 2.0 * (town == "Kiel"), n)
    words = np.where(value > 1, "bright and warm", "cold and dark")
    return pl.DataFrame({
        "x": x, "town": town, "noise": rng.normal(size=n), "said": [f"{w} day {i}" for i, w in enumerate(words)],
        "day": pl.Series([f"2026-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(n)]),
        "two": np.where(value > 0, "yes", "no"), "three": np.digitize(value, [-2, 2]).astype(str), "number": value,
    })  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("reports")
    found = {}
    for target in MODELS:
        learners = ["ridge", "linear"] if target == "number" else ["logistic"]
        rows = table().drop([name for name in MODELS if name != target])
        found[target] = fitserve.train(rows, target, name=target, learners=learners, budget=30.0, workspace=folder)
    return found


def report_of(run: Any) -> dict[str, Any]:
    found: dict[str, Any] = spoken(json.loads((run.folder / "report.json").read_bytes()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("target", MODELS)
def test_a_training_tells_how_good_where_bad_and_how_sure(runs: dict[str, Any], target: str) -> None:
    run = runs[target]
    report, manifest = report_of(run), run.manifest
    assert report["rows"] == manifest.evaluation["rows"] == 80
    assert report["scores"] == pytest.approx(dict(manifest.scores), rel=1e-6)
    assert report["baseline"] == pytest.approx(dict(manifest.baseline), rel=1e-6)
    for name, ends in manifest.intervals.items():
        value = manifest.scores[name]
        assert ends is None or (value is not None and ends[0] <= value <= ends[1]), name
    assert manifest.intervals[manifest.metric] is not None
    assert "without learning" in report["lead"][0]
    assert {each["column"] for each in report["importance"]} == {"x", "town", "noise", "said", "day"}
    assert report["importance"][0]["column"] in ("x", "said")
    assert {each["what"] for each in report["robustness"]["disturbed"]} == {"noise", "swapped", "typos"}
    assert len(report["robustness"]["missing"]) == 5
    assert {each["column"] for each in report["dependence"]} == {"x", "town", "noise", "day"}
    assert [each["learner"] for each in report["learners"]][-1] == "baseline"
    names = {each["name"] for each in report["charts"]}
    own = {"two": {"roc", "calibration", "gain", "lift", "thresholds", "confusion"},
           "three": {"roc", "precision_recall", "calibration", "confusion"},
           "number": {"predicted_actual", "residuals", "residual_histogram", "error_by_size"}}  # fmt: skip
    assert names >= {"importance", "robustness", "learners", *own[target]}
    assert len((run.folder / "report.json").read_bytes()) < 400_000


def test_no_text_of_a_row_is_in_the_report(runs: dict[str, Any]) -> None:
    for run in runs.values():
        written = (run.folder / "report.json").read_text(encoding="utf-8")
        assert "bright" not in written
        assert "cold and" not in written


def test_noisy_rows_are_named(runs: dict[str, Any]) -> None:
    evaluation = evaluate_model(runs["number"].predictor(), table(1, 1000))
    first = evaluation.report["slices"][0]
    assert "`town` = 'Kiel'" in first["parts"]
    assert any(each.startswith("Worst on rows with") for each in evaluation.report["lead"])


@pytest.mark.parametrize("target", MODELS)
def test_new_rows_are_told_like_those_of_the_training(runs: dict[str, Any], target: str) -> None:
    evaluation = evaluate_model(runs[target].predictor(), table(1))
    report = evaluation.report
    assert report["scores"] == pytest.approx(evaluation.scores, rel=1e-6)
    assert orjson.loads(orjson.dumps(report)) == report
    again = evaluate_model(runs[target].predictor(), table(1))
    assert again.report == report
    page = report_page(report, "a <title>")
    assert "a &lt;title&gt;" in page
    assert page.count('class="chart"') == len(report["charts"])
    assert "charts" not in without_charts(report)
    assert "srcdoc" in evaluation._repr_html_()


@pytest.mark.parametrize("target", MODELS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_rows_are_told_as_far_as_they_go(runs: dict[str, Any], target: str, n: int) -> None:
    evaluation = evaluate_model(runs[target].predictor(), table(2)[:n])
    report = evaluation.report
    assert "too few" in report["skipped"]["slices"]
    if n == 1:
        assert set(report["intervals"].values()) == {None}
    assert report_page(report, "few")


@pytest.mark.parametrize("target", ["two", "three"])
def test_one_label_and_unknown_ones(runs: dict[str, Any], target: str) -> None:
    predictor = runs[target].predictor()
    one = table(1).filter(pl.col(target) == pl.col(target).first())
    report = evaluate_model(predictor, one).report
    assert report["scores"]["roc_auc"] is None
    assert "one label only" in report["skipped"]["curves"]
    mixed = table(1).with_columns(
        pl.when(pl.int_range(pl.len()) % 9 == 0).then(pl.lit("else")).otherwise(target).alias(target)
    )
    found = evaluate_model(predictor, mixed).report
    assert "(unknown)" in [cell[0] for cell in found["confusion"]["cells"]]
    assert sum(cell[2] for cell in found["confusion"]["cells"]) == ROWS
    assert report_page(found, "unknown")


@pytest.mark.parametrize("target", MODELS)
def test_answers_that_are_all_equal(tmp_path: Path, target: str) -> None:
    rows = table().drop([name for name in MODELS if name != target])
    run = fitserve.train(rows, target, name="b", learners=["baseline"], budget=30.0, workspace=tmp_path)
    report = report_of(run)
    assert [each["loss"] for each in report["importance"]] == [0.0] * 5
    assert report["robustness"]["score"] == pytest.approx(run.manifest.scores[run.manifest.metric], rel=1e-6)
    assert report_page(report, "baseline")


def test_groups_widen_the_intervals_and_are_told(runs: dict[str, Any]) -> None:
    rows = pl.concat([table(1, 60)] * 6).with_columns(who=pl.int_range(360) % 60)
    predictor = runs["number"].predictor()
    alone, grouped = (evaluate_model(predictor, rows, group=group) for group in (None, "who"))
    assert grouped.report["groups"] == 60
    assert np.diff(grouped.intervals["mae"]) > 1.5 * np.diff(alone.intervals["mae"])
    assert grouped.scores == alone.scores


def test_shuffled_and_changed_columns_are_those_of_a_changed_table(runs: dict[str, Any]) -> None:
    predictor: Predictor = runs["two"].predictor()
    evaluation = evaluate_model(predictor, table(1, 50))
    assert evaluation.case is not None
    probe = evaluation.case.asked
    assert isinstance(probe, Probe)
    order = np.random.default_rng(0).permutation(50)
    for step in probe.steps:
        changed = {**probe.table, step.field: take(probe.table[step.field], order)}
        expected = predictor.raw_columns(changed, 50)
        assert probe.shuffled(step, order).tolist() == expected.tolist()
        assert probe.changed({step.field: changed[step.field]}).tolist() == expected.tolist()
    assert probe.changed({}).tolist() == probe.predictions.raw.tolist()


def test_a_sample_depends_on_no_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fitserve.evaluation.sample.MOST_ROWS", 100)
    rows = pl.DataFrame({"a": range(1000), "b": [str(i) for i in range(1000)]})
    whole, parts = Sample(["a"]), Sample(["a"])
    whole.add(rows)
    for start in range(0, 1000, 130):
        parts.add(rows[start : start + 130])
    for frame, places in (whole.rows(), parts.rows()):
        assert frame.columns == ["a"]
        assert frame["a"].to_list() == places.tolist() == sorted(places.tolist())
        assert len(places) == 100
    assert whole.rows()[1].tolist() == parts.rows()[1].tolist()


def test_batches_of_different_types_are_sampled_together() -> None:
    sample = Sample(["a", "b"])
    sample.add(pl.DataFrame({"a": [1, 2], "b": [None, None]}))
    sample.add(pl.DataFrame({"a": ["x"], "b": [2.5]}))
    assert sample.rows()[0].to_dict(as_series=False) == {"a": ["1", "2", "x"], "b": [None, None, 2.5]}


def test_the_best_constant_answer_is_the_baseline(runs: dict[str, Any]) -> None:
    evaluation = evaluate_model(runs["number"].predictor(), table(1))
    assert evaluation.baseline["r2"] == pytest.approx(0.0, abs=1e-6)
    two = evaluate_model(runs["two"].predictor(), table(1))
    share = float((table(1)["two"] == "yes").mean())  # type: ignore[arg-type]
    assert two.baseline["accuracy"] == pytest.approx(max(share, 1 - share))
    assert two.case is not None
    assert replace(two.case, on="x").fields
