"""kill -9 at random moments, two at once: nothing is lost, nothing half-written."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fitserve
from fitserve.store import Workspace

pytestmark = pytest.mark.slow
FITSERVE = [sys.executable, "-m", "fitserve"]
TRAIN = ["--target", "y", "--learner", "ridge", "--budget", "30s", "--json"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "line.csv"
    rows = "\n".join(f"{i},{'ab'[i % 2]},{i * 2 + (i % 2)}" for i in range(60))
    path.write_text(f"x,c,y\n{rows}\n", encoding="utf-8")
    return path


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*FITSERVE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def check_sound(workspace: Path) -> int:
    """Every version loads, predicts and has its run, and no unfinished work is left; the number of versions."""
    listed = run("models", "--workspace", workspace, "--json")
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout) is not None
    opened = Workspace.open(workspace)
    records = [record for model in opened.models() for record in opened.versions(model.name)]
    for record in records:
        predictor = fitserve.load(record.model, record.version, workspace=workspace)
        assert predictor.sha256 == record.sha256
        assert predictor.predict({"x": 3, "c": "b"})["prediction"] is not None
    assert {run.id for run in opened.runs()} == {record.run for record in records if record.run}
    assert {run.stem for run in (workspace / "runs").iterdir()} >= {record.run for record in records if record.run}
    assert list((workspace / "staging").iterdir()) == []
    return len(records)


def kill_after(seconds: float, *arguments: str | Path) -> bool:
    """Start a command and kill it; whether it had not ended by itself."""
    with subprocess.Popen(
        [*FITSERVE, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return True
    return False


def test_kill_at_twenty_moments_of_a_training(table: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    assert run("train", table, *TRAIN, "--workspace", tmp_path).returncode == 0
    whole = time.monotonic() - started
    before = check_sound(tmp_path)
    killed, moments = 0, random.Random(1)
    for _ in range(20):
        killed += kill_after(moments.uniform(0.15, 0.95) * whole, "train", table, *TRAIN, "--workspace", tmp_path)
    assert killed >= 5
    assert check_sound(tmp_path) >= before
    assert run("train", table, *TRAIN, "--workspace", tmp_path).returncode == 0


def test_kill_at_twenty_moments_of_an_import(table: Path, tmp_path: Path) -> None:
    workspace, archive = tmp_path / "workspace", tmp_path / "line.zip"
    assert run("train", table, *TRAIN, "--workspace", tmp_path / "other").returncode == 0
    assert run("models", "export", "line", "-o", archive, "--workspace", tmp_path / "other").returncode == 0
    importing = ("models", "import", archive, "--workspace", workspace)
    started = time.monotonic()
    assert run(*importing).returncode == 0
    whole = time.monotonic() - started
    moments = random.Random(2)
    killed = sum(kill_after(moments.uniform(0.15, 0.95) * whole, *importing) for _ in range(20))
    assert killed >= 5
    assert check_sound(workspace) >= 1
    assert run(*importing).returncode == 0


def test_two_trainings_of_one_name_at_once(table: Path, tmp_path: Path) -> None:
    command = [*FITSERVE, "train", str(table), *TRAIN, "--workspace", str(tmp_path), "--name", "line"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(json.loads(out)["version"] for out, _ in said) == [1, 2]
    assert check_sound(tmp_path) == 2
