"""``fitserve datasets``."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from fitserve.cli.output import json_option, print_json, print_table, say, whole_file, workspace_option
from fitserve.errors import SpecError
from fitserve.store.records import DatasetRecord, shown_bytes


def _open(workspace: str | None) -> Any:
    from fitserve.store.datasets import Datasets
    from fitserve.store.workspace import Workspace

    return Datasets(Workspace.open(workspace))


@click.group(invoke_without_command=True)
@workspace_option
@json_option
@click.pass_context
def datasets(ctx: click.Context, workspace: str | None, as_json: bool) -> None:
    """List, show, delete and export the tables that trainings have kept. Alone, it lists."""
    if ctx.invoked_subcommand is None:
        _list(workspace, as_json)
    elif workspace:
        ctx.find_root().obj = workspace


@datasets.command("list")
@workspace_option
@json_option
def list_datasets(workspace: str | None, as_json: bool) -> None:
    """List the datasets, the last used first."""
    _list(workspace, as_json)


def _list(workspace: str | None, as_json: bool) -> None:
    found = _open(workspace).all()
    total = sum(each.bytes for each in found)
    if as_json:
        print_json({"datasets": [asdict(each) for each in found], "bytes": total})
    elif not found:
        say("No datasets yet; fitserve train keeps the tables that it reads.")
    else:
        heads = ("dataset", "name", "rows", "columns", "size", "used")
        rows = [(d.sha256[:12], d.name, d.rows, len(d.columns), shown_bytes(d.bytes), d.used) for d in found]
        print_table(heads, rows)
        say(f"Together {shown_bytes(total)}.")


@datasets.command("show")
@click.argument("dataset")
@workspace_option
@json_option
def show(dataset: str, workspace: str | None, as_json: bool) -> None:
    """Show a DATASET, by the beginning of its hash: its columns, and the trainings that took it."""
    opened = _open(workspace)
    record: DatasetRecord = opened.find(dataset)
    runs = opened.runs(record)
    if as_json:
        print_json({**asdict(record), "runs": [run.id for run in runs]})
        return
    say(f"{record.sha256}", f"{record.name}: {record.rows:,} rows, {shown_bytes(record.bytes)}, kept {record.created}")
    print_table(("column", "type"), list(record.columns.items()))
    if runs:
        print_table(("run", "model", "status"), [(run.id, run.model, run.status) for run in runs])


@datasets.command("delete")
@click.argument("dataset")
@workspace_option
@json_option
def delete(dataset: str, workspace: str | None, as_json: bool) -> None:
    """Delete a DATASET, by the beginning of its hash. The models that were trained on it stay."""
    opened = _open(workspace)
    record: DatasetRecord = opened.find(dataset)
    opened.delete(record)
    if as_json:
        print_json({"deleted": record.sha256, "bytes": record.bytes})
    else:
        say(f"Deleted {record.sha256[:12]} ({record.name}, {shown_bytes(record.bytes)}).")


@datasets.command("export")
@click.argument("dataset")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The file, .parquet or .csv.")
@workspace_option
@json_option
def export(dataset: str, output: Path, workspace: str | None, as_json: bool) -> None:
    """Write a DATASET, by the beginning of its hash, to a file."""
    opened = _open(workspace)
    record: DatasetRecord = opened.find(dataset)
    if output.suffix not in (".parquet", ".csv"):
        raise SpecError(f"{output} must end in .parquet or .csv; choose another --output")
    file = opened.file(record)
    with whole_file(output, "--output") as unfinished:
        if output.suffix == ".parquet":
            shutil.copyfile(file, unfinished)
        else:
            _write_csv(file, unfinished)
    if as_json:
        print_json({"dataset": record.sha256, "path": str(output), "rows": record.rows})
    else:
        say(f"Wrote {record.rows:,} rows to {output}.")


def _write_csv(file: Path, output: Path) -> None:
    import polars as pl

    try:
        pl.read_parquet(file).write_csv(output)
    except pl.exceptions.ComputeError:
        raise SpecError("the dataset holds lists or records, which CSV has not; choose a .parquet --output") from None
