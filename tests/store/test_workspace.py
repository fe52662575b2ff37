from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitserve.errors import BundleError, NotFoundError, SpecError, UserError, WorkspaceError
from fitserve.store import RunRecord, VersionDetails, VersionRecord, Workspace, published
from fitserve.store.keys import hash_key

DETAILS = VersionDetails(
    task="classification", target="good", learner="linear", metric="auc", score=0.8, baseline=0.5, rows=1000
)
RUN = RunRecord("r1", "credit", "running", "2024-01-01T00:00:00Z", None, "ab" * 32, {"target": "好", "folds": [1]})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "w")


def add(workspace: Workspace, name: str = "credit", text: str = "{}", promote: bool | None = None) -> VersionRecord:
    with workspace.staging() as folder:
        (folder / "manifest.json").write_text(text)
        (folder / "model.onnx").write_bytes(b"graph")
        return workspace.register(name, folder, DETAILS, promote)


def bundles(workspace: Workspace) -> set[str]:
    return {path.name for path in (workspace.path / "bundles").iterdir()}


def served(workspace: Workspace) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((workspace.path / "serving.json").read_bytes())
    return document


# --- opening ---


def test_a_fresh_workspace_is_empty_and_laid_out(workspace: Workspace) -> None:
    assert (workspace.models(), workspace.runs(), workspace.keys()) == ([], [], [])
    names = {path.name for path in workspace.path.iterdir()}
    assert names == {".lock", "workspace.sqlite", "bundles", "datasets", "runs", "seen", "staging", "serving.json"}
    assert served(workspace) == {"format": 1, "revision": 0, "models": {}, "keys": []}


def test_the_location_is_given_or_in_the_environment_or_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FITSERVE_WORKSPACE", raising=False)
    assert Workspace.open().path == tmp_path / ".fitserve"
    monkeypatch.setenv("FITSERVE_WORKSPACE", str(tmp_path / "env"))
    assert Workspace.open().path == tmp_path / "env"
    monkeypatch.chdir(tmp_path)
    assert Workspace.open("here").path == tmp_path / "here"
    assert Workspace.open("~/there").path == tmp_path / "there"
    monkeypatch.setenv("FITSERVE_WORKSPACE", "")
    assert Workspace.open(create=False).path == tmp_path / ".fitserve"


