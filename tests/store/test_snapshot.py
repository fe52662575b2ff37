from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fitserve.errors import BundleError, NotFoundError, WorkspaceError
from fitserve.store import ServedModel, folder, published, snapshot

SHA = {number: f"{number:064x}" for number in range(1, 4)}
GOOD: dict[str, Any] = {
    "format": 1,
    "revision": 7,
    "models": {"credit": {"aliases": {"champion": 2, "challenger": 3}, "versions": {"2": SHA[2], "3": SHA[3]}}},
    "keys": [SHA[1]],
}


def written(path: Path, document: object) -> Path:
    (path / "serving.json").write_text(json.dumps(document))
    for number in (2, 3):
        (path / "bundles" / SHA[number]).mkdir(parents=True, exist_ok=True)
    return path


def test_reading_gives_what_was_encoded(tmp_path: Path) -> None:
    models = {"credit": ServedModel({"champion": 2, "challenger": 3}, {2: SHA[2], 3: SHA[3]})}
    data = snapshot.encode(7, models, [SHA[1]])
    assert json.loads(data) == GOOD
    with folder.replacing(tmp_path / "serving.json") as write:
        write(data)
    state = published(tmp_path)
    assert (state.revision, state.models, set(state.keys)) == (7, models, {SHA[1]})
    assert [path.name for path in tmp_path.iterdir()] == ["serving.json"]


def test_a_file_is_replaced_at_the_end_or_not_at_all(tmp_path: Path) -> None:
    file, beside = tmp_path / "x.json", tmp_path / ".x.json.new"
    file.write_bytes(b"old")
    with suppress(ZeroDivisionError), folder.replacing(file) as write:
        write(b"new")
        assert (file.read_bytes(), beside.read_bytes()) == (b"old", b"new")
        _ = 1 / 0
    assert (file.read_bytes(), beside.exists()) == (b"old", False)
    beside.write_bytes(b"of a writer that was killed")
    with folder.replacing(file):
        pass
    assert (file.read_bytes(), beside.exists()) == (b"old", False)


def test_the_same_state_gives_the_same_bytes() -> None:
    one = {"b": ServedModel({}, {10: SHA[1], 9: SHA[2]}), "a": ServedModel({"y": 1, "x": 1}, {1: SHA[1]})}
    two = {"a": ServedModel({"x": 1, "y": 1}, {1: SHA[1]}), "b": ServedModel({}, {9: SHA[2], 10: SHA[1]})}
    assert snapshot.encode(1, one, [SHA[1], SHA[2]]) == snapshot.encode(1, two, [SHA[2], SHA[1]])


def test_a_bundle_is_found_by_number_alias_or_as_champion(tmp_path: Path) -> None:
    state = published(written(tmp_path, GOOD))
    assert state.bundle("credit") == (2, tmp_path / "bundles" / SHA[2])
    assert state.bundle("credit", 3) == state.bundle("credit", "3") == state.bundle("credit", "challenger")
    with pytest.raises(NotFoundError, match="did you mean 'credit'"):
        state.bundle("kredit")
    with pytest.raises(NotFoundError, match="has no version '1'"):
        state.bundle("credit", 1)


def test_the_folder_may_be_named_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written(tmp_path, GOOD))
    state = published(".")
    monkeypatch.chdir("/")
    assert state.bundle("credit")[1] == tmp_path / "bundles" / SHA[2]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {**GOOD, "revision": "x"},
        {**GOOD, "keys": ["short"]},
        {**GOOD, "keys": [1]},
        {**GOOD, "models": {"credit": {"aliases": {}, "versions": {"1": "../../../etc"}}}},
        {**GOOD, "models": {"credit": {"aliases": {}, "versions": {"one": SHA[1]}}}},
        {**GOOD, "models": {"credit": {"aliases": {"champion": None}, "versions": {}}}},
        {**GOOD, "models": {"credit": 1}},
        {**GOOD, "models": 1},
    ],
)
def test_damage_is_one_line(tmp_path: Path, document: object) -> None:
    with pytest.raises(WorkspaceError, match="is damaged") as caught:
        published(written(tmp_path, document))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b'{"format": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "serving.json").write_bytes(content)
    with pytest.raises(WorkspaceError, match="is damaged"):
        published(tmp_path)


def test_a_missing_and_a_newer_snapshot_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no workspace at"):
        published(tmp_path)
    (tmp_path / "serving.json").mkdir()
    with pytest.raises(WorkspaceError, match="cannot be read"):
        published(tmp_path)
    (tmp_path / "serving.json").rmdir()
    with pytest.raises(WorkspaceError, match="newer fitserve"):
        published(written(tmp_path, {**GOOD, "format": 2}))


def test_a_bundle_is_sealed_only_if_it_is_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no manifest\.json"):
        folder.seal(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b"{}")
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert folder.seal(tmp_path) == digest
    (tmp_path / "link.json").symlink_to("manifest.json")
    with pytest.raises(BundleError, match="no plain file"):
        folder.seal(tmp_path)
    (tmp_path / "link.json").unlink()
    (tmp_path / "sub").mkdir()
    with pytest.raises(BundleError, match="no plain file"):
        folder.seal(tmp_path)


def test_only_one_writer_at_a_time(tmp_path: Path) -> None:
    code = """
import pathlib, sys
from fitserve.store import folder
path = pathlib.Path(sys.argv[1])
for _ in range(200):
    with folder.locked(path):
        count = path / "count"
        count.write_text(str(int(count.read_text()) + 1))
"""
    (tmp_path / "count").write_text("0")
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "600"


def test_a_server_reads_it_without_sql(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    code = """
import pathlib, sys
import fitserve.store
from fitserve.store import keys, published
assert fitserve.store.published(pathlib.Path(sys.argv[1])).bundle("credit")[0] == 2
heavy = {"sqlalchemy", "alembic", "sqlite3", "numpy"} & set(sys.modules)
assert not heavy, heavy
assert fitserve.store.Workspace.__name__ == "Workspace"
assert "sqlalchemy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_no_other_name_is_lazy() -> None:
    from fitserve import store

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = store.Nothing
    assert set(store.__all__) <= {*dir(store), "Workspace"}
