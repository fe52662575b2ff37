"""kill -9 at random moments, two at once, a full disk, a read-only one: nothing is lost, nothing half-written."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import fitserve
from fitserve.store import Workspace

FITSERVE = [sys.executable, "-m", "fitserve"]
TRAIN = ["--target", "y", "--learner", "ridge", "--budget", "5s", "--json"]


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
    """Every listed version loads and predicts, and no unfinished work is left; the number of versions."""
    listed = run("models", "--workspace", workspace, "--json")
    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout) is not None
    opened = Workspace.open(workspace)
    count = 0
    for model in opened.models():
        for record in opened.versions(model.name):
            predictor = fitserve.load(model.name, record.version, workspace=workspace)
            assert predictor.sha256 == record.sha256
            assert predictor.predict({"x": 3, "c": "b"})["prediction"] is not None
            count += 1
    assert list((workspace / "staging").iterdir()) == []
    return count


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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on standard error of a command that ended with exit code 2."""
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("fitserve: ")]
    assert len(lines) == 1
    assert "Traceback" not in done.stderr
    return lines[0]


def test_a_full_disk(table: Path, tmp_path: Path, small_disk: Path) -> None:
    workspace = small_disk / "workspace"
    assert run("train", table, *TRAIN, "--workspace", workspace).returncode == 0
    fill = small_disk / "fill"
    descriptor = os.open(fill, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, b"0" * 1024)
    except OSError:
        os.close(descriptor)
    message = refused(run("train", table, *TRAIN, "--workspace", workspace))
    assert "space" in message or "full" in message
    refused(run("models", "export", "line", "-o", small_disk / "line.zip", "--workspace", workspace))
    refused(run("predict", "line", table, "-o", small_disk / "scored.csv", "--workspace", workspace))
    assert sorted(path.name for path in small_disk.iterdir()) == ["fill", "workspace"]
    fill.unlink()
    assert check_sound(workspace) == 1
    assert run("train", table, *TRAIN, "--workspace", workspace).returncode == 0
    assert check_sound(workspace) == 2


def test_a_read_only_disk(table: Path, tmp_path: Path, small_disk: Path) -> None:
    workspace = small_disk / "workspace"
    assert run("train", table, *TRAIN, "--workspace", workspace).returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert "read-only" in refused(run("train", table, *TRAIN, "--workspace", workspace))
    assert json.loads(run("models", "--json", "--workspace", workspace).stdout)["models"][0]["name"] == "line"
    predicted = run("predict", "line", table, "-o", tmp_path / "scored.csv", "--workspace", workspace, "--json")
    assert json.loads(predicted.stdout)["rows"] == 60


def test_ctrl_c_keeps_what_is_finished(table: Path, tmp_path: Path) -> None:
    """A search that would take a minute is interrupted after its first learner."""
    wide = tmp_path / "wide.csv"
    head = ",".join(f"c{i}" for i in range(40))
    rows = "\n".join(",".join(str((i * j) % 97) for j in range(1, 42)) for i in range(3000))
    wide.write_text(f"{head},y\n{rows}\n", encoding="utf-8")
    command = [*FITSERVE, "train", str(wide), "--target", "y", "--budget", "300s", "--workspace", str(tmp_path / "w")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "lightgbm:" in line or "ridge:" in line:
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Interrupted" in out
    assert len(Workspace.open(tmp_path / "w").versions("wide")) == 1
