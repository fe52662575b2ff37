"""Bundles from strangers and bundles that were changed: refused in one line, by every command that would use them."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from fitserve.store import Workspace

Command = Callable[..., Any]
Change = Callable[[Path], object]

MEMBERS = ["card.md", "examples.json", "manifest.json", "model.onnx", "report.json"]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x20
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def link(path: Path) -> None:
    target = path.parent.parent.parent / f"elsewhere-{path.name}"
    path.rename(target)
    path.symlink_to(target)


CHANGES: list[Change] = [flip, cut, link, Path.unlink]


def bundle_of(home: Path, name: str = "loans") -> Path:
    opened = Workspace.open(home / "workspace")
    return opened.fetch(opened.version(name))


def zipped(folder: Path, path: Path, *more: tuple[zipfile.ZipInfo | str, bytes], without: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for member in sorted(folder.iterdir()):
            if member.name != without:
                archive.writestr(member.name, member.read_bytes())
        for name, data in more:
            archive.writestr(name, data)
    return path


def state(home: Path) -> tuple[object, ...]:
    workspace = home / "workspace"
    files = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file() and "sqlite" not in path.name}
    return Workspace.open(workspace).models(), files, sorted(home.iterdir()), list((workspace / "staging").iterdir())


def test_the_members_are_those_that_are_tried(trained: Path) -> None:
    assert sorted(path.name for path in bundle_of(trained).iterdir()) == MEMBERS


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_bundle_in_the_workspace_answers_nothing(
    trained: Path, command: Command, name: str, change: Change
) -> None:
    change(bundle_of(trained) / name)
    for arguments in (("predict", "loans", "loans.csv", "-o", "out.csv"), ("evaluate", "loans", "loans.csv")):
        message = command(*arguments).message
        # Of a changed manifest it is what the digests or the identity say.
        assert name in message or "manifest" in message or "member" in message or "was changed after export" in message
    assert not (trained / "out.csv").exists()
    assert command("models", "--json").json["models"][1]["name"] == "loans"
    assert command("predict", "houses", "loans.csv", "-o", "out.csv", "--json").json["rows"] == 120


@pytest.mark.parametrize("name", ["model.onnx", "card.md"])
def test_a_changed_bundle_is_not_served(trained: Path, process: Command, name: str) -> None:
    flip(bundle_of(trained) / name)
    for model in ("loans", bundle_of(trained)):
        assert (
            f"{name} was changed after export; import the bundle again" in process("serve", model, "--port", 0).message
        )


def test_a_surplus_file_in_the_workspace_answers_nothing(trained: Path, command: Command) -> None:
    (bundle_of(trained) / "evil.py").write_text("print('evil')")
    message = command("predict", "loans", "loans.csv", "-o", "out.csv").message
    assert message == "'evil.py' is not listed in the manifest; this bundle is forged"


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("change", [flip, cut, Path.unlink])
def test_a_changed_bundle_is_not_imported(trained: Path, command: Command, name: str, change: Change) -> None:
    bundle = bundle_of(trained, "houses")
    other = trained / "changed"
    other.mkdir()
    for member in bundle.iterdir():
        (other / member.name).write_bytes(member.read_bytes())
    change(other / name)
    zipped(other, trained / "changed.zip")
    before = state(trained)
    arguments: tuple[str, ...] = ("models", "import", "changed.zip")
    if change is flip and name == "manifest.json":  # may still be a manifest: the identity tells
        arguments = (*arguments, "--sha256", hashlib.sha256((bundle / name).read_bytes()).hexdigest())
    assert command(*arguments).message
    assert state(trained) == before


@pytest.mark.parametrize("edit", [{"format": 3}, {"extra": 1}, {"learner": "nobody"}, {"seed": 99}])
def test_an_edited_manifest_has_another_identity(trained: Path, command: Command, edit: dict[str, Any]) -> None:
    exported = command("models", "export", "houses", "-o", "houses.zip", "--json").json
    manifest = orjson.loads((bundle_of(trained, "houses") / "manifest.json").read_bytes()) | edit
    forged = zipped(
        bundle_of(trained, "houses"),
        trained / "forged.zip",
        ("manifest.json", orjson.dumps(manifest)),
        without="manifest.json",
    )
    before = state(trained)
    message = command("models", "import", forged, "--sha256", exported["sha256"]).message
    assert "upgrade fitserve" in message or "unknown members" in message or "has the identity" in message
    assert state(trained) == before


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    ("member", "data", "words"),
    [
        ("../evil.json", b"{}", "has no plain name like 'manifest.json'"),
        ("/tmp/evil.json", b"{}", "has no plain name"),
        ("a/b.json", b"{}", "has no plain name"),
        ("evil.py", b"import os", "has no plain name"),
        ("model.pkl", b"cos\nsystem\n", "has no plain name"),
        (with_mode("link.json", 0o120777), b"/etc/passwd", "is a link or another special file"),
        ("surplus.onnx", b"graph", "'surplus.onnx' is not listed in the manifest; this bundle is forged"),
    ],
)
def test_a_strange_member_is_not_imported(
    trained: Path, command: Command, member: zipfile.ZipInfo | str, data: bytes, words: str
) -> None:
    archive = zipped(bundle_of(trained), trained / "strange.zip", (member, data))
    before = state(trained)
    assert words in command("models", "import", archive).message
    assert state(trained) == before
    assert not (trained.parent / "evil.json").exists()


def test_a_zip_bomb_is_not_unpacked(trained: Path, command: Command) -> None:
    """Of 3 GB by its own words, and of 3 GB against its own words."""
    honest = zipped(bundle_of(trained), trained / "honest.zip", ("zeros.npy", b"0" * 100))
    data = bytearray(honest.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 3 << 30)
    honest.write_bytes(data)
    liar = trained / "liar.zip"
    with zipfile.ZipFile(liar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"0" * (64 << 20))
    data = bytearray(liar.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 1000)
    liar.write_bytes(data)
    before = state(trained)
    assert (
        "unpacks to more than 2,147,483,648 bytes, which no bundle does: do not use it"
        in command("models", "import", honest).message
    )
    assert "is damaged" in command("models", "import", liar).message
    assert state(trained) == before


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all", b"\x1f\x8b\x08\x00"])
def test_what_is_no_zip_is_not_imported(trained: Path, command: Command, content: bytes) -> None:
    (trained / "x.zip").write_bytes(content)
    before = state(trained)
    assert "x.zip is damaged or no zip archive" in command("models", "import", "x.zip").message
    assert state(trained) == before


def test_a_zip_of_something_else_is_not_imported(trained: Path, command: Command) -> None:
    with zipfile.ZipFile("other.zip", "w") as archive:
        archive.writestr("data.json", b"{}")
    assert "holds no manifest.json; this is not a fitserve bundle" in command("models", "import", "other.zip").message
    with zipfile.ZipFile("none.zip", "w"):
        pass
    assert "this is not a fitserve bundle" in command("models", "import", "none.zip").message


@pytest.mark.parametrize("names", [["workspace.sqlite"], ["serving.json"], ["workspace.sqlite", "serving.json"]])
def test_a_damaged_workspace_says_so(trained: Path, command: Command, names: list[str]) -> None:
    for name in names:
        (trained / "workspace" / name).write_bytes(os.urandom(4096))
    if "workspace.sqlite" in names:
        assert "has a damaged database: restore workspace.sqlite from a backup" in command("models").message
        assert "damaged" in command("train", "loans.csv", "--target", "paid").message
    predict = ("predict", "loans", "loans.csv", "-o", "out.csv", "--json")
    if "serving.json" in names:
        assert "any fitserve command on this workspace writes it anew" in command(*predict).message
    if names == ["serving.json"]:
        assert len(command("models", "--json").json["models"]) == 2
    if len(names) == 1:  # what is left of the workspace is enough
        assert command(*predict).json["rows"] == 120


def test_a_lost_bundle_says_so(trained: Path, command: Command) -> None:
    bundle = bundle_of(trained)
    bundle.rename(trained / "lost")
    assert command("models", "--json").json["models"][1]["versions"] == 1
    for arguments in (("models", "export", "loans"), ("models", "show", "loans", "1")):
        assert "has lost the bundle of loans 1: restore it from a backup, or delete" in command(*arguments).message
    message = command("predict", "loans", "loans.csv", "-o", "out.csv").message
    assert message.endswith("is gone; restore it from a backup, or train or import the model again")
    assert command("models", "delete", "loans", "1", "--yes", "--json").json["deleted"] == [
        {"model": "loans", "version": 1}
    ]


@pytest.mark.slow
def test_names_that_are_not_utf8_and_names_of_several_lines(trained: Path, process: Command) -> None:
    odd = os.fsencode(trained) + b"/\xff.csv"
    assert "has a name that is not UTF-8" in process("predict", "loans", "loans.csv", "-o", os.fsdecode(odd)).message
    exported = process("models", "export", "loans", "-o", os.fsdecode(odd[:-3] + b"zip"), "--json").json
    assert exported["path"].endswith("\udcff.zip")
    assert "there is no file x y.csv" in process("train", "x\ny.csv", "--target", "y").message
    assert "there is no folder no where" in process("predict", "loans", "loans.csv", "-o", "no\nwhere/x.csv").message


def test_output_that_cannot_be_written(trained: Path) -> None:
    for arguments in (["models"], ["models", "--json"], ["models", "show", "loans", "1"], ["--help"]):
        command = [sys.executable, "-m", "fitserve", *arguments]
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                command, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                env={**os.environ, "FITSERVE_WORKSPACE": str(trained / "workspace")},
            )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr == "fitserve: the output cannot be written (No space left on device)\n"
