"""The tables of trainings, kept so that these can be repeated, and shared between runs.

They are content-addressed: a table that is there already is not kept twice. Together they take no more bytes than the
setting ``datasets_limit`` allows; what was not used for the longest time gives way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update

from fitserve import settings
from fitserve.errors import NotFoundError, UserError, WorkspaceError
from fitserve.store import folder
from fitserve.store.records import DatasetRecord, RunRecord, now
from fitserve.store.tables import DATASETS
from fitserve.store.workspace import Workspace

_FEWEST_DIGITS = 4


@dataclass(frozen=True)
class Kept:
    """A table that was kept, and those that had to give way to it; ``new`` false: it was there already."""

    record: DatasetRecord
    new: bool
    dropped: list[DatasetRecord]


class Datasets:
    """The tables of a workspace. Every method raises WorkspaceError when a port fails."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._files = workspace.ports.datasets

    def touch(self, sha256: str) -> DatasetRecord | None:
        """Note that a table is used again; None if it is not there."""
        with self._workspace.changing(serving=False) as connection:
            connection.execute(update(DATASETS).where(DATASETS.c.sha256 == sha256).values(used=now()))
            record = _records(connection).get(sha256)
        with suppress(NotFoundError):
            self._files.fetch(sha256)
            return record
        return None

    def keep(self, file: Path, sha256: str, name: str, rows: int, columns: Mapping[str, str]) -> Kept:
        """Take over a Parquet file, which lies in `Workspace.staging`, under the hash of its table.

        Raises UserError if it alone is larger than all tables may be together.
        """
        size, limit = file.stat().st_size, int(settings.get("datasets_limit"))
        if size > limit:
            raise UserError(f"it takes {size:,} bytes, more than FITSERVE_DATASETS_LIMIT={limit} allows")
        record = DatasetRecord(sha256, name, rows, size, columns, now(), now())
        with folder.explained(self._workspace.path):
            folder.sync(file)
        try:
            with self._workspace.changing(serving=False) as connection:
                others = [each for each in _records(connection).values() if each.sha256 != sha256]
                dropped = _beyond(others, limit - size)
                self._forget(connection, [*dropped, record])
                self._files.put(file, sha256)
                values = {**asdict(record), "columns": json.dumps(dict(columns))}
                connection.execute(insert(DATASETS).values(values))
        except BaseException:
            self._remove([record])
            raise
        self._remove(dropped)
        return Kept(record, True, dropped)

    def all(self) -> list[DatasetRecord]:
        """Every table, the last used first."""
        with self._workspace.reading() as connection:
            return sorted(_records(connection).values(), key=lambda each: each.used, reverse=True)

    def find(self, beginning: str) -> DatasetRecord:
        """The table whose hash begins so; raises NotFoundError if there is none, UserError if there are several."""
        known = self.all()
        found = [each for each in known if each.sha256.startswith(beginning.lower())]
        if not found or len(beginning) < _FEWEST_DIGITS:
            there = f"there are {', '.join(each.sha256[:12] for each in known[:10])}" if known else "there is none yet"
            raise NotFoundError(f"no dataset begins with {beginning[:64]!r} (four digits or more): {there}")
        if len(found) > 1:
            raise UserError(f"{len(found)} datasets begin with {beginning!r}: give more of the hash")
        return found[0]

    def file(self, record: DatasetRecord) -> Path:
        """A local Parquet file with a table, to be read only; raises WorkspaceError if it is gone."""
        try:
            return self._files.fetch(record.sha256)
        except NotFoundError as error:
            raise WorkspaceError(f"{error}, or delete dataset {record.sha256[:12]}") from error

    def runs(self, record: DatasetRecord) -> list[RunRecord]:
        """The trainings that took a table."""
        return [run for run in self._workspace.runs() if run.dataset_sha256 == record.sha256]

    def delete(self, record: DatasetRecord) -> None:
        """Delete a table; the trainings that took it stay, and can be replayed with the table at hand."""
        with self._workspace.changing(serving=False) as connection:
            self._forget(connection, [record])
        self._remove([record])

    def _forget(self, connection: Connection, records: list[DatasetRecord]) -> None:
        for record in records:
            connection.execute(delete(DATASETS).where(DATASETS.c.sha256 == record.sha256))

    def _remove(self, records: list[DatasetRecord]) -> None:
        """Remove the files of tables that were forgotten, unless another process has kept them again."""
        if not records:
            return
        with suppress(UserError), self._workspace.changing(serving=False) as connection:
            known = _records(connection)
            for record in records:
                if record.sha256 not in known:
                    self._files.remove(record.sha256)


def _beyond(records: list[DatasetRecord], room: int) -> list[DatasetRecord]:
    """What has to go so that the others take no more bytes than there is room for: the longest unused first."""
    dropped, total = [], sum(each.bytes for each in records)
    for each in sorted(records, key=lambda each: each.used):
        if total <= room:
            break
        dropped.append(each)
        total -= each.bytes
    return dropped


def _records(connection: Connection) -> dict[str, DatasetRecord]:
    rows = connection.execute(select(DATASETS)).mappings()
    return {row["sha256"]: DatasetRecord(**{**row, "columns": json.loads(row["columns"])}) for row in rows}
