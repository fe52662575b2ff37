"""The table of a training, kept in the workspace: what repeats the training when the file is gone or has changed."""

from __future__ import annotations

from dataclasses import dataclass

from fitserve.data.frames import Frame, read_written, write_frame
from fitserve.errors import UserError, in_a_line
from fitserve.store import Workspace
from fitserve.store.datasets import Datasets
from fitserve.store.records import DatasetRecord, shown_bytes


@dataclass(frozen=True)
class Table:
    """Whether the table of a training is in the workspace: its ``record``, what it is called, and what to say of it."""

    record: DatasetRecord | None
    notes: list[str]


def keep(frame: Frame, sha256: str, name: str, workspace: Workspace) -> Table:
    """Keep a table unless it is there already. What fails is told, and is no reason to lose a model."""
    try:
        return _keep(frame, sha256, name, Datasets(workspace), workspace)
    except (UserError, OSError) as error:
        return Table(None, [f"the table was not kept: {in_a_line(error)}"])


def _keep(frame: Frame, sha256: str, name: str, datasets: Datasets, workspace: Workspace) -> Table:
    known = datasets.touch(sha256)
    if known is not None:
        return Table(known, [])
    with workspace.staging() as folder:
        file = folder / "table.parquet"
        columns = write_frame(frame, file)
        if columns is None:
            return Table(None, ["the table was not kept: it holds types that a Parquet file has not"])
        kept = datasets.keep(file, sha256, name, frame.height, columns)
    notes = [f"the table was kept in the workspace ({shown_bytes(kept.record.bytes)}); --no-keep leaves that out"]
    notes += [
        f"the dataset {each.sha256[:12]} ({each.name}, {shown_bytes(each.bytes)}) was dropped, for tables may take "
        "FITSERVE_DATASETS_LIMIT bytes together"
        for each in kept.dropped
    ]
    return Table(kept.record, notes)


def kept_table(sha256: str, workspace: Workspace) -> Frame | None:
    """The table with a hash, if the workspace keeps it."""
    datasets = Datasets(workspace)
    record = next((each for each in datasets.all() if each.sha256 == sha256), None)
    return None if record is None else read_written(datasets.file(record))
