from __future__ import annotations

import io
import os
import stat
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fitserve.bundle.archive import MEMBER_NAME, pack, unpack
from fitserve.errors import BundleError, FitserveError, NotFoundError, UserError

MEMBERS = {
    "manifest.json": b'{"format": 1}' * 100,
    "model.onnx": bytes(range(256)) * 50,
    "table.npy": b"\x93NUMPY" + os.urandom(3000),
    "card.md": b"# Card\n" * 200,
    "empty.json": b"",
}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def bundle_in(folder: Path) -> Path:
    folder.mkdir()
    for name, data in MEMBERS.items():
        (folder / name).write_bytes(data)
    return folder


def packed(tmp_path: Path) -> Path:
    archive = tmp_path / "bundle.zip"
    pack(bundle_in(tmp_path / "bundle"), archive)
    return archive


def zip_of(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def member(name: str = "a.json", **changes: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for field, value in changes.items():
        setattr(info, field, value)
    return info


def patched(path: Path, offset: int, value: bytes) -> Path:
    """Change the central directory entry of the first member, ``offset`` bytes into it."""
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\x01\x02") + offset
    data[start : start + len(value)] = value
    path.write_bytes(data)
    return path


def refused(archive: Path, target: Path, words: str, **limits: int) -> None:
    with pytest.raises(BundleError, match=words) as caught:
        unpack(archive, target, **limits)
    assert "\n" not in str(caught.value)
    assert list(target.iterdir()) == []


def test_a_bundle_survives_the_journey(tmp_path: Path, target: Path) -> None:
    unpack(packed(tmp_path), target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == MEMBERS


def test_the_same_members_give_the_same_bytes(tmp_path: Path) -> None:
    first = packed(tmp_path).read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    for name in sorted(MEMBERS, reverse=True):
        (other / name).write_bytes(MEMBERS[name])
        os.utime(other / name, (1e9, 1e9))
        (other / name).chmod(0o600)
    pack(other, tmp_path / "other.zip")
    assert (tmp_path / "other.zip").read_bytes() == first


def test_members_are_sorted_and_only_texts_are_packed(tmp_path: Path) -> None:
    with zipfile.ZipFile(packed(tmp_path)) as archive:
        infos = archive.infolist()
    assert [info.filename for info in infos] == sorted(MEMBERS)
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    deflated = {info.filename for info in infos if info.compress_type == zipfile.ZIP_DEFLATED}
    assert deflated == {"manifest.json", "card.md", "empty.json"}


def test_packing_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    archive = tmp_path / "bundle.zip"
    archive.write_bytes(b"old")
    assert packed(tmp_path) == archive
    assert zipfile.is_zipfile(archive)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "bundle.zip"]


@pytest.mark.parametrize("name", ["Model.onnx", "notes.txt", ".hidden.json", "a..json", "folder.json", "link.md"])
def test_packing_refuses_what_is_no_member(tmp_path: Path, name: str) -> None:
    folder = bundle_in(tmp_path / "bundle")
    if name == "folder.json":
        (folder / name).mkdir()
    elif name == "link.md":
        (folder / name).symlink_to("card.md")
    else:
        (folder / name).write_bytes(b"x")
    with pytest.raises(BundleError, match="no member"):
        pack(folder, tmp_path / "bundle.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_packing_says_why_it_cannot_write(tmp_path: Path) -> None:
    folder = bundle_in(tmp_path / "bundle")
    (tmp_path / "file").write_bytes(b"")
    for archive in (tmp_path / "missing" / "x.zip", tmp_path / "file" / "x.zip"):
        with pytest.raises(UserError, match="cannot be packed"):
            pack(folder, archive)
    with pytest.raises(UserError, match="cannot be packed"):
        pack(tmp_path / "nowhere", tmp_path / "x.zip")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "/a.json",
        "../a.json",
        "..",
        "a/../b.json",
        "b/a.json",
        "b\\a.json",
        "..\\a.json",
        "C:a.json",
        "c:\\a.json",
        "a.json\x00.txt",
        "\x00a.json",
        "a\x00.json",
        "A.json",
        "a.JSON",
        "a..json",
        "a.json\n",
        "\na.json",
        "a.py",
        "a.pkl",
        ".json",
        "-a.json",
        "a.json/",
        "a b.json",
        "ä.json",
        "а.json",  # a Cyrillic letter
        "a.json ",
        "a.json.",
        "",
        "a" * 70 + "/x.json",
    ],
)
def test_an_unsafe_name_is_refused(tmp_path: Path, target: Path, name: str) -> None:
    archive = tmp_path / "bad.zip"
    with zipfile.ZipFile(archive, "w") as forged:
        forged.writestr("manifest.json", b"{}")
        info = zipfile.ZipInfo("a.json")
        info.filename = name  # past the cleaning of the constructor
        forged.writestr(info, b"evil")
    refused(archive, target, "no plain name")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.zip", "target"]


@given(name=st.text(max_size=20) | st.from_regex(r"[a-z0-9./\\_-]{1,12}\.(json|onnx|npy|md)"))
@example(name="a.json\n")
@example(name="aux.json")
@example(name="a." * 3 + "md")
@settings(max_examples=300)
def test_a_member_name_is_flat_whatever_the_system(name: str) -> None:
    if MEMBER_NAME.match(name) is None:
        return
    assert name.isascii()
    assert name == name.lower() == os.path.basename(name)  # noqa: PTH119 - the raw string is evaluated
    assert ".." not in name
    assert not set(name) & set('/\\:\0\n\r*?"<>| ')
    assert Path("/base", name).resolve().parent == Path("/base")


@given(name=st.text(max_size=12) | st.from_regex(r"\A[a-zA-Z0-9./_-]{1,12}\.(json|onnx|npy|md|py)\Z"))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_unpacking_writes_exactly_the_names_that_it_allows(tmp_path: Path, target: Path, name: str) -> None:
    archive = tmp_path / "any.zip"
    try:
        with zipfile.ZipFile(archive, "w") as bundle:
            info = zipfile.ZipInfo("a.json")
            info.filename = name
            bundle.writestr(info, b"x")
    except UnicodeEncodeError:  # a lone surrogate: no zip can say it
        return
    if MEMBER_NAME.match(name):
        unpack(archive, target)
        assert [path.name for path in target.iterdir()] == [name]
        (target / name).unlink()
    else:
        refused(archive, target, "no plain name")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["any.zip", "target"]


def test_a_second_name_in_an_extra_field_is_not_believed(tmp_path: Path, target: Path) -> None:
    name = b"../evil.json"
    field = struct.pack("<BL", 1, zlib.crc32(b"a.json")) + name
    info = zipfile.ZipInfo("a.json")
    info.extra = struct.pack("<HH", 0x7075, len(field)) + field
    unpack(zip_of(tmp_path / "two.zip", (info, b"x")), target)
    assert [path.name for path in target.iterdir()] == ["a.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["target", "two.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_special_file_is_refused(tmp_path: Path, target: Path, kind: int) -> None:
    archive = zip_of(tmp_path / "bad.zip", (member(external_attr=(kind | 0o777) << 16), b"/etc/passwd"))
    refused(archive, target, "link or another special file")


def test_a_directory_of_dos_is_refused(tmp_path: Path, target: Path) -> None:
    archive = zip_of(tmp_path / "bad.zip", (member(external_attr=0x10, create_system=0), b""))
    refused(archive, target, "special file")


def test_a_name_that_comes_twice_is_refused(tmp_path: Path, target: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = zip_of(tmp_path / "bad.zip", ("a.json", b"1"), ("a.json", b"2"))
    refused(archive, target, "is there twice")
    refused(zip_of(tmp_path / "case.zip", ("a.json", b"1"), ("A.json", b"2")), target, "no plain name")


@pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
def test_an_encrypted_member_is_refused(tmp_path: Path, target: Path, flag: int) -> None:
    archive = zip_of(tmp_path / "bad.zip", ("a.json", b"secret"))
    refused(patched(archive, 8, struct.pack("<H", flag)), target, "encrypted|strong|damaged")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_stored_and_deflated_members_are_read(tmp_path: Path, target: Path, method: int) -> None:
    archive = zip_of(tmp_path / "bad.zip", (member(compress_type=method), b"x" * 100))
    refused(archive, target, f"method {method}")
    archive = patched(zip_of(tmp_path / "new.zip", ("a.json", b"x" * 100)), 10, struct.pack("<H", 93))
    refused(archive, target, "method 93")


def test_too_many_members_are_refused(tmp_path: Path, target: Path) -> None:
    many = [(f"m{number}.json", b"") for number in range(1001)]
    refused(zip_of(tmp_path / "many.zip", *many), target, "1,001 members")
    unpack(zip_of(tmp_path / "enough.zip", *many[1:]), target)
    assert len(list(target.iterdir())) == 1000


def test_an_endless_list_of_members_is_not_even_read(tmp_path: Path, target: Path) -> None:
    archive = tmp_path / "list.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("a.json", b"")
    data = archive.read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entries = data[start:end] * 40_000
    tail = bytearray(data[end:])
    tail[12:16] = struct.pack("<I", len(entries))
    archive.write_bytes(data[:start] + entries + tail)
    refused(archive, target, "list of members is too long")


def test_declared_bytes_are_limited(tmp_path: Path, target: Path) -> None:
    archive = zip_of(tmp_path / "big.zip", ("a.json", b"1" * 600), ("b.json", b"2" * 600))
    refused(archive, target, "more than 1,000 bytes", max_bytes=1000)
    unpack(archive, target, max_bytes=1200)


def test_a_bomb_is_refused_by_the_default_limit(tmp_path: Path, target: Path) -> None:
    archive = zip_of(tmp_path / "bomb.zip", ("a.json", b"x"))
    refused(patched(archive, 24, struct.pack("<I", 0xFFFFFFF0)), target, "more than 2,147,483,648 bytes")


@pytest.mark.parametrize("forged_crc", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("declared", [0, 10, 1_000_001, 5_000_000])
def test_a_header_that_lies_about_the_size_is_refused(
    tmp_path: Path, target: Path, declared: int, method: int, forged_crc: bool
) -> None:
    content = b"\0" * 1_000_000
    archive = zip_of(tmp_path / "liar.zip", ("good.md", b"good"), (member(compress_type=method), content))
    data = bytearray(archive.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", declared)
    if forged_crc:  # of what a reader gets that stops where it is told to
        data[entry + 16 : entry + 20] = struct.pack("<I", zlib.crc32(content[:declared]))
    archive.write_bytes(data)
    refused(archive, target, "damaged", max_bytes=10_000_000)


def test_a_wrong_checksum_is_refused_and_nothing_stays(tmp_path: Path, target: Path) -> None:
    archive = packed(tmp_path)
    data = bytearray(archive.read_bytes())
    at = data.index(bytes(range(256)) * 2)
    data[at] ^= 1
    archive.write_bytes(data)
    refused(archive, target, "CRC")


def test_every_truncation_is_refused(tmp_path: Path, target: Path) -> None:
    whole = packed(tmp_path).read_bytes()
    cut = tmp_path / "cut.zip"
    for length in [*range(0, len(whole), 997), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        refused(cut, target, "damaged or no zip")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b" + b"\0" * 100])
def test_what_is_no_zip_is_refused(tmp_path: Path, target: Path, content: bytes) -> None:
    archive = tmp_path / "no.zip"
    archive.write_bytes(content)
    refused(archive, target, "damaged or no zip")


def test_a_missing_archive_and_a_folder_are_refused(tmp_path: Path, target: Path) -> None:
    with pytest.raises(NotFoundError, match="no file"):
        unpack(tmp_path / "missing.zip", target)
    refused(tmp_path, target, "cannot be read")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, target: Path) -> None:
    (target / "mine.txt").write_text("mine")
    archive = packed(tmp_path)
    for folder in (target, tmp_path / "missing", archive):
        with pytest.raises(UserError, match="not an empty folder"):
            unpack(archive, folder)
    assert (target / "mine.txt").read_text() == "mine"


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_ends_in_a_refusal_or_in_members(tmp_path: Path, target: Path, data: st.DataObject) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("manifest.json", b'{"format": 1}' * 20)
        bundle.writestr("card.md", b"# Card")
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive = tmp_path / "any.zip"
    archive.write_bytes(content)
    try:
        unpack(archive, target)
    except FitserveError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both ends are fine
        assert list(target.iterdir()) == []
    for path in target.iterdir():
        assert MEMBER_NAME.match(path.name)
        path.unlink()


def test_a_full_disk_leaves_nothing(tmp_path: Path, target: Path, mounted: Callable[[Path, str], None]) -> None:
    archive = packed(tmp_path)
    mounted(target, "8k")
    with pytest.raises(UserError, match="No space left on device"):
        unpack(archive, target)
    assert list(target.iterdir()) == []
    with pytest.raises(UserError, match="No space left on device"):
        pack(tmp_path / "bundle", target / "bundle.zip")
    assert list(target.iterdir()) == []


@pytest.fixture
def mounted(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Mount a file system of a given size on a folder, until the test ends."""

    def mount(folder: Path, size: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
        request.addfinalizer(lambda: subprocess.run(["umount", str(folder)], check=True))

    return mount


def test_unpacking_needs_nothing_heavy() -> None:
    heavy = "{'sqlalchemy', 'alembic', 'onnxruntime'}"
    code = f"import sys, fitserve.bundle.archive; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
