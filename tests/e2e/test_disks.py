"""Real commands on full and read-only disks, and in workspaces from the future: nothing is lost or half there."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import fitserve
from fitserve.store import Workspace

pytestmark = pytest.mark.slow
FITSERVE = str(Path(sys.executable).with_name("fitserve"))
ROWS = 3000


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, a workspace with the model line, and its zip."""
    folder = tmp_path_factory.mktemp("ready")
    rows = "".join(f"{i * 7 % ROWS / 4},{'ab'[i % 2]},{i * 7 % ROWS / 2 + i % 2}\n" for i in range(ROWS))
    (folder / "line.csv").write_text(f"x,c,y\n{rows}")
    fitserve.train(folder / "line.csv", "y", learners=["ridge"], workspace=folder / "workspace")
    assert run("models", "export", "line", "-o", folder / "line.zip", workspace=folder / "workspace").returncode == 0
    return folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def run(*arguments: str | Path, workspace: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FITSERVE_WORKSPACE": str(workspace)}
    command = [FITSERVE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that ended with exit code 2."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("fitserve: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def leave(disk: Path, room: int) -> None:
    """Fill the disk but for so many bytes."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    space = os.statvfs(disk)
    filler.write_bytes(b"\0" * max(0, space.f_bavail * space.f_bsize - room))


def state(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "sqlite" not in path.name)
    return {str(path): path.read_bytes() for path in files}


def test_a_training_onto_a_full_disk(ready: Path, disk: Path) -> None:
    workspace = disk / "workspace"
    training = ("train", ready / "line.csv", "--target", "y", "--learner", "ridge", "--json")
    assert run(*training, workspace=workspace).returncode == 0
    bundle = sum(path.stat().st_size for path in next((workspace / "bundles").iterdir()).iterdir())
    for room in (0, bundle // 2, bundle):
        leave(disk, room)
        before = state(disk)
        message = refused(run(*training, workspace=workspace))
        assert "free some space" in message
        after = state(disk)
        assert {path: after[path] for path in before} == before
        # Where there is room for that, the failure is recorded, and nothing else.
        assert {Path(path).parent.name for path in after.keys() - before.keys()} <= {"runs"}
        assert list((workspace / "staging").iterdir()) == []
    (disk / "filler").unlink()
    failed = [record for record in Workspace.open(workspace).runs() if record.status == "failed"]
    assert all("free some space" in record.plan["reason"] for record in failed)
    assert json.loads(run(*training, workspace=workspace).stdout)["version"] == 2


def test_an_import_onto_a_full_disk(ready: Path, disk: Path) -> None:
    workspace = disk / "workspace"
    bundle = sum(path.stat().st_size for path in next((ready / "workspace" / "bundles").iterdir()).iterdir())
    importing = ("models", "import", ready / "line.zip")
    assert run(*importing, "--name", "first", workspace=workspace).returncode == 0
    for room in (4096, bundle // 2, bundle):
        leave(disk, room)
        before = state(disk)
        message = refused(run(*importing, workspace=workspace))
        assert "free some space" in message
        assert state(disk) == before
        assert list((workspace / "staging").iterdir()) == []
    (disk / "filler").unlink()
    assert run(*importing, workspace=workspace).returncode == 0
    assert [model.name for model in Workspace.open(workspace).models()] == ["first", "line"]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_prediction_onto_a_full_disk_keeps_the_old_file(ready: Path, disk: Path, name: str) -> None:
    predict = ("predict", "line", ready / "line.csv", "-o", disk / name)
    assert run(*predict, workspace=ready / "workspace").returncode == 0
    (disk / name).write_bytes(b"what was there before")
    for room in (0, 8192):
        leave(disk, room)
        before = state(disk)
        message = refused(run(*predict, workspace=ready / "workspace"))
        assert "cannot be written: there is no space left on the disk; free some space or choose" in message
        assert state(disk) == before
    (disk / "filler").unlink()
    assert run(*predict, workspace=ready / "workspace").returncode == 0
    assert (disk / name).stat().st_size > ROWS
    assert [path.name for path in disk.iterdir()] == [name]


def test_an_export_onto_a_full_disk_keeps_the_old_zip(ready: Path, disk: Path) -> None:
    export = ("models", "export", "line", "-o", disk / "line.zip")
    (disk / "line.zip").write_bytes(b"what was there before")
    leave(disk, 4096)
    before = state(disk)
    assert "No space left on device" in refused(run(*export, workspace=ready / "workspace"))
    assert state(disk) == before
    (disk / "filler").unlink()
    assert run(*export, workspace=ready / "workspace").returncode == 0
    assert (disk / "line.zip").read_bytes() == (ready / "line.zip").read_bytes()


def test_a_read_only_workspace_reads_and_refuses_at_once(ready: Path, disk: Path, tmp_path: Path) -> None:
    assert run("models", "import", ready / "line.zip", workspace=disk).returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    before = state(disk)
    reading: list[tuple[str, ...]] = [
        ("models", "--json"),
        ("models", "show", "line", "1"),
        ("runs",),
        ("keys", "list"),
    ]
    for arguments in reading:
        assert run(*arguments, workspace=disk).returncode == 0
    assert run("evaluate", "line", ready / "line.csv", workspace=disk).returncode == 0
    assert run("predict", "line", ready / "line.csv", "-o", tmp_path / "out.csv", workspace=disk).returncode == 0
    assert run("models", "export", "line", "-o", tmp_path / "line.zip", workspace=disk).returncode == 0
    train = run("train", ready / "line.csv", "--target", "y", workspace=disk)
    assert "is read-only: make it writable or name another folder" in refused(train)
    assert "searching" not in train.stderr  # before the work, not after it
    writing: list[tuple[str, ...]] = [
        ("models", "import", str(tmp_path / "line.zip")),
        ("models", "promote", "line", "1"),
        ("models", "delete", "line", "--yes"),
        ("keys", "create", "phone"),
    ]
    for arguments in writing:
        assert "is read-only: make it writable" in refused(run(*arguments, workspace=disk))
    read_only = ("predict", "line", ready / "line.csv", "-o", disk / "out.csv")
    assert "Read-only file system" in refused(run(*read_only, workspace=disk))
    assert state(disk) == before


def test_a_workspace_of_a_newer_fitserve_is_left_alone(ready: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    assert run("models", "import", ready / "line.zip", workspace=workspace).returncode == 0
    with closing(sqlite3.connect(workspace / "workspace.sqlite")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (state(workspace), (workspace / "workspace.sqlite").read_bytes())
    commands: list[tuple[str, ...]] = [
        ("models",),
        ("models", "show", "line"),
        ("models", "import", str(ready / "line.zip")),
        ("train", str(ready / "line.csv"), "--target", "y", "--learner", "ridge"),
        ("runs",),
        ("keys", "create", "phone"),
    ]
    for arguments in commands:
        message = refused(run(*arguments, workspace=workspace))
        assert "was made by a newer fitserve (revision '9999'): upgrade fitserve" in message
    assert (state(workspace), (workspace / "workspace.sqlite").read_bytes()) == before
    snapshot = json.loads((workspace / "serving.json").read_bytes())
    (workspace / "serving.json").write_text(json.dumps({**snapshot, "format": 99}))
    predict = run("predict", "line", ready / "line.csv", "-o", tmp_path / "out.csv", workspace=workspace)
    assert "has format 99: made by a newer fitserve, upgrade" in refused(predict)
    assert not (tmp_path / "out.csv").exists()
