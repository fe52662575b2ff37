"""The records in SQLite: one file in the folder of the workspace, and what its failures mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from fitserve.errors import WorkspaceError
from fitserve.store import folder
from fitserve.store.ports import Lock
from fitserve.store.tables import DamagedError, create_or_migrate, is_current, is_empty

DATABASE = "workspace.sqlite"

_DAMAGED = "has a damaged database: restore workspace.sqlite from a backup, or name another folder"


class SqliteRecords:
    """The records in the file ``workspace.sqlite`` of a folder. It holds nothing open."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """Use `open`, which makes sure of the tables."""
        self._path = path
        self._file = path / DATABASE
        self._read_only = read_only
        self._engine = open_engine(self._file, "ro" if read_only else "rw")

    @classmethod
    def open(cls, path: Path, lock: Lock, *, create: bool) -> SqliteRecords:
        """The records in the folder ``path``, made or migrated; where there are none, they are made if ``create``.

        Raises:
            WorkspaceError: there are none, or they are damaged, or made by a newer fitserve, or it is no folder.

        """
        with folder.explained(path):
            if not create and not (path / DATABASE).exists():
                raise WorkspaceError(f"{path} holds no workspace: train a model, or set FITSERVE_WORKSPACE")
            path.mkdir(parents=True, exist_ok=True)
            records = cls(path, read_only=not folder.is_writable(path, DATABASE))
            records._prepare(lock)
        return records

    @property
    def read_only(self) -> bool:
        """Whether folder or file cannot be written."""
        return self._read_only

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state, however many questions it asks."""
        with explained(self._path), reading(self._engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that nobody else can write beside, from its first statement on."""
        with explained(self._path), writing(self._engine) as connection:
            yield connection

    def _prepare(self, lock: Lock) -> None:
        if self._file.exists():
            with self.reading() as connection:
                if self._is_current(connection):
                    return
        if self._read_only:
            what = "is read-only and holds no workspace of this version"
            raise WorkspaceError(f"{self._path} {what}: open it once where it is writable")
        with lock.held(), explained(self._path), writing(open_engine(self._file, "rwc")) as connection:
            if not self._is_current(connection):  # another process may have been first
                create_or_migrate(connection)

    def _is_current(self, connection: Connection) -> bool:
        if is_current(connection, self._path):
            return True
        if is_empty(connection) and any(self._path.glob("bundles/*")):
            # An empty database is made anew; here that would lose whatever the backup of the user still has.
            raise WorkspaceError(f"{self._path} has bundles but lost its database: restore {DATABASE} from a backup")
        return False


def open_engine(file: Path, mode: str) -> Engine:
    """An engine on the database ``file``; ``mode`` is SQLite's: ro, rw or rwc.

    Nothing is pooled: a connection is a file handle here, and none may outlive its use or cross a fork.
    """

    def connect() -> sqlite3.Connection:
        uri = f"{file.as_uri()}?mode={mode}"
        # isolation_level None: transactions begin where we say, not where the driver guesses.
        connection = sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state."""
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction of the only writer."""
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the database raises into one line about the workspace at ``path``.

    Raises:
        WorkspaceError: whatever went wrong, and what to do.

    """
    try:
        yield
    except DBAPIError as error:
        raise WorkspaceError(f"{path} {_meaning(error.orig)}") from error
    except (DamagedError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path} {_DAMAGED}") from error


def _meaning(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_READONLY_ROLLBACK:
        return "is read-only and holds an unfinished change: open it once where it is writable"
    known = {
        sqlite3.SQLITE_FULL: folder.FULL,
        sqlite3.SQLITE_READONLY: folder.READ_ONLY,
        sqlite3.SQLITE_CORRUPT: _DAMAGED,
        sqlite3.SQLITE_NOTADB: _DAMAGED,
        sqlite3.SQLITE_BUSY: "is kept busy by another program: try again when it has finished",
        sqlite3.SQLITE_CANTOPEN: "has a database that cannot be opened: check who may read workspace.sqlite",
    }
    reason = " ".join(str(error).split())[:120]  # it may quote what was found in a damaged row
    # The low byte is the kind, the rest its details.
    return known.get(code & 0xFF, f"has a database that cannot be used ({reason}): restore it from a backup")
