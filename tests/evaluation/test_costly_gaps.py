"""A column without which a model falls apart although it relies little on it: told in words, everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.evaluation.evaluate import evaluate_model
from fitserve.evaluation.page import report_page
from fitserve.evaluation.spoken import spoken


def table(n: int = 600, seed: int = 0, *, telling: bool = True) -> pl.DataFrame:
    """``hint`` is noise, and missing in 3 of 100 rows, whose target is far larger if that is ``telling``."""
    rng = np.random.default_rng(seed)
    x, gap = rng.normal(size=n), rng.random(n) < 0.03
    y = x + 40 * (gap & telling) + rng.normal(0, 0.3, n)
    hint = pl.Series(np.where(gap, np.nan, np.round(rng.normal(size=n), 2))).fill_nan(None)
    return pl.DataFrame({"x": x, "hint": hint, "y": y, "label": np.where(y > 0.5, "yes", "no")})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("gaps")
    options: dict[str, Any] = {"budget": 30.0, "workspace": folder, "kinds": {"hint": "number"}}
    return {
        "number": fitserve.train(table().drop("label"), "y", name="n", learners=["ridge"], **options),
        "label": fitserve.train(table().drop("y"), "label", name="l", learners=["lightgbm"], **options),
        "plain": fitserve.train(
            table(telling=False).drop("label"), "y", name="p", learners=["ridge"], **options
        ),
    }  # fmt: skip


def report_of(run: Any) -> dict[str, Any]:
    found: dict[str, Any] = spoken(json.loads((Path(run.folder) / "report.json").read_bytes()))
    return found


def test_a_training_says_it_in_its_last_lines_in_report_page_and_card(runs: dict[str, Any]) -> None:
    run = runs["number"]
    report = report_of(run)
    (found,) = report["costly_gaps"]
    assert found["column"] == "hint"
    assert found["score"] < found["low"] <= found["without"] <= found["high"]
    assert found["without"] - found["score"] > 2 * found["explained"]
    assert run.findings[-1].startswith("Without `hint` rmse grows from ")
    assert run.findings[-1].endswith("always send it, and look at its gaps and outliers")
    assert any(sentence.startswith("Without `hint`") for sentence in report["lead"])
    assert "Without hint rmse grows" in report_page(report, "m")
    assert "- Without `hint` rmse grows" in (run.folder / "card.md").read_text(encoding="utf-8")


def test_new_rows_tell_it_too_and_higher_scores_fall(runs: dict[str, Any]) -> None:
    again = evaluate_model(runs["number"].predictor(), table(seed=1)).report
    assert [each["column"] for each in again["costly_gaps"]] == ["hint"]
    label = evaluate_model(runs["label"].predictor(), table(2000, seed=1)).report
    for each in label["costly_gaps"]:
        assert each["low"] <= each["without"] <= each["high"] < each["score"]


def test_a_column_that_is_relied_on_is_no_finding(runs: dict[str, Any]) -> None:
    """``x`` is all that the model has: without it the answer is lost, as its importance says."""
    assert report_of(runs["plain"])["costly_gaps"] == []
    assert not [finding for finding in runs["plain"].findings if finding.startswith("Without")]
    assert "x" not in [each["column"] for each in report_of(runs["number"])["costly_gaps"]]
