"""The workspace: every model, version, run and key, behind four ports (see `ports`).

Every change takes the lock first and the records second, puts bundles and documents in their place before it commits,
and publishes the snapshot after: killed at any moment, it leaves at worst a bundle that nobody refers to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, insert, select

from fitserve.errors import BundleError, NotFoundError, SpecError, UserError, WorkspaceError
from fitserve.store import folder as files
from fitserve.store.keys import check_label, find_key, hash_key, key_prefix, make_key
from fitserve.store.opening import open_ports, open_records
from fitserve.store.ports import Lock, Ports, Records
from fitserve.store.records import (
    CHAMPION,
    KeyRecord,
    ModelRecord,
    RunRecord,
    VersionDetails,
    VersionRecord,
    check_alias,
    check_model_name,
    now,
    pick_version,
)
from fitserve.store.runs import forget_plan, put_run, run_record, run_records
from fitserve.store.seen import forget_seen, make_seen_key, write_seen
from fitserve.store.tables import (
    ALIASES,
    KEYS,
    VERSIONS,
    add_version,
    aliases_of,
    columns,
    key_records,
    model_records,
    next_revision,
    point,
    snapshot_of,
    versions_of,
)


class Workspace:
    """A workspace on disk. It holds nothing open: any number of threads and processes may share the folder.

    Every method raises WorkspaceError when a port fails, and every changing one when the workspace is read-only; the
    docstrings name the errors beyond that.
    """

    def __init__(self, ports: Ports, records: Records, lock: Lock) -> None:
        """Use `open`, which makes sure that there is a workspace."""
        self.ports = ports
        self._records = records
        self._lock = lock

    @classmethod
    def open(cls, location: str | Path | None = None, *, create: bool = True) -> Workspace:
        """Open the workspace in the folder ``location``, else in $FITSERVE_WORKSPACE, else in ~/.fitserve.

        Where there is none, it is created unless ``create`` is false. One that cannot be written can be read.

        Raises:
            WorkspaceError: there is none, or it is damaged, or made by a newer fitserve, or no folder.

        """
        ports = open_ports(location)
        workspace = cls(ports, *open_records(ports, create=create))
        if not workspace.read_only:
            files.lay_out(ports.path)
            workspace._publish_if_it_differs()
        return workspace

    @property
    def path(self) -> Path:
        """The local folder."""
        return self.ports.path

    @property
    def read_only(self) -> bool:
        """Whether it can be read only."""
        return self._records.read_only

    def seen_key(self) -> bytes:
        """The secret by which rows are hashed, made when it is first asked for."""
        self._refuse_if_read_only()
        with self._lock.held():
            return make_seen_key(self.ports.documents)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A fresh folder for unfinished work, removed afterwards unless `register` took it."""
        self._refuse_if_read_only()
        with files.staging(self.path) as folder:
            yield folder

    def register(
        self,
        name: str,
        folder: Path,
        details: VersionDetails,
        promote: bool | None = None,
        run: RunRecord | None = None,
        seen: NDArray[np.uint64] | None = None,
    ) -> VersionRecord:
        """Make the finished bundle in ``folder``, which lies in `staging`, the next version of ``name``.

        The first version of a name becomes its champion; a later one only if ``promote`` is true. The ``run``
        that made it is saved in the same transaction, as are the hashes of the rows that it has ``seen``.

        Raises:
            SpecError: the name is no slug.
            BundleError: the folder is no bundle.

        """
        check_model_name(name)
        self._refuse_if_read_only()
        with files.explained(self.path):
            if not files.is_staged(self.path, folder):
                raise WorkspaceError(f"{folder} would be moved away: copy the bundle to a staging folder")
            sha256 = files.seal(folder)
        try:
            with self.changing() as connection:
                self.ports.bundles.put(folder, sha256)
                record = add_version(connection, name, sha256, details)
                if promote or CHAMPION not in aliases_of(connection, name):
                    point(connection, name, CHAMPION, record.version)
                if run is not None:
                    put_run(connection, self.ports, run)
                if seen is not None:
                    write_seen(self.ports.documents, sha256, seen)
        except BaseException:
            with suppress(UserError):  # the first error is the one to tell
                self.drop_if_unused(sha256)
            if run is not None:
                self._forget_plan(run)
            raise
        return record

    def models(self) -> list[ModelRecord]:
        """Every model that has a version, by name."""
        with self.reading() as connection:
            return model_records(connection)

    def versions(self, name: str) -> list[VersionRecord]:
        """Every version of a model, oldest first.

        Raises:
            NotFoundError: there is no such model; the nearest names are offered.

        """
        with self.reading() as connection:
            return list(versions_of(connection, name).values())

    def version(self, name: str, version: int | str | None = None) -> VersionRecord:
        """One version of a model: by number, digits or alias; None is the champion.

        Raises:
            NotFoundError: there is no such model or version; the nearest names are offered.

        """
        with self.reading() as connection:
            versions = versions_of(connection, name)
            return versions[pick_version(name, aliases_of(connection, name), versions, version)]

    def fetch(self, record: VersionRecord) -> Path:
        """A local folder with a version's bundle, to be read only.

        Raises:
            WorkspaceError: it is gone.

        """
        try:
            return self.ports.bundles.fetch(record.sha256)
        except BundleError as error:
            raise WorkspaceError(
                f"{self.path} has lost the bundle of {record.model} {record.version}: restore it from a backup, "
                "or delete this version"
            ) from error

    def set_alias(self, name: str, alias: str, version: int | str) -> None:
        """Point an alias to a version; pointing ``champion`` is what promotes.

        Raises:
            SpecError: the alias is no word.
            NotFoundError: there is no such model or version.

        """
        check_alias(alias)
        with self.changing() as connection:
            versions, aliases = versions_of(connection, name), aliases_of(connection, name)
            point(connection, name, alias, pick_version(name, aliases, versions, version))

    def remove_alias(self, name: str, alias: str) -> None:
        """Remove an alias.

        Raises:
            UserError: it is the champion, without which the model would not answer.
            NotFoundError: there is no such model or alias.

        """
        if alias == CHAMPION:
            raise UserError(f"model {name!r} answers by its champion: promote another version instead")
        with self.changing() as connection:
            versions_of(connection, name)
            aliases = aliases_of(connection, name)
            if alias not in aliases:
                raise NotFoundError(f"model {name!r} has no alias {alias[:80]!r}: it has {', '.join(aliases)}")
            connection.execute(delete(ALIASES).where(ALIASES.c.model == name, ALIASES.c.alias == alias))

    def delete(self, name: str, version: int | str | None = None) -> list[VersionRecord]:
        """Delete one version with the aliases that point to it, or the whole model; its numbers stay used.

        Raises:
            UserError: it is the champion, and there are other versions.
            NotFoundError: there is no such model or version.

        """
        with self.changing() as connection:
            found, aliases = versions_of(connection, name), aliases_of(connection, name)
            chosen = VERSIONS.c.model == name
            if version is not None:
                number = pick_version(name, aliases, found, version)
                if len(found) > 1 and number == aliases.get(CHAMPION):
                    raise UserError(f"version {number} is the champion of {name!r}: promote another version first")
                found = {number: found[number]}
                chosen &= VERSIONS.c.version == number
            connection.execute(delete(VERSIONS).where(chosen))
        for sha256 in {record.sha256 for record in found.values()}:
            self.drop_if_unused(sha256)
        return list(found.values())

    def save_run(self, run: RunRecord) -> None:
        """Insert a run, or update the one with its id.

        Raises:
            SpecError: the id cannot name a file.
            ValueError: the plan holds NaN or an infinity, which JSON has not.

        """
        try:
            with self.changing(serving=False) as connection:
                put_run(connection, self.ports, run)
        except BaseException:
            self._forget_plan(run)
            raise

    def run(self, id: str) -> RunRecord:  # noqa: A002 - the field's name
        """One run with its plan.

        Raises:
            NotFoundError: there is no such run.

        """
        with self.reading() as connection:
            return run_record(connection, self.ports, id)

    def runs(self) -> list[RunRecord]:
        """Every run, newest first; a lost or damaged plan is given as {}, and only `run` complains of it."""
        with self.reading() as connection:
            return run_records(connection, self.ports)

    def add_key(self, label: str) -> tuple[KeyRecord, str]:
        """Make an API key; the second value is the key itself, which nobody can show again.

        Raises:
            SpecError: the label is taken, empty, too long, or looks like a key.

        """
        check_label(label)
        key = make_key()
        record = KeyRecord(label, key_prefix(key), hash_key(key), now())
        with self.changing() as connection:
            if connection.scalar(select(func.count()).where(KEYS.c.label == label)):
                raise SpecError(f"there is already a key {label!r}: revoke it first or choose another label")
            connection.execute(insert(KEYS).values(columns(KEYS, record)))
        return record, key

    def keys(self) -> list[KeyRecord]:
        """Every key, oldest first."""
        with self.reading() as connection:
            return key_records(connection)

    def revoke_key(self, prefix_or_label: str) -> KeyRecord:
        """Revoke the key with this label or prefix.

        Raises:
            NotFoundError: there is no such key.
            UserError: several keys begin so.

        """
        with self.changing() as connection:
            key = find_key(key_records(connection), prefix_or_label)
            connection.execute(delete(KEYS).where(KEYS.c.sha256 == key.sha256))
        return key

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One state of the records."""
        with self._records.reading() as connection:
            yield connection

    @contextmanager
    def changing(self, *, serving: bool = True) -> Iterator[Connection]:
        """One transaction of the only writer; ``serving`` if it changes what servers should know."""
        self._refuse_if_read_only()
        with (
            self._lock.held(),
            self.ports.snapshot.publishing() as publish,
            self._records.writing() as connection,
        ):
            yield connection
            if serving:
                next_revision(connection)
                # Before the commit: where the disk has no room for the snapshot, nothing changes at all.
                publish(snapshot_of(connection))

    def _publish_if_it_differs(self) -> None:
        """The snapshot is behind if its writer was killed after the commit; ahead if the records are an older copy."""
        with self._records.reading() as connection:
            current = snapshot_of(connection)
        if self.ports.snapshot.read() == current:
            return
        with (
            self._lock.held(),
            self.ports.snapshot.publishing() as publish,
            self._records.reading() as connection,
        ):
            publish(snapshot_of(connection))

    def _refuse_if_read_only(self) -> None:
        if self.read_only:
            raise WorkspaceError(f"{self.path} is read-only: make it writable or name another folder")

    def drop_if_unused(self, sha256: str) -> None:
        """Remove a bundle if no version refers to it."""
        with self.changing(serving=False) as connection:
            if not connection.scalar(select(func.count()).where(VERSIONS.c.sha256 == sha256)):
                self.ports.bundles.remove(sha256)
                forget_seen(self.ports.documents, sha256)

    def _forget_plan(self, run: RunRecord) -> None:
        with suppress(UserError), self.changing(serving=False) as connection:
            forget_plan(connection, self.ports, run.id)
