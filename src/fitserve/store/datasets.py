"""The tables of trainings, kept so that these can be repeated: ``datasets/<sha256>.parquet``, shared between runs.

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
from fitserve.store import snapshot
from fitserve.store.records import DatasetRecord, RunRecord, now
from fitserve.store.tables import DATASETS, explained
from fitserve.store.workspace import Workspace

_FEWEST_DIGITS = 4


@dataclass(frozen=True)
class Kept:
    """A table that was kept, and those that had to give way to it; ``new`` false: it was there already."""

    record: DatasetRecord
    new: bool
    dropped: list[DatasetRecord]


class Datasets:
    """The tables of a workspace. Every method raises WorkspaceError when folder or database fail."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._folder = workspace.path / "datasets"

    def touch(self, sha256: str) -> DatasetRecord | None:
        """Note that a table is used again; None if it is not there."""
        with self._workspace.changing(serving=False) as connection:
            connection.execute(update(DATASETS).where(DATASETS.c.sha256 == sha256).values(used=now()))
            record = _records(connection).get(sha256)
        return record if record is not None and self._file(sha256).is_file() else None

    def keep(self, file: Path, sha256: str, name: str, rows: int, columns: Mapping[str, str]) -> Kept:
        """Take over a Parquet file, which lies in `Workspace.staging`, under the hash of its table.

        Raises UserError if it alone is larger than all tables may be together.
        """
        size, limit = file.stat().st_size, int(settings.get("datasets_limit"))
        if size > limit:
            raise UserError(f"it takes {size:,} bytes, more than FITSERVE_DATASETS_LIMIT={limit} allows")
        record = DatasetRecord(sha256, name, rows, size, columns, now(), now())
        with explained(self._workspace.path):
            snapshot.sync(file)
        with self._workspace.changing(serving=False) as connection:
            others = [each for each in _records(connection).values() if each.sha256 != sha256]
            dropped = _beyond(others, limit - size)
            self._forget(connection, [*dropped, record])
            file.replace(self._file(sha256))
            snapshot.sync(self._folder)
            values = {**asdict(record), "columns": json.dumps(dict(columns))}
            connection.execute(insert(DATASETS).values(values))
        for each in dropped:
            self._remove(each)
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
        """The Parquet file of a table; raises WorkspaceError if it is gone."""
        file = self._file(record.sha256)
        if not file.is_file():
            raise WorkspaceError(f"{file} is lost: restore it from a backup, or delete dataset {record.sha256[:12]}")
        return file

    def runs(self, record: DatasetRecord) -> list[RunRecord]:
        """The trainings that took a table."""
        return [run for run in self._workspace.runs() if run.dataset_sha256 == record.sha256]

    def delete(self, record: DatasetRecord) -> None:
        """Delete a table; the trainings that took it stay, and can be replayed with the table at hand."""
        with self._workspace.changing(serving=False) as connection:
            self._forget(connection, [record])
        self._remove(record)

    def _forget(self, connection: Connection, records: list[DatasetRecord]) -> None:
        for record in records:
            connection.execute(delete(DATASETS).where(DATASETS.c.sha256 == record.sha256))

    def _remove(self, record: DatasetRecord) -> None:
        with suppress(OSError):
            self._file(record.sha256).unlink(missing_ok=True)

    def _file(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.parquet"


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
