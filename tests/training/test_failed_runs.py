"""A training that fails, or is interrupted before there is anything, is a run like others, with its reason."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.data.reading.read import ReadOptions
from fitserve.errors import DataError, ParityError, SpecError, UserError
from fitserve.store import Workspace
from fitserve.training.progress import Progress
from fitserve.training.recording import Draft
from fitserve.training.run import Order, replay_run
from fitserve.training.spec import Spec


def table(n: int = 60) -> pl.DataFrame:
    x = np.random.default_rng(0).normal(size=n)
    return pl.DataFrame({"x": x, "y": 2 * x})


def train(folder: Path, frame: Any = None, target: str = "y", **spec: Any) -> Any:
    frame = table() if frame is None else frame
    spec = {"learners": ["ridge"], "budget": 3600.0, **spec}
    return fitserve.train(frame, target, name="m", workspace=folder, **spec)


def the_run(folder: Path) -> Any:
    [run] = Workspace.open(folder).runs()
    assert run == Workspace.open(folder).run(run.id)
    assert Workspace.open(folder).models() == []
    return run


def test_a_table_that_cannot_be_used_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,5\n2,5\n3,5\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        train(tmp_path / "w", tmp_path / "t.csv")
    run = the_run(tmp_path / "w")
    assert (run.model, run.status, run.plan["reason"]) == ("m", "failed", str(caught.value))
    assert run.plan["spec"]["target"] == "y"
    assert run.plan["source"] == str(tmp_path / "t.csv")
    assert run.finished is not None


def test_a_failure_after_the_search_keeps_its_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITSERVE_SERVABLE_MEMORY", "1")
    with pytest.raises(ParityError):
        train(tmp_path)
    run = the_run(tmp_path)
    assert run.plan["reason"].startswith("no candidate can be served: ridge with effort 1 takes")
    assert {trial["learner"] for trial in run.plan["trials"]} == {"baseline", "ridge"}
    assert run.dataset_sha256 == run.plan["dataset_sha256"] != ""
    with pytest.raises(SpecError, match=rf"run {run.id} is failed \(no candidate .*\), which leaves nothing to repeat"):
        replay_run(run.id, table(), Order("m"), Workspace.open(tmp_path))
    assert len(Workspace.open(tmp_path).runs()) == 1


def test_an_error_that_is_not_ours_is_recorded_by_its_kind(tmp_path: Path) -> None:
    def listen(progress: Progress) -> None:
        if progress.stage == "packaging":
            raise ZeroDivisionError("of the\nobserver")

    with pytest.raises(ZeroDivisionError):
        train(tmp_path, observer=listen)
    assert the_run(tmp_path).plan["reason"] == "ZeroDivisionError: of the observer"


def test_what_is_wrong_with_a_spec_by_itself_is_no_run(tmp_path: Path) -> None:
    for spec in ({"budget": -1.0}, {"learners": ["rigde"]}, {"metric": "auc"}, {"seed": -1}):
        with pytest.raises(SpecError):
            train(tmp_path, **spec)
    assert Workspace.open(tmp_path).runs() == []


def test_a_finished_training_is_a_finished_run(tmp_path: Path) -> None:
    run = train(tmp_path)
    assert [record.status for record in Workspace.open(tmp_path).runs()] == ["finished"]
    assert "reason" not in Workspace.open(tmp_path).run(run.id).plan


def test_the_first_error_is_raised_even_if_it_cannot_be_recorded(tmp_path: Path) -> None:
    def listen(progress: Progress) -> None:
        if progress.stage == "preparing":
            # Nobody can write to a folder that has become a file.
            (tmp_path / "w").rename(tmp_path / "gone")
            (tmp_path / "w").write_text("in the way", encoding="utf-8")

    with pytest.raises(DataError, match="one value only"):
        train(tmp_path / "w", table().with_columns(y=pl.lit(1.0)), observer=listen)
    assert Workspace.open(tmp_path / "gone").runs() == []


def test_ctrl_c_before_there_is_anything_is_recorded_as_cancelled(tmp_path: Path) -> None:
    rows = "".join(f"{i},{'ab'[i % 2]},{i * 2}\n" for i in range(20_000))
    (tmp_path / "line.csv").write_text(f"x,c,y\n{rows}")
    command = [sys.executable, "-m", "fitserve", "train", "line.csv", "--target", "y", "--workspace", "w"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("reading: "):
                break
        process.send_signal(signal.SIGINT)
        out, notes = process.communicate(timeout=120)
    assert process.returncode == 130, (out, notes)
    run = the_run(tmp_path / "w")
    assert (run.status, run.plan["reason"]) == ("cancelled", "interrupted")
    with pytest.raises(UserError, match="is cancelled"):
        replay_run(run.id, None, Order("m"), Workspace.open(tmp_path / "w"))


def test_ctrl_c_as_the_record_is_begun_or_ended_is_an_interruption(tmp_path: Path) -> None:
    """Between the block and its end the interpreter throws the record's generator away, without telling it why."""
    workspace = Workspace.open(tmp_path)
    kept: Any = Draft("m", Spec("y"), "t.csv", ReadOptions()).kept_if_it_fails(workspace, trusted=True)
    kept.__enter__()
    kept.gen.close()
    assert [(run.status, run.plan["reason"]) for run in workspace.runs()] == [("cancelled", "interrupted")]
