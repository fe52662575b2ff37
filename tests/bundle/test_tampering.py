"""A bundle in which anything was changed is refused, before any graph is opened."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import orjson
import polars as pl
import pytest

import fitserve
from fitserve.bundle.archive import pack, unpack
from fitserve.bundle.folder import open_bundle
from fitserve.errors import BundleError, UserError


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with members of every type."""
    texts = [f"{'late payment' if i % 2 else 'paid in time'} again by number {i}" for i in range(60)]
    table = pl.DataFrame({"said": texts, "n": [i % 7 for i in range(60)], "good": [i % 2 for i in range(60)]})
    workspace = tmp_path_factory.mktemp("sound")
    return fitserve.train(table, "good", name="m", learners=["logistic"], workspace=workspace, budget=10.0).folder


@pytest.fixture
def bundle(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "bundle"))


def members(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_bundle_has_every_type_of_member(sound: Path) -> None:
    assert {Path(name).suffix for name in members(sound)} == {".json", ".onnx", ".npy", ".md"}
    open_bundle(sound)


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def prolonged(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def linked(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [flipped, truncated, emptied, prolonged, linked, folder_instead, Path.unlink])
@pytest.mark.parametrize("place", range(7))
def test_each_member_each_way(bundle: Path, change: Callable[[Path], None], place: int) -> None:
    name = members(bundle)[place % len(members(bundle))]
    before = open_bundle(bundle).sha256
    change(bundle / name)
    if name == "manifest.json" and change in (prolonged, flipped):  # may still be a manifest: its identity tells
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() != before
        return
    with pytest.raises(BundleError) as caught:
        fitserve.load_bundle(bundle)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "edit",
    [
        {"format": 1},
        {"format": 3},
        {"format": 0},
        {"format": "1"},
        {"format": None},
        {"surplus": 1},
        {"members": {}},
        {"members": {"../../etc/passwd": {"size": 1, "sha256": "0"}}},
        {"task": "clustering"},
        {"graphs": [{"member": "model.onnx", "engine": "pickle", "inputs": [["dense", 1]], "merged": True,
                     "outputs": 1, "sources": [], "tolerance": 1e-5, "same_bits": True, "servability": "table"}]},
        {"graphs": []},
        {"roles": {"target": 1}},
        {"sections": {"evaluation": {}}},
        {"answer": {"labels": [0, 1], "evil": 1}},
        {"steps": [{"step": "os.system"}]},
    ],
    ids=lambda edit: str(edit)[:40],
)  # fmt: skip
def test_an_edited_manifest(bundle: Path, edit: dict[str, object]) -> None:
    path = bundle / "manifest.json"
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), **edit}))
    with pytest.raises(UserError) as caught:
        fitserve.load_bundle(bundle)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"format": 1}', b"[" * 10_000], ids=repr)
def test_a_manifest_that_is_none(bundle: Path, content: bytes) -> None:
    (bundle / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError):
        fitserve.load_bundle(bundle)


@pytest.mark.parametrize("name", ["evil.py", "model.pkl", ".hidden", "second.onnx", "sub"])
def test_an_additional_member(bundle: Path, name: str) -> None:
    (bundle / name).mkdir() if name == "sub" else (bundle / name).write_bytes(b"x")
    with pytest.raises(BundleError, match="forged"):
        fitserve.load_bundle(bundle)


@pytest.mark.parametrize(
    "said",
    [
        # A pickled array with the right digest: only the refusal of pickles stands between it and us.
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\ncos\nsystem\n(S'true'\ntR.",
        b"(" * 117 + b"\n",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,".ljust(117) + b"\n",
    ],
)
def test_an_array_that_is_none(bundle: Path, said: bytes) -> None:
    manifest = orjson.loads((bundle / "manifest.json").read_bytes())
    name = next(name for name in manifest["members"] if name.endswith(".npy"))
    evil = b"\x93NUMPY\x01\x00v\x00" + said
    (bundle / name).write_bytes(evil)
    manifest["members"][name] = {"size": len(evil), "sha256": hashlib.sha256(evil).hexdigest()}
    (bundle / "manifest.json").write_bytes(orjson.dumps(manifest))
    with pytest.raises(BundleError, match="not a plain array"):
        fitserve.load_bundle(bundle)


def test_the_same_through_a_zip(bundle: Path, tmp_path: Path) -> None:
    pack(bundle, tmp_path / "sound.zip")
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "sound.zip", tmp_path / "out")
    assert fitserve.load_bundle(tmp_path / "out").sha256 == open_bundle(bundle).sha256
    with (
        zipfile.ZipFile(tmp_path / "sound.zip") as old,
        zipfile.ZipFile(tmp_path / "changed.zip", "w") as new,
    ):
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry.filename, data[:-1] + b"?" if entry.filename == "card.md" else data)
    (tmp_path / "changed").mkdir()
    unpack(tmp_path / "changed.zip", tmp_path / "changed")
    with pytest.raises(BundleError, match=r"card\.md was changed"):
        fitserve.load_bundle(tmp_path / "changed")
