"""A bundle folder as one zip, and back; an archive from anywhere is taken for hostile."""

from __future__ import annotations

import io
import os
import re
import secrets
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fitserve.errors import BundleError, NotFoundError, UserError

MEMBER_NAME = re.compile(r"^(?!.*\.\.)[a-z0-9][a-z0-9._-]*\.(json|onnx|npy|md)\Z")
"""What a member of a bundle may be called: a flat, lower-case name of a known kind."""

_MAX_MEMBERS = 1_000
_MAX_DIRECTORY = 1 << 20  # bytes; 1,000 members of ours need about a tenth
_CHUNK = 1 << 18
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can say
_PACKED = (".json", ".md")  # graphs and arrays hardly shrink and should open fast
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DOS_SPECIAL = 0x08 | 0x10 | 0x400  # volume label, directory, reparse point
# All that zipfile raises for damaged and forged archives; it documents only the first.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def pack(folder: Path, archive: Path) -> None:
    """Write the bundle in ``folder`` as one zip: the same bytes for the same members.

    An existing ``archive`` is replaced in one step, and only by a whole one.

    Raises:
        BundleError: the folder holds something that is no member of a bundle.
        UserError: the folder cannot be read or the archive cannot be written.

    """
    beside = archive.with_name(f".fitserve-{secrets.token_hex(8)}.part")
    try:
        members = _members(folder)
        with beside.open("xb") as stream:
            with zipfile.ZipFile(stream, "w") as bundle:
                for member in members:
                    _add(bundle, member)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(archive)
        _sync_folder(archive.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{folder} cannot be packed into {archive}: {reason}; choose another place") from error
    finally:
        with suppress(OSError):  # the first error is the one to tell
            beside.unlink(missing_ok=True)


def unpack(archive: Path, folder: Path, *, max_bytes: int = 2 << 30) -> None:
    """Extract ``archive`` into ``folder``, which exists and is empty.

    Every member is checked before the first is written; whatever goes wrong, the folder is empty again.
    ``max_bytes`` limits the sum of the extracted sizes.

    Raises:
        BundleError: the archive is damaged, unsafe, too large, or no archive of a bundle.
        NotFoundError: there is no such file.
        UserError: the folder is not an empty one, or cannot be written.

    """
    if not folder.is_dir() or any(folder.iterdir()):
        raise UserError(f"{folder} is not an empty folder: name one")
    try:
        with _opened(archive) as bundle:
            members = bundle.infolist()
            _check_all(archive, members, max_bytes)
            for member in members:
                _extract(archive, bundle, member, folder / member.orig_filename)
    except BaseException:
        for entry in folder.iterdir():
            entry.unlink()
        raise


def _members(folder: Path) -> list[Path]:
    """Members of the bundle in ``folder``, in the order of the archive."""
    members = sorted(folder.iterdir())
    for member in members:
        if not MEMBER_NAME.match(member.name) or member.is_symlink() or not member.is_file():
            raise BundleError(f"{folder} holds {member.name!r}, which is no member of a bundle: remove it")
    return members


def _add(bundle: zipfile.ZipFile, member: Path) -> None:
    info = zipfile.ZipInfo(member.name, _EPOCH)
    info.create_system = 3  # Unix, wherever it is packed: the bytes must not tell the machine
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.compress_type = zipfile.ZIP_DEFLATED if member.suffix in _PACKED else zipfile.ZIP_STORED
    info.file_size = member.stat().st_size  # lets zipfile choose the 64-bit header where it is needed
    with member.open("rb") as source, bundle.open(info, "w") as target:
        shutil.copyfileobj(source, target, _CHUNK)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _ShortReads(io.BufferedReader):
    """A file that refuses giant reads.

    zipfile reads the list of members at once and makes an object of each entry: a forged list of millions
    would cost gigabytes before anyone could count it.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MAX_DIRECTORY:
            raise zipfile.BadZipFile("its list of members is too long")
        return super().read(size)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive for reading; the block may raise what it likes."""
    try:
        stream = _ShortReads(io.FileIO(archive))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {archive}: name the archive of a bundle") from error
    except OSError as error:
        raise BundleError(f"{archive} cannot be read: {error.strerror}; name the archive of a bundle") from error
    with stream:
        with _reading(archive):
            bundle = zipfile.ZipFile(stream)
        with bundle:
            yield bundle


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """Turn whatever reading a bad archive raises into one line."""
    try:
        yield
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise _refusal(archive, f"is damaged or no zip archive ({reason})") from error
    except OSError as error:  # a seek to a forged offset, or the medium
        raise _refusal(archive, f"cannot be read ({error.strerror or error})") from error


def _refusal(archive: Path, wrong: str) -> BundleError:
    return BundleError(f"{archive} {wrong}: fetch it again, or export it again where the model was trained")


def _check_all(archive: Path, members: list[zipfile.ZipInfo], max_bytes: int) -> None:
    """Refuse the archive if any member is unsafe, or all together are too much."""
    if len(members) > _MAX_MEMBERS:
        raise _refusal(archive, f"has {len(members):,} members, more than the {_MAX_MEMBERS:,} allowed")
    seen: set[str] = set()
    for member in members:
        wrong = _problem_with(member)
        # A file system that ignores case would write the second member over the first.
        if wrong is None and member.orig_filename.casefold() in seen:
            wrong = "is there twice"
        if wrong is not None:
            raise _refusal(archive, f"is unsafe, its member {member.orig_filename[:80]!r} {wrong}")
        seen.add(member.orig_filename.casefold())
    if sum(member.file_size for member in members) > max_bytes:
        raise _too_large(archive, max_bytes)


def _problem_with(member: zipfile.ZipInfo) -> str | None:
    """What is wrong with a member, as its directory entry declares it."""
    # Always orig_filename: filename is cut at a NUL, or comes from an extra field that may say anything.
    if not MEMBER_NAME.match(member.orig_filename):
        return "has no plain name like 'manifest.json'"
    if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG} or member.external_attr & _DOS_SPECIAL:
        return "is a link or another special file"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return f"is compressed by method {member.compress_type}, neither stored nor deflated"
    return None


def _too_large(archive: Path, max_bytes: int) -> BundleError:
    return BundleError(f"{archive} unpacks to more than {max_bytes:,} bytes, which no bundle does: do not use it")


def _extract(archive: Path, bundle: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    try:
        with target.open("xb") as stream:
            for chunk in _content(archive, bundle, member):
                stream.write(chunk)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{target} cannot be written: {reason}; free some space or choose another place") from error


def _content(archive: Path, bundle: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Chunks of a member: exactly as many bytes as it declares, or a refusal."""
    declared = member.file_size
    # zipfile stops in silence at the size that the entry declares; one byte more shows who lies.
    member.file_size = declared + 1
    read = 0
    with _reading(archive), bundle.open(member) as source:
        while read <= declared and (chunk := source.read(_CHUNK)):
            read += len(chunk)
            if read <= declared:
                yield chunk
    if read != declared:
        raise _refusal(archive, f"is damaged or forged, its member {member.orig_filename!r} is not as long as it says")


def model_name(path: Path) -> str:
    """The model's name in an archive's: export calls version 2 of "credit" ``credit-2.zip``."""
    plain = re.sub("[\ud800-\udfff]", "_", path.name.split(".")[0])  # bytes that are no UTF-8
    return re.sub(r"-[0-9]+\Z", "", plain.lower())
