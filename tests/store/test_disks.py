"""Disks that are full, and disks that cannot be written. Real ones: root ignores permissions."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from fitserve.errors import WorkspaceError
from fitserve.store import RunRecord, VersionDetails, VersionRecord, Workspace, published
from fitserve.store.datasets import Datasets

DETAILS = VersionDetails(task="t", target="y", learner="l", metric="m", score=0.5, baseline=None, rows=1)
RUN = RunRecord("r1", "credit", "running", "2024", None, "", {"plan": "x" * 5000})


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def leave(disk: Path, pages: int) -> None:
    """Fill the disk up to so many pages of 4 kB."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    room = os.statvfs(disk)
    filler.write_bytes(b"\0" * ((room.f_bavail - pages) * room.f_bsize))


def add(workspace: Workspace, text: str) -> VersionRecord:
    with workspace.staging() as folder:
        (folder / "manifest.json").write_text(text)
        (folder / "model.onnx").write_bytes(b"graph" * 1000)
        return workspace.register("credit", folder, DETAILS, promote=True)


def writes(workspace: Workspace) -> list[Callable[[], object]]:
    return [
        lambda: add(workspace, "second"),
        lambda: workspace.set_alias("credit", "trial", 1),
        lambda: workspace.remove_alias("credit", "trial"),
        lambda: workspace.delete("credit"),
        lambda: workspace.save_run(RUN),
        lambda: workspace.add_key("phone"),
        lambda: workspace.revoke_key("laptop"),
    ]


def state(workspace: Workspace) -> tuple[object, ...]:
    """All that a reader can see, and every file."""
    again = Workspace.open(workspace.path)
    files = {path for path in workspace.path.rglob("*") if path.name not in {"workspace.sqlite", "filler"}}
    served = (workspace.path / "serving.json").read_bytes()
    return again.models(), again.runs(), again.keys(), served, files


def test_a_full_disk_changes_nothing(disk: Path) -> None:
    workspace = Workspace.open(disk)
    add(workspace, "first")
    failed = 0
    # Every place where space can run out, from the first byte of the bundle to the last page of the database.
    for pages in range(16):
        leave(disk, pages)
        before = state(workspace)
        try:
            add(workspace, f"text {pages}")
        except WorkspaceError as error:
            failed += 1
            assert str(error).startswith(f"{disk} is on a full disk: free some space")  # noqa: PT017 - or it fits
            assert state(workspace) == before
        else:
            workspace.delete("credit", 1 if pages == 0 else workspace.versions("credit")[0].version)
    assert 4 < failed < 16
    (disk / "filler").unlink()
    assert add(workspace, "last").version == workspace.version("credit").version


def test_a_full_disk_saves_no_half_run(disk: Path) -> None:
    workspace = Workspace.open(disk)
    failed = 0
    for pages in range(8):
        leave(disk, pages)
        before = state(workspace)
        try:
            workspace.save_run(RUN)
        except WorkspaceError as error:
            failed += 1
            assert "full disk" in str(error)  # noqa: PT017 - or it fits
            assert state(workspace) == before
    assert 1 < failed < 8
    assert workspace.run("r1") == RUN


def test_a_full_disk_keeps_no_half_dataset(disk: Path) -> None:
    workspace, failed = Workspace.open(disk), 0
    datasets = Datasets(workspace)
    for pages in range(12):
        leave(disk, pages)
        before = state(workspace), datasets.all()
        try:
            with workspace.staging() as folder:
                (folder / "table").write_bytes(b"x" * 4096)
                record = datasets.keep(folder / "table", f"{pages:064x}", "t", 1, {"x" * 9000: "Int64"}).record
        except WorkspaceError as error:
            failed += 1
            assert "full disk" in str(error)  # noqa: PT017 - or it fits
            assert (state(workspace), datasets.all()) == before
        else:
            assert datasets.file(record).stat().st_size == 4096
            (disk / "filler").unlink()
            datasets.delete(record)
    assert 3 < failed < 12


def test_a_workspace_that_does_not_fit_is_created_when_it_does(disk: Path) -> None:
    failed = 0
    for pages in range(0, 40, 3):
        leave(disk, pages)
        with suppress(WorkspaceError):
            Workspace.open(disk)
            break
        failed += 1
    assert failed > 3
    (disk / "filler").unlink()
    assert add(Workspace.open(disk), "x").version == 1


def test_a_read_only_workspace_is_read_and_not_written(disk: Path) -> None:
    workspace = Workspace.open(disk)
    record = add(workspace, "first")
    key, _ = workspace.add_key("laptop")
    workspace.save_run(RUN)
    mount("-o", "remount,ro", str(disk))
    for reader in (Workspace.open(disk), workspace):
        assert reader.version("credit") == record
        assert (reader.fetch(record) / "manifest.json").read_text() == "first"
        assert (reader.keys(), reader.run("r1")) == ([key], RUN)
        for write in writes(reader):
            with pytest.raises(WorkspaceError, match="is read-only: make it writable or name another folder"):
                write()
    assert published(disk).bundle("credit")[0] == 1


def test_a_read_only_folder_without_a_workspace(disk: Path) -> None:
    mount("-o", "remount,ro", str(disk))
    with pytest.raises(WorkspaceError, match="is read-only and holds no workspace of this version"):
        Workspace.open(disk)
    with pytest.raises(WorkspaceError, match="is read-only: make it writable"):
        Workspace.open(disk / "below")


def test_a_read_only_workspace_of_an_older_fitserve(disk: Path) -> None:
    (disk / "workspace.sqlite").touch()  # the oldest there is: without any table
    mount("-o", "remount,ro", str(disk))
    with pytest.raises(WorkspaceError, match="no workspace of this version: open it once where it is writable"):
        Workspace.open(disk)


def test_an_unfinished_change_on_a_read_only_disk_is_said(disk: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "w")
    add(workspace, "first")
    with closing(sqlite3.connect(workspace.path / "workspace.sqlite", isolation_level=None)) as connection:
        # A cache of one page spills the change into the file, and the journal is then what can undo it.
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE versions SET learner = 'half'")
        connection.execute("INSERT INTO runs VALUES ('r', 'm', 's', 'c', NULL, 'd')")
        for _ in range(9):
            connection.execute("INSERT INTO runs SELECT hex(randomblob(20)), 'm', 's', 'c', NULL, 'd' FROM runs")
        shutil.copytree(workspace.path, disk, dirs_exist_ok=True)
    assert (disk / "workspace.sqlite-journal").stat().st_size > 0
    mount("-o", "remount,ro", str(disk))
    with pytest.raises(WorkspaceError, match="unfinished change: open it once where it is writable"):
        Workspace.open(disk)
    mount("-o", "remount,rw", str(disk))
    assert Workspace.open(disk).version("credit").learner == "l"


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_another_user_reads_what_is_not_his(public: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    workspace = Workspace.open(public / "w")
    add(workspace, "first")
    code = """
import os, sys
from fitserve.errors import WorkspaceError
from fitserve.store import Workspace
import fitserve.store.sqlite, sqlalchemy.dialects.sqlite.pysqlite
os.setgid(65534), os.setuid(65534)
workspace = Workspace.open(sys.argv[1])
assert workspace.version("credit").version == 1
assert (workspace.fetch(workspace.version("credit")) / "manifest.json").read_text() == "first"
try:
    workspace.add_key("mine")
except WorkspaceError as error:
    print(error)
"""
    command = [sys.executable, "-c", code, str(workspace.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "is read-only: make it writable or name another folder" in done.stdout
