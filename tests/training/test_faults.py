"""What is optional fails in turn at the end of a training: the model is registered, and the report says what is not there."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.evaluation import report
from fitserve.evaluation.page import report_page
from fitserve.evaluation.spoken import spoken
from fitserve.evaluation.tasks.regression.report import OF_NUMBERS
from fitserve.training import card, package

N = 60


def table() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    return pl.DataFrame({"x": x, "town": rng.choice(["Ulm", "Bonn"], N), "price": x + rng.normal(0, 0.3, N)})


def train(folder: Path, rows: pl.DataFrame | None = None, **options: Any) -> tuple[Any, dict[str, Any], str]:
    """A training, its report, and its card."""
    options = {"learners": ["ridge"], "budget": 30.0, **options}
    run = fitserve.train(table() if rows is None else rows, "price", name="m", workspace=folder, **options)
    return run, spoken(json.loads((run.folder / "report.json").read_bytes())), (run.folder / "card.md").read_text()


def broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("a private value")


@pytest.mark.parametrize("name", ["residuals", "intervals", "slices", "lead"])
def test_a_training_whose_report_has_a_fault_ends_in_a_model(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for sections in (OF_NUMBERS, report.OF_ALL):
        if name in sections:
            monkeypatch.setitem(sections, name, broken)
    with caplog.at_level(logging.WARNING, logger="fitserve"):
        run, found, text = train(tmp_path)
    assert run.predictor().predict({"x": 1.0, "town": "Ulm"})["prediction"] is not None
    assert run.manifest.scores["rmse"] is not None
    assert run.findings[-1] == f"1 part of the report could not be made: {name} (the report says why)"
    assert found["faults"] == [name]
    assert found["skipped"][name].startswith("a fault of fitserve, please report it: ZeroDivisionError")
    assert {"scores", "importance", "robustness", "learners", "candidates"} <= found.keys()
    assert name in text.split("## What is missing")[1]
    assert "a fault of fitserve" in report_page(found, "m")
    assert "private" not in str(found) + text
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("name", ["learners", "learning_curve"])
def test_what_a_training_alone_can_tell_may_fail_too(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(package.MORE, name, broken)
    run, found, _ = train(tmp_path, learning_curve=True)
    assert found["faults"] == [name]
    assert run.findings[-1].startswith("1 part of the report could not be made")


def test_without_any_analysis_there_are_still_a_model_and_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "case_of", broken)
    for name in card.PARTS:
        monkeypatch.setitem(card.PARTS, name, broken)
    run, found, text = train(tmp_path)
    assert run.predictor().predict({"x": 1.0})["prediction"] is not None
    assert found["faults"][0] == "analysis"
    assert run.findings[-1].startswith(f"{1 + len(card.PARTS)} parts of the report could not be made: analysis, title")
    assert text.count("a fault of fitserve") == 1 + len(card.PARTS)
    assert "analysis" in report_page(found, "m")


def test_a_part_of_the_card_that_fails_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, found, text = train(tmp_path)
    for name in card.PARTS:
        with monkeypatch.context() as patch:
            patch.setitem(card.PARTS, name, broken)
            left = card.card(run.manifest, found)
        assert f"- {name} of the card: a fault of fitserve" in left
        assert left.count("\n## ") >= text.count("\n## ")  # one heading gone, one for what is missing


ODD: dict[str, Any] = {
    "nearly all the largest": [*range(20), *[999] * (N - 20)],
    "nearly all the smallest": [*range(20), *[-5] * (N - 20)],
    "all but one alike": [7.5] * (N - 1) + [8],
    "two values": [0, 1e300] * (N // 2),
    "huge": [(-1) ** i * 1e300 / (i + 1) for i in range(N)],
    "tiny": [i * 5e-324 for i in range(N)],
    "infinite": [float("inf"), -float("inf"), 1.0] * (N // 3),
    "missing where it is evaluated": [None] * 40 + list(range(20)),
    "one date": ["2026-01-01"] * (N - 1) + ["2026-01-02"],
    "no text": ["", " "] * (N // 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("values", ODD.values(), ids=list(ODD))
def test_an_odd_column_ends_in_a_model_and_a_whole_report(tmp_path: Path, values: list[Any]) -> None:
    rows = table().with_columns(odd=pl.Series(values, strict=False))
    run, found, _ = train(tmp_path, rows)
    assert found["faults"] == []
    assert run.predictor().predict({"x": 1.0})["prediction"] is not None


@pytest.mark.slow
def test_people_see_no_trace_and_the_log_has_it(tmp_path: Path) -> None:
    """The command line, with a section that fails in another process."""
    table().write_csv(tmp_path / "t.csv")
    script = (
        "from fitserve.evaluation import report\n"
        "report.OF_ALL['slices'] = report.OF_ALL['robustness'] = lambda *_: 1 / 0\n"
        "from fitserve.cli import main\nmain()\n"
    )
    command = [sys.executable, "-c", script, "--workspace", str(tmp_path / "w"), "train", str(tmp_path / "t.csv"),
               "--target", "price", "--learner", "ridge", "--budget", "30s"]  # fmt: skip
    environment = {**os.environ, "FITSERVE_LOG": str(tmp_path / "log")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "- 2 parts of the report could not be made: slices, robustness (the report says why)\n" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / "log").read_text().count("ZeroDivisionError: division by zero") == 2
    environment["FITSERVE_LOG"] = str(tmp_path / "no" / "log")
    refused = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
