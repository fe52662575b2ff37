"""The last known good of a workspace, one JSON file that tells a server what to serve; and file operations.

Standard library only: the server reads it without SQL, so that a database that is down, locked or damaged
does not stand in its way.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fitserve.errors import BundleError, WorkspaceError
from fitserve.store.records import no_model, pick_version

FILE = "serving.json"
FORMAT = 1

_LOCK = ".lock"
_SHA256 = re.compile(r"^[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What answers under one name."""

    aliases: Mapping[str, int]
    versions: Mapping[int, str]  # number -> SHA-256 of the manifest


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of the workspace, as of ``revision``; ``keys`` are the SHA-256 of the API keys."""

    workspace: Path
    revision: int
    models: Mapping[str, ServedModel]
    keys: Collection[str]

    def bundle(self, name: str, version: int | str | None = None) -> tuple[int, Path]:
        """Number and folder of a version: a number, digits, an alias, or None for the champion.

        Raises:
            NotFoundError: there is no such model or version; the nearest names are offered.

        """
        model = self.models.get(name)
        if model is None:
            raise no_model(name, self.models)
        number = pick_version(name, model.aliases, model.versions, version)
        return number, bundle_folder(self.workspace, model.versions[number])


def find(location: str | Path | None = None) -> Path:
    """The folder of the workspace: ``location``, else $FITSERVE_WORKSPACE, else ~/.fitserve; maybe not there.

    Raises:
        WorkspaceError: the location is a URL or no path.

    """
    given = str(location or os.environ.get("FITSERVE_WORKSPACE") or "~/.fitserve")
    if scheme := re.match(r"[A-Za-z][A-Za-z0-9+.-]+(?=:/)", given):  # the rest may hold a password
        raise WorkspaceError(f"a workspace at {scheme[0]}:// is not supported in this version, only folders: name one")
    try:
        if b"\0" in os.fsencode(given):
            raise ValueError("it holds a NUL")  # noqa: TRY301 - said like the other reasons
        return Path(given).expanduser().absolute()
    except (OSError, RuntimeError, ValueError) as error:
        raise WorkspaceError(f"{given!r} is no path of a workspace ({error}): give the whole path") from error


def is_writable(workspace: Path, *files: str) -> bool:
    """Whether this process may write the folder, and those of its ``files`` that exist."""
    present = (file for name in files if (file := workspace / name).exists())
    return os.access(workspace, os.W_OK | os.X_OK) and all(os.access(file, os.W_OK) for file in present)


def read(path: Path) -> Snapshot:
    """Read the snapshot of the workspace at ``path``: its folder, or the file itself.

    Raises:
        WorkspaceError: there is none, it is damaged, or from a newer fitserve.

    """
    file = path / FILE if path.is_dir() else path
    try:
        document = json.loads(file.read_bytes())
        if document["format"] != FORMAT:
            raise WorkspaceError(f"{file} has format {document['format']!r}: made by a newer fitserve, upgrade")
        return Snapshot(
            workspace=file.absolute().parent,
            revision=int(document["revision"]),
            models={name: _served(model) for name, model in document["models"].items()},
            keys=frozenset(map(_checked, document["keys"])),
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorkspaceError(f"{file} cannot be read: {reason}; name the folder of a workspace") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkspaceError(f"{file} is damaged: any fitserve command on this workspace writes it anew") from error


def encode(revision: int, models: Mapping[str, ServedModel], keys: Collection[str]) -> bytes:
    """The bytes of the file for a state: the same state always gives the same bytes."""
    served = {
        name: {
            "aliases": dict(sorted(model.aliases.items())),
            "versions": {str(number): model.versions[number] for number in sorted(model.versions)},
        }
        for name, model in sorted(models.items())
    }
    document = {"format": FORMAT, "revision": revision, "models": served, "keys": sorted(keys)}
    return json.dumps(document, indent=1).encode() + b"\n"


def bundle_folder(workspace: Path, sha256: str) -> Path:
    """Where the bundle with this identity lies.

    Raises:
        ValueError: it is no SHA-256, and might lead anywhere.

    """
    return workspace / "bundles" / _checked(sha256)


@contextmanager
def locked(workspace: Path) -> Iterator[None]:
    """Be the only writer, among threads and processes, until the block ends; not to be nested."""
    with (workspace / _LOCK).open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def rewriting(workspace: Path) -> Iterator[Callable[[bytes], None]]:
    """Be the only writer and, if the function given to the block is called, end with a new snapshot."""
    with locked(workspace), replacing(workspace / FILE) as write:
        yield write


@contextmanager
def fresh_folder(staging: Path) -> Iterator[Path]:
    """A new folder below ``staging``, removed afterwards unless it was renamed."""
    folder = staging / _own_name()
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Says "in use" to processes in other containers, to which our pid means nothing.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_stale(staging: Path) -> None:
    """Remove the folders below ``staging`` whose makers are dead."""
    for folder in staging.iterdir():
        pid, _, rest = folder.name.partition("-")
        if rest and pid.isdecimal() and not _is_alive(int(pid)) and not _is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _own_name() -> str:
    return f"{os.getpid()}-{secrets.token_hex(8)}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _is_held(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    except OSError:
        return True
    return False


def seal(folder: Path) -> str:
    """Have a finished bundle on the medium; answers its identity, the SHA-256 of its manifest.

    Raises:
        BundleError: the folder is no bundle.

    """
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise BundleError(f"{folder} holds no manifest.json: write the whole bundle first")
    for member in folder.iterdir():
        if member.is_symlink() or not member.is_file():
            raise BundleError(f"{member} is no plain file: a bundle holds nothing else")
        sync(member)
    sync(folder)
    return hashlib.sha256(manifest.read_bytes()).hexdigest()


def place(folder: Path, target: Path) -> None:
    """Rename a sealed bundle to ``target`` unless it is there already; the caller holds the lock."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise
    sync(target.parent)


def move_to_trash(bundle: Path) -> Path:
    """Rename a bundle into the staging folder, where it counts as unfinished work of this process."""
    trash = bundle.parent.parent / "staging" / _own_name()
    bundle.rename(trash)
    sync(bundle.parent)
    return trash


@contextmanager
def replacing(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Replace a file in two steps; the caller holds the lock.

    The block is given a function that puts the new content on the medium, beside the file: there a full disk
    shows. The end of the block makes it the file; an error in the block forgets it.
    """
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)  # of a writer that was killed
    try:
        yield partial(write_durably, beside)
        if beside.exists():
            publish(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file and have it on the medium."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def publish(beside: Path, path: Path) -> None:
    """Rename ``beside`` to ``path`` for good."""
    beside.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the medium before anything that follows."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _served(model: Any) -> ServedModel:
    return ServedModel(
        aliases={alias: int(number) for alias, number in model["aliases"].items()},
        versions={int(number): _checked(sha256) for number, sha256 in model["versions"].items()},
    )


def _checked(sha256: str) -> str:
    if not _SHA256.match(sha256):
        raise ValueError(f"{sha256!r} is no SHA-256")
    return sha256
