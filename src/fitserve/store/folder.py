"""The ports in one folder on a disk, its lock, and file operations that a crash or a full disk leaves whole.

Layout: ``bundles/<sha256>/``; ``datasets/<sha256>.parquet``; ``runs/<id>.json`` and ``seen/``, the documents;
``serving.json``, the snapshot; ``staging/<pid>-<random>/``, unfinished work; ``.lock``. Standard library only.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from fitserve.errors import BundleError, NotFoundError, WorkspaceError
from fitserve.store.ports import Ports
from fitserve.store.snapshot import checked

FULL = "is on a full disk: free some space and try again; what was unfinished is undone"
READ_ONLY = "is read-only: make it writable or name another folder"

_SNAPSHOT = "serving.json"
_LOCK = ".lock"
_FOLDERS = ("bundles", "datasets", "runs", "seen", "staging")
_DOCUMENTS = ("runs", "seen")


def folder_ports(path: Path) -> Ports:
    """The ports of the workspace in the folder ``path``; nothing is opened yet."""
    return Ports(path, FolderBundles(path), FolderDatasets(path), FolderDocuments(path), FolderSnapshot(path))


def lay_out(path: Path) -> None:
    """Make the folders that are missing, and remove what dead processes have left unfinished."""
    with explained(path):
        for name in _FOLDERS:
            (path / name).mkdir(exist_ok=True)
        remove_stale(path / "staging")


def is_writable(path: Path, *files: str) -> bool:
    """Whether this process may write the folder, and those of its ``files`` that exist."""
    present = (file for name in files if (file := path / name).exists())
    return os.access(path, os.W_OK | os.X_OK) and all(os.access(file, os.W_OK) for file in present)


# --- the ports ---


class FolderLock:
    """A lock on a file of the folder, which ends with its process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only writer until the block ends."""
        with explained(self._path), locked(self._path):
            yield


class FolderDocuments:
    """One file for each document."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, name: str, content: bytes, *, private: bool = False) -> None:
        """Replace the file of a document."""
        file = self._file(name)
        with explained(self._path):
            file.parent.mkdir(exist_ok=True)
            with replacing(file, 0o600 if private else 0o666) as write:
                write(content)

    def read(self, name: str) -> bytes | None:
        """The content of a document; None where there is none."""
        with explained(self._path), suppress(FileNotFoundError, ValueError):
            return self._file(name).read_bytes()
        return None

    def remove(self, name: str) -> None:
        """Remove a document, if it is there."""
        with explained(self._path), suppress(ValueError):
            self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        kind, _, word = name.partition("/")
        if kind not in _DOCUMENTS or not word or word.startswith(".") or not set("/\0").isdisjoint(word):
            raise ValueError(f"{name!r} names no document")
        return self._path / name


class FolderBundles:
    """One folder for each bundle, renamed into its place."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, folder: Path, sha256: str) -> None:
        """Rename a sealed folder, unless the bundle is there already."""
        with explained(self._path):
            place(folder, self._folder(sha256))

    def fetch(self, sha256: str) -> Path:
        """The folder itself: it is local."""
        with explained(self._path), suppress(ValueError):
            folder = self._folder(sha256)
            if folder.is_dir():
                return folder
        gone = self._path / "bundles" / sha256[:64]
        raise BundleError(f"the bundle {gone} is gone; restore it from a backup, or train or import the model again")

    def remove(self, sha256: str) -> None:
        """Rename the folder, for nobody may ever find half a bundle; then remove it."""
        with explained(self._path), suppress(ValueError):
            folder = self._folder(sha256)
            if folder.is_dir():
                shutil.rmtree(move_to_trash(folder), ignore_errors=True)

    def _folder(self, sha256: str) -> Path:
        return self._path / "bundles" / checked(sha256)


class FolderDatasets:
    """One file for each dataset, renamed into its place."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, file: Path, sha256: str) -> None:
        """Rename a file that is on the medium."""
        with explained(self._path):
            publish(file, self._file(sha256))

    def fetch(self, sha256: str) -> Path:
        """The file itself: it is local."""
        with explained(self._path), suppress(ValueError):
            file = self._file(sha256)
            if file.is_file():
                return file
        lost = self._path / "datasets" / f"{sha256[:64]}.parquet"
        raise NotFoundError(f"{lost} is lost: restore it from a backup")

    def remove(self, sha256: str) -> None:
        """Remove the file, if it is there."""
        with explained(self._path), suppress(ValueError):
            self._file(sha256).unlink(missing_ok=True)

    def _file(self, sha256: str) -> Path:
        return self._path / "datasets" / f"{checked(sha256)}.parquet"


class FolderSnapshot:
    """One file, replaced in one step."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def publishing(self) -> Iterator[Callable[[bytes], None]]:
        """Write the new file beside the old one; rename it at the end of the block."""
        with explained(self._path), replacing(self._path / _SNAPSHOT) as write:
            yield write

    def read(self) -> bytes | None:
        """The content of the file; None where there is none."""
        file = self._path / _SNAPSHOT
        try:
            return file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            reason = error.strerror or str(error)
            raise WorkspaceError(f"{file} cannot be read: {reason}; name the folder of a workspace") from error


# --- unfinished work ---


@contextmanager
def staging(path: Path) -> Iterator[Path]:
    """A fresh folder for unfinished work, removed afterwards unless it was renamed."""
    with explained(path):
        folder = path / "staging" / _own_name()
        folder.mkdir()
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Says "in use" to processes in other containers, to which our pid means nothing.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    except OSError as error:
        if not is_full(error):  # anything else is the caller's own affair
            raise
        with explained(path):
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def is_staged(path: Path, folder: Path) -> bool:
    """Whether a folder lies among the unfinished work of the workspace at ``path``."""
    return path.resolve() / "staging" in folder.resolve().parents


def remove_stale(path: Path) -> None:
    """Remove the folders below ``path`` whose makers are dead."""
    for folder in path.iterdir():
        pid, _, rest = folder.name.partition("-")
        if rest and pid.isdecimal() and not _is_alive(int(pid)) and not _is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)


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


def _own_name() -> str:
    return f"{os.getpid()}-{os.urandom(8).hex()}"


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


# --- files ---


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only writer, among threads and processes, until the block ends; not to be nested."""
    with (path / _LOCK).open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


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
def replacing(path: Path, mode: int = 0o666) -> Iterator[Callable[[bytes], None]]:
    """Replace a file in two steps; the caller holds the lock.

    The block is given a function that puts the new content on the medium, beside the file: there a full disk
    shows. The end of the block makes it the file; an error in the block forgets it.
    """
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)  # of a writer that was killed
    try:
        yield partial(write_durably, beside, mode)
        if beside.exists():
            publish(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_durably(path: Path, mode: int, data: bytes) -> None:
    """Write a file, made with this mode, and have it on the medium."""
    path.touch(mode)
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


# --- errors ---


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system raises into one line about the workspace at ``path``.

    Raises:
        WorkspaceError: whatever went wrong, and what to do.

    """
    try:
        yield
    except OSError as error:
        raise WorkspaceError(f"{path} {_meaning(error)}") from error


def is_full(error: OSError) -> bool:
    """Whether it is space that is missing."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def _meaning(error: OSError) -> str:
    if is_full(error):
        return FULL
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return READ_ONLY
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return "is a file, or lies below one: name a folder"
    return f"cannot be used ({error.strerror or error}): check the folder or name another"
