"""Where a workspace is, and which implementations its ports have: the only place that chooses them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fitserve.errors import NotFoundError, WorkspaceError
from fitserve.store.folder import FolderLock, folder_ports
from fitserve.store.ports import Lock, Ports, Records
from fitserve.store.snapshot import Snapshot, decode


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


def open_ports(location: str | Path | None = None) -> Ports:
    """The ports that need no SQL, of a workspace that is there or not.

    Raises:
        WorkspaceError: the location is a URL or no path.

    """
    return folder_ports(find(location))


def open_records(ports: Ports, *, create: bool) -> tuple[Records, Lock]:
    """The records of a workspace, made or migrated, and the lock of their only writer.

    Raises:
        WorkspaceError: there are none and ``create`` is false, or they cannot be used.

    """
    from fitserve.store.sqlite import SqliteRecords  # lazy: it imports SQLAlchemy

    lock = FolderLock(ports.path)
    return SqliteRecords.open(ports.path, lock, create=create), lock


def published(location: str | Path | None = None) -> Snapshot:
    """The snapshot of a workspace, as the last change left it; read without SQL.

    Raises:
        NotFoundError: there is no workspace yet.
        WorkspaceError: the snapshot is damaged, or from a newer fitserve.

    """
    ports = open_ports(location)
    content = ports.snapshot.read()
    if content is None:
        raise NotFoundError(f"there is no workspace at {ports.path}; train a model first, or name another --workspace")
    return decode(content, ports)
