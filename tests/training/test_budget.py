"""The budget: what the clock cuts is named, recorded, and cut again by a replay."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.faults import LeftOut, OutOfTimeError, check_time, time_limit
from fitserve.messages import Message
from fitserve.models import base
from fitserve.models.base import get_learners
from fitserve.models.constant import fit_constant
from fitserve.store import Workspace
from fitserve.training.prepare import prepare
from fitserve.training.probe import Probe
from fitserve.training.progress import Allotted, Clock
from fitserve.training.run import Order, Run, replay_run
from fitserve.training.search import Search
from fitserve.training.spec import Spec


def table(n: int = 300) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 3))
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": x @ [1.0, 2.0, 3.0] + rng.normal(size=n)})


def train(folder: Path, budget: float, frame: pl.DataFrame | None = None, **spec: Any) -> Run:
    rows = table() if frame is None else frame
    return fitserve.train(rows, "y", name="m", workspace=folder, budget=budget, **spec)


@pytest.mark.parametrize("budget", [1e-6, 1.5, 4.0])
def test_a_replay_cuts_what_the_clock_cut(tmp_path: Path, budget: float) -> None:
    run = train(tmp_path, budget, learners=["ridge", "lightgbm"])
    again = replay_run(run.id, table(), Order("again"), Workspace.open(tmp_path))
    assert again.record.sha256 == run.record.sha256
    assert again.given_up == run.given_up


def test_without_any_time_there_is_a_model_and_what_it_lacks_is_told(tmp_path: Path) -> None:
    run = train(tmp_path, 1e-6, learners=["ridge"])
    assert run.manifest.learner == "ridge"
    assert run.predictor().predict({"a": 1.0, "b": 1.0, "c": 1.0})["prediction"] is not None
    assert not run.manifest.refitted
    note = " ".join(run.findings)
    assert "there was no time to fit it again on all 300 rows" in note
    assert "parts of the report had no time left: " in note
    assert {"importance", "slices", "robustness"} <= run.report["skipped"].keys()
    assert run.report["skipped"]["importance"] == "the budget was over"
    plan = Workspace.open(tmp_path).run(run.id).plan
    assert plan["refitted"] is False
    assert "importance" in plan["late"]


def test_with_time_for_everything_nothing_is_left_out(tmp_path: Path) -> None:
    run = train(tmp_path, 120.0, learners=["ridge"])
    assert run.manifest.refitted
    assert run.tried_all
    assert run.report["skipped"] == {}
    assert Workspace.open(tmp_path).run(run.id).plan["late"] == []


class Slow:
    """A learner that takes a millisecond for each row, and cannot be stopped."""

    name, cost = "slow", 6
    objectives = None

    def candidates(self, shape: Any) -> list[dict[str, int]]:
        del shape
        return [{"way": 1}, {"way": 2}]

    def fit(self, arrays: Any, target: Any, parameters: Any, context: Any) -> Any:
        del parameters
        ends = time.perf_counter() + len(target) / 1000
        while time.perf_counter() < ends:
            pass
        return fit_constant(arrays, target, context)


def test_a_learner_that_cannot_be_stopped_does_not_start_if_it_would_take_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learners = {name: get_learners()[name] for name in ("baseline", "ridge")}
    monkeypatch.setattr(base, "_load", lambda: ({**learners, "slow": Slow()}, {}))
    run = train(tmp_path, 10.0, table(8000))
    assert {each["learner"] for each in run.given_up} == {"slow"}
    assert run.given_up[0]["reason"].startswith("even its shortest fits would take about")
    assert "slow" not in {candidate["learner"] for candidate in run.candidates}
    notes = next(finding for finding in run.findings if "candidates were not evaluated" in finding)
    assert "slow: even its shortest fits would take about" in notes
    assert run.seconds < 20
    again = replay_run(run.id, table(8000), Order("again"), Workspace.open(tmp_path))
    assert again.record.sha256 == run.record.sha256


def test_with_hardly_any_time_left_no_other_learner_is_asked_what_it_takes() -> None:
    prepared = prepare(table(), Spec("y"))
    search = Search(prepared, list(get_learners().values()), Clock(None), lambda _: None)
    probe = Probe(prepared, search.fitting, search.folds)
    assert not probe.is_vain(0.1)
    probe.too_slow["slow"] = Message("time_over")
    assert probe.is_vain(0.1)
    assert not probe.is_vain(5.0)


def test_a_part_has_half_of_what_is_left_and_none_begins_when_nothing_is() -> None:
    left_out, limit = LeftOut(), Allotted(Clock(10.0))

    def timely() -> str:
        with limit("a"):
            check_time()
            return "made"

    assert left_out.attempt("a", timely) == "made"
    limit = Allotted(Clock(10.0, time.monotonic() - 9.9))
    assert left_out.attempt("b", timely) is None
    assert left_out.late == ["b"]
    assert left_out.faults == []
    with pytest.raises(OutOfTimeError), time_limit(time.monotonic() - 1):
        check_time()
    check_time()


def test_a_replay_has_no_clock_and_cuts_what_it_is_told() -> None:
    limit = Allotted(Clock(None), frozenset(["a"]))
    with pytest.raises(OutOfTimeError), limit("a"):
        pass
    with limit("b"):
        check_time()