@pytest.mark.parametrize("name", ["a b?c#d%41&mode=memory", "工作", "100%s%(here)s", "-x", ":memory:"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    add(Workspace.open(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(Workspace.open(tmp_path / name, create=False).versions("credit")) == 1


@pytest.mark.parametrize("url", ["postgresql://me:secret@host/db", "s3://bucket/x", "sqlite:///x", "file:///x"])
def test_a_url_is_refused_without_its_password(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for location in (url, Path(url)):
        with pytest.raises(WorkspaceError, match="only folders") as caught:
            Workspace.open(location)
        assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for location in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(WorkspaceError, match="is a file, or lies below one: name a folder"):
            Workspace.open(location)
    for place in ("/proc/fitserve", "a\0b", "\ud800\udfff", "~nobody-of-this-name/x", "/" + "x" * 300):
        with pytest.raises(WorkspaceError) as caught:
            Workspace.open(place)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_without_create_nothing_is_made(tmp_path: Path) -> None:
    for location in (tmp_path / "w", tmp_path):
        with pytest.raises(WorkspaceError, match="holds no workspace"):
            Workspace.open(location, create=False)
    assert list(tmp_path.iterdir()) == []


def test_work_of_dead_processes_is_removed_and_of_living_ones_kept(workspace: Workspace) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait(30)
    stale = workspace.path / "staging" / f"{dead.pid}-0a"
    (stale / "sub").mkdir(parents=True)
    strange = workspace.path / "staging" / "notes"
    strange.mkdir()
    with workspace.staging() as mine:
        Workspace.open(workspace.path)
        assert (mine.exists(), stale.exists(), strange.exists()) == (True, False, True)
    assert not mine.exists()


def test_work_in_another_container_is_kept(workspace: Workspace) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait(30)
    # What another container's work looks like from here: a pid that is none, and a lock that is held.
    with workspace.staging() as folder:
        foreign = folder.rename(folder.with_name(f"{dead.pid}-0b"))
        Workspace.open(workspace.path)
        assert foreign.exists()
    Workspace.open(workspace.path)
    assert not foreign.exists()


# --- versions ---


def test_the_first_version_becomes_champion_and_later_ones_when_promoted(workspace: Workspace) -> None:
    first = add(workspace, text="1", promote=False)
    assert (first.version, first.sha256) == (1, hashlib.sha256(b"1").hexdigest())
    assert workspace.version("credit") == first
    second, third = add(workspace, text="2"), add(workspace, text="3", promote=True)
    assert workspace.version("credit") == workspace.version("credit", "champion") == third
    assert workspace.version("credit", 2) == workspace.version("credit", "2") == second
    assert workspace.versions("credit") == [first, second, third]
    (model,) = workspace.models()
    assert (model.name, model.versions, model.champion, model.aliases) == ("credit", 3, 3, {"champion": 3})
    assert model.created == first.created


def test_a_registered_bundle_is_moved_whole(workspace: Workspace) -> None:
    record = add(workspace)
    folder = workspace.fetch(record)
    assert folder == workspace.path / "bundles" / record.sha256
    assert (folder / "model.onnx").read_bytes() == b"graph"
    assert list((workspace.path / "staging").iterdir()) == []
    with workspace.staging() as staged:
        (staged / "inner").mkdir()
        (staged / "inner" / "manifest.json").write_text("inner")
        inner = workspace.register("credit", staged / "inner", DETAILS)
    assert [path.name for path in workspace.fetch(inner).iterdir()] == ["manifest.json"]


def test_the_same_bundle_twice_is_two_versions_of_one_folder(workspace: Workspace) -> None:
    first, second, other = add(workspace), add(workspace), add(workspace, "house")
    assert (first.version, second.version, other.version) == (1, 2, 1)
    assert bundles(workspace) == {first.sha256}
    workspace.delete("credit")
    assert workspace.fetch(other).is_dir()
    workspace.delete("house")
    assert bundles(workspace) == set()


def test_numbers_of_numpy_and_nan_are_kept_as_what_they_mean(workspace: Workspace) -> None:
    rows: Any = np.int64(7)
    score = np.float64(0.25)
    details = replace(DETAILS, score=score, baseline=math.nan, rows=rows)
    with workspace.staging() as folder:
        (folder / "manifest.json").write_text("{}")
        record = workspace.register("credit", folder, details)
    assert record == workspace.version("credit")
    assert (record.score, record.baseline, record.rows) == (0.25, None, 7)
    assert type(record.rows) is int


def test_what_is_no_bundle_is_refused_and_left(workspace: Workspace, tmp_path: Path) -> None:
    with workspace.staging() as folder, pytest.raises(BundleError, match="manifest"):
        workspace.register("credit", folder, DETAILS)
    with workspace.staging() as folder, pytest.raises(SpecError, match="take 'credit'"):
        workspace.register("Credit", folder, DETAILS)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "manifest.json").write_text("{}")
    with pytest.raises(WorkspaceError, match="would be moved away"):
        workspace.register("credit", mine, DETAILS)
    assert (mine / "manifest.json").exists()
    assert workspace.models() == []
    assert served(workspace)["revision"] == 0


def test_unknown_names_are_answered_with_the_nearest(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="none yet: train or import one"):
        workspace.version("credit")
    add(workspace)
    with pytest.raises(NotFoundError, match="did you mean 'credit'"):
        workspace.versions("credti")
    with pytest.raises(NotFoundError, match="it has the versions 1"):
        workspace.version("credit", 2)
    for odd in ("", "\ud800", "a\0b", "x" * 100_000, "' OR 1=1 --"):
        for ask in (workspace.version, workspace.versions, workspace.delete, workspace.run):
            with pytest.raises(NotFoundError) as caught:
                ask(odd)
            assert len(str(caught.value)) < 300
    assert len(workspace.models()) == 1


def test_a_lost_bundle_is_said(workspace: Workspace) -> None:
    record = add(workspace)
    (workspace.path / "bundles" / record.sha256).rename(workspace.path / "elsewhere")
    with pytest.raises(WorkspaceError, match="lost the bundle of credit 1"):
        workspace.fetch(record)


def test_aliases_point_move_and_go(workspace: Workspace) -> None:
    add(workspace), add(workspace)
    workspace.set_alias("credit", "challenger", 2)
    assert workspace.version("credit", "challenger").version == 2
    workspace.set_alias("credit", "challenger", "champion")
    workspace.set_alias("credit", "champion", "2")
    assert workspace.models()[0].aliases == {"challenger": 1, "champion": 2}
    workspace.remove_alias("credit", "challenger")
    assert workspace.models()[0].aliases == {"champion": 2}
    with pytest.raises(NotFoundError, match="no alias 'challenger'"):
        workspace.remove_alias("credit", "challenger")
    with pytest.raises(UserError, match="promote another"):
        workspace.remove_alias("credit", "champion")
    with pytest.raises(NotFoundError, match="no version '3'"):
        workspace.set_alias("credit", "challenger", 3)
    with pytest.raises(NotFoundError, match="no model 'house'"):
        workspace.set_alias("house", "challenger", 1)
    with pytest.raises(SpecError, match="take a word"):
        workspace.set_alias("credit", "2", 1)


def test_a_champion_is_deleted_only_with_its_model(workspace: Workspace) -> None:
    first, second = add(workspace, text="1"), add(workspace, text="2")
    workspace.set_alias("credit", "challenger", 2)
    with pytest.raises(UserError, match="promote another version first"):
        workspace.delete("credit", 1)
    assert workspace.delete("credit", "challenger") == [second]
    assert workspace.models()[0].aliases == {"champion": 1}
    assert bundles(workspace) == {first.sha256}
    assert workspace.delete("credit", 1) == [first]
    assert workspace.models() == []
    with pytest.raises(NotFoundError):
        workspace.delete("credit")


def test_a_number_is_never_given_twice(workspace: Workspace) -> None:
    assert [add(workspace).version for _ in range(3)] == [1, 2, 3]
    workspace.delete("credit", 3)
    assert add(workspace).version == 4
    workspace.delete("credit")
    again = add(workspace)
    assert (again.version, workspace.version("credit")) == (5, again)


# --- the snapshot ---


def test_the_snapshot_follows_every_change(workspace: Workspace) -> None:
    record = add(workspace)
    key, plain = workspace.add_key("laptop")
    expected = {"credit": {"aliases": {"champion": 1}, "versions": {"1": record.sha256}}}
    assert served(workspace) == {"format": 1, "revision": 2, "models": expected, "keys": [key.sha256]}
    state = published(workspace.path)
    assert state.bundle("credit") == (1, workspace.fetch(record))
    assert hash_key(plain) in state.keys
    workspace.set_alias("credit", "trial", 1)
    assert published(workspace.path).bundle("credit", "trial")[0] == 1
    workspace.revoke_key("laptop")
    workspace.delete("credit")
    assert served(workspace) == {"format": 1, "revision": 5, "models": {}, "keys": []}


def test_a_refused_change_is_no_change(workspace: Workspace) -> None:
    add(workspace)
    before = (workspace.path / "serving.json").read_bytes()
    with pytest.raises(NotFoundError):
        workspace.set_alias("credit", "trial", 9)
    workspace.save_run(RUN)
    assert (workspace.path / "serving.json").read_bytes() == before


@pytest.mark.parametrize("state", ["behind", "missing", "damaged", "ahead"])
def test_opening_mends_the_snapshot(workspace: Workspace, state: str) -> None:
    file = workspace.path / "serving.json"
    before = file.read_bytes()
    add(workspace)
    good = file.read_bytes()
    if state == "missing":
        file.unlink()
    else:
        # Ahead of its database: the database was restored from an older copy.
        ahead = good.replace(b'"revision": 1', b'"revision": 99')
        file.write_bytes({"behind": before, "damaged": b"{", "ahead": ahead}[state])
    Workspace.open(workspace.path)
    assert file.read_bytes() == good


def test_threads_may_share_a_workspace(workspace: Workspace) -> None:
    numbers: list[int] = []

    def register() -> None:
        numbers.extend(add(workspace, text=threading.current_thread().name).version for _ in range(5))

    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 21))
    assert served(workspace)["revision"] == 20


# --- runs and keys ---


def test_a_run_is_inserted_and_updated(workspace: Workspace) -> None:
    workspace.save_run(RUN)
    assert workspace.run("r1") == RUN
    done = RunRecord("r1", "credit", "finished", RUN.created, "2024-01-01T00:01:00Z", RUN.dataset_sha256, {"n": 1})
    workspace.save_run(done)
    later = RunRecord("r2", "credit", "failed", "2024-01-02T00:00:00Z", None, RUN.dataset_sha256, {})
    workspace.save_run(later)
    assert workspace.runs() == [later, done]
    assert json.loads((workspace.path / "runs" / "r1.json").read_bytes()) == {"n": 1}
    assert sorted(path.name for path in (workspace.path / "runs").iterdir()) == ["r1.json", "r2.json"]


def test_a_bad_run_is_refused(workspace: Workspace) -> None:
    with pytest.raises(SpecError, match="choose another"):
        workspace.save_run(RunRecord("../x", "m", "running", "", None, "", {}))
    with pytest.raises(ValueError, match="JSON compliant"):
        workspace.save_run(RunRecord("x", "m", "running", "", None, "", {"score": math.nan}))
    with pytest.raises(NotFoundError, match="no run 'x'"):
        workspace.run("x")
    assert list((workspace.path / "runs").iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff"])
def test_a_lost_plan_does_not_hide_the_other_runs(workspace: Workspace, content: bytes | None) -> None:
    workspace.save_run(RUN)
    file = workspace.path / "runs" / "r1.json"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"r1\.json is lost or damaged"):
        workspace.run("r1")
    assert [(run.id, run.plan) for run in workspace.runs()] == [("r1", {})]


def test_a_key_is_shown_once_and_kept_as_a_hash(workspace: Workspace) -> None:
    record, plain = workspace.add_key("laptop")
    assert workspace.keys() == [record]
    assert record.sha256 == hashlib.sha256(plain.encode()).hexdigest()
    assert record.prefix == plain[:8]
    for path in workspace.path.rglob("*"):
        assert path.is_dir() or plain[8:].encode() not in path.read_bytes()
    with pytest.raises(SpecError, match="already a key 'laptop'"):
        workspace.add_key("laptop")
    assert workspace.revoke_key(record.prefix) == record
    assert workspace.keys() == []
    with pytest.raises(NotFoundError, match="none yet"):
        workspace.revoke_key("laptop")


def test_an_error_of_the_caller_passes_through_staging(workspace: Workspace) -> None:
    with pytest.raises(FileNotFoundError), workspace.staging() as folder:
        os.stat(folder / "missing")  # noqa: PTH116 - the plain error of the system
    with pytest.raises(ZeroDivisionError), workspace.staging():
        _ = 1 / 0
    assert list((workspace.path / "staging").iterdir()) == []
