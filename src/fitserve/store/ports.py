"""The four ports of a workspace: records, bundles, datasets and the snapshot. Nothing else knows where anything lies.

The records are rows in SQL (`Records`), the lock of their only writer (`Lock`) and the documents beside them
(`Documents`). Whatever fails in a port is a WorkspaceError of one line. Several threads and processes may use a port at
once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Records(Protocol):
    """The tables of `fitserve.store.tables`, created or migrated. What they are asked stands there, for every database.

    The block of ``reading`` sees one state. That of ``writing`` is one transaction: all of it, or nothing if it fails.
    """

    @property
    def read_only(self) -> bool:
        """Whether the workspace can be read only."""
        ...

    def reading(self) -> AbstractContextManager[Connection]: ...

    def writing(self) -> AbstractContextManager[Connection]: ...


class Lock(Protocol):
    """Makes the block of ``held`` the only writer of the workspace, among threads and processes; not to be nested."""

    def held(self) -> AbstractContextManager[None]: ...


class Documents(Protocol):
    """Small contents by name, such as ``runs/r1.json``: plans of runs, hashes of rows. They are read without SQL.

    ``write`` replaces a document as a whole, and is called by the only writer; nobody but the owner may read a
    ``private`` one. ``read`` gives None where there is none. ``remove`` may find nothing. A name is ``runs/`` or
    ``seen/`` and a word; ``write`` raises ValueError for another one.
    """

    def write(self, name: str, content: bytes, *, private: bool = False) -> None: ...

    def read(self, name: str) -> bytes | None: ...

    def remove(self, name: str) -> None: ...


class BundleStore(Protocol):
    """Bundles by their identity, the SHA-256 of the manifest: there as a whole or not at all, and never changed.

    ``put`` takes over a finished folder in `Workspace.staging`; a bundle that is there already stays. ``fetch`` gives a
    local folder to load, whose name is the identity; it raises BundleError where the bundle is not there. ``remove``
    may find nothing.
    """

    def put(self, folder: Path, sha256: str) -> None: ...

    def fetch(self, sha256: str) -> Path: ...

    def remove(self, sha256: str) -> None: ...


class DatasetStore(Protocol):
    """Parquet files by the hash of their table: there as a whole or not at all.

    ``put`` takes over a finished file in `Workspace.staging`, in place of one that is there already. ``fetch`` gives a
    local file; it raises NotFoundError where there is none. ``remove`` may find nothing.
    """

    def put(self, file: Path, sha256: str) -> None: ...

    def fetch(self, sha256: str) -> Path: ...

    def remove(self, sha256: str) -> None: ...


class SnapshotStore(Protocol):
    """The last known good, which servers read without SQL: see `fitserve.store.snapshot`.

    The block of ``publishing``, of the only writer, is given a function that takes the new content and fails at once if
    there is no room for it. What is read changes at the end of the block, and not if the block fails. ``read`` gives
    None where nothing was published yet.
    """

    def publishing(self) -> AbstractContextManager[Callable[[bytes], None]]: ...

    def read(self) -> bytes | None: ...


@dataclass(frozen=True)
class Ports:
    """The ports that need no SQL; ``path`` is the local folder of the workspace, for unfinished work."""

    path: Path
    bundles: BundleStore
    datasets: DatasetStore
    documents: Documents
    snapshot: SnapshotStore
