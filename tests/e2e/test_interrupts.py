"""Commands that are struck while they work: what was there stays, and nothing half-written is taken for whole."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import fitserve
from fitserve.store import Workspace

FITSERVE = str(Path(sys.executable).with_name("fitserve"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    table = {"x": [i * 7 % 60 / 4 for i in range(60)], "c": ["a", "b"] * 30, "y": [i * 7 % 60 / 8 for i in range(60)]}
    fitserve.train(table, "y", name="line", learners=["ridge"], workspace=folder)
    return folder


@pytest.mark.parametrize(
    "learner",
    ["lightgbm", pytest.param("catboost", marks=pytest.mark.slow), pytest.param("xgboost", marks=pytest.mark.slow)],
)
def test_ctrl_c_keeps_what_is_finished(tmp_path: Path, learner: str) -> None:
    """A search that would take minutes is interrupted after its first learner."""
    wide = tmp_path / "wide.csv"
    head = ",".join(f"c{i}" for i in range(40))
    rows = "\n".join(",".join(str((i * j) % 97) for j in range(1, 42)) for i in range(3000))
    wide.write_text(f"{head},y\n{rows}\n", encoding="utf-8")
    command = [FITSERVE, "train", str(wide), "--target", "y", "--budget", "300s", "--workspace", str(tmp_path / "w"),
               "--learner", "ridge", "--learner", learner]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            place = re.search(r"searching: .*?([0-9]+) of [0-9]+", line)
            if place is not None and int(place[1]) > 2:  # beyond the baseline and a learner
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Interrupted" in out
    assert len(Workspace.open(tmp_path / "w").versions("wide")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["reading: ", "preparing: ", "packaging: "])
def test_ctrl_c_outside_the_search_changes_nothing(tmp_path: Path, stage: str) -> None:
    rows = "".join(f"{i * 7 % 20_000 / 4},{'ab'[i % 2]},{i * 7 % 20_000 / 2}\n" for i in range(20_000))
    (tmp_path / "line.csv").write_text(f"x,c,y\n{rows}")
    command = [FITSERVE, "train", "line.csv", "--target", "y", "--learner", "ridge", "--workspace", "w"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(stage):
                break
        process.send_signal(signal.SIGINT)
        _, notes = process.communicate(timeout=60)
    opened = Workspace.open(tmp_path / "w")
    assert list((opened.path / "staging").iterdir()) == []
    if process.returncode == 0:  # the signal came when the next stage had begun
        assert len(opened.versions("line")) == 1
        return
    assert process.returncode == 130
    assert notes.splitlines()[-1] == "interrupted; nothing was changed"
    assert "Traceback" not in notes
    assert (opened.models(), list((opened.path / "bundles").iterdir())) == ([], [])
    assert [(run.status, run.plan["reason"]) for run in opened.runs()] == [("cancelled", "interrupted")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("struck", [signal.SIGINT, signal.SIGKILL])
def test_a_prediction_that_dies_keeps_the_old_output(tmp_path: Path, workspace: Path, name: str, struck: int) -> None:
    n = 400_000
    (tmp_path / "in.csv").write_bytes(b"x,c,note\n" + b"5,a,some words that make the file longer\n" * n)
    (tmp_path / name).write_bytes(b"what was there before")
    command = [FITSERVE, "predict", "line", "in.csv", "-o", name, "--workspace", str(workspace)]
    # Batches of a few thousand rows: the work takes long enough to be struck in its middle.
    environment = {**os.environ, "FITSERVE_MEMORY_LIMIT": "1000000"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while process.returncode is None and not list(tmp_path.glob(".*.unfinished")):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        process.send_signal(struck)
        _, notes = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGKILL)
    assert (tmp_path / name).read_bytes() == b"what was there before"
    if struck == signal.SIGINT:
        assert notes.splitlines()[-1] == "interrupted; nothing was changed"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", name]
