"""The tables that a workspace keeps: one for each content, within a limit, exported whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

import fitserve
from fitserve.cli import fitserve as command
from fitserve.errors import NotFoundError, UserError, WorkspaceError
from fitserve.store import Workspace
from fitserve.store.datasets import Datasets
from fitserve.training.keeping import keep, kept_table
from fitserve.training.run import Order, Run, replay_run


def table(n: int = 60, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pl.DataFrame({"x": x, "town": rng.choice(["Ulm", "Bonn"], n), "y": x * 2 + rng.normal(size=n)})


def train(folder: Path, source: Any, **options: Any) -> Run:
    return fitserve.train(source, "y", name="m", workspace=folder, learners=["ridge"], budget=60.0, **options)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "w")


def called(*arguments: str, workspace: Workspace) -> str:
    done = CliRunner().invoke(command, ["--workspace", str(workspace.path), *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_a_training_keeps_its_table_once(workspace: Workspace) -> None:
    first, second = (train(workspace.path, table()) for _ in range(2))
    (record,) = Datasets(workspace).all()
    assert record.sha256 == first.manifest.data["sha256"]
    assert (record.name, record.rows, list(record.columns)) == ("m", 60, ["x", "town", "y"])
    assert first.kept[0].startswith("the table was kept in the workspace (")
    assert second.kept == []
    assert [run.id for run in Datasets(workspace).runs(record)] == [second.id, first.id]
    assert_frame_equal(pl.read_parquet(Datasets(workspace).file(record)), table())
    train(workspace.path, table(seed=1), keep=False)
    assert len(Datasets(workspace).all()) == 1


def test_a_replay_needs_no_file(workspace: Workspace, tmp_path: Path) -> None:
    """Not even where the file had to be understood first, which the report tells."""
    file = tmp_path / "t.csv"
    file.write_text("Prices of houses\n\n" + table().write_csv(separator=";") + "\n")
    run = train(workspace.path, str(file))
    file.unlink()
    again = replay_run(run.id, None, Order("again"), workspace)
    assert again.record.sha256 == run.record.sha256
    other = train(workspace.path, table(seed=1), keep=False)
    with pytest.raises(UserError, match="was trained from memory or a stream; name the data"):
        replay_run(other.id, None, Order("again"), workspace)


def test_tables_beyond_the_limit_give_way_and_it_is_said(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    for seed in range(2):
        train(workspace.path, table(400, seed))
        sizes = [each.bytes for each in Datasets(workspace).all()]
    first = Datasets(workspace).all()[-1]
    Datasets(workspace).touch(first.sha256)  # the second one is now the longest unused
    monkeypatch.setenv("FITSERVE_DATASETS_LIMIT", str(sum(sizes) + 100))
    run = train(workspace.path, table(400, 2))
    kept = {each.sha256 for each in Datasets(workspace).all()}
    assert kept == {first.sha256, run.manifest.data["sha256"]}
    assert len(list((workspace.path / "datasets").iterdir())) == 2
    assert any("was dropped, for tables may take FITSERVE_DATASETS_LIMIT bytes together" in note for note in run.kept)
    monkeypatch.setenv("FITSERVE_DATASETS_LIMIT", "10")
    run = train(workspace.path, table(400, 3))
    assert run.kept[0].startswith("the table was not kept: it takes ")
    assert {each.sha256 for each in Datasets(workspace).all()} == kept


def test_what_cannot_be_kept_is_no_reason_to_lose_a_model(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = table().with_columns(o=pl.Series([object() for _ in range(60)], dtype=pl.Object))
    found = keep(odd, "0" * 64, "m", workspace)
    assert found.record is None
    assert found.notes[0].startswith("the table was not kept: ")
    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    run = train(workspace.path, table())
    assert run.champion == 1
    assert run.kept[0].startswith("the table was not kept: ")
    assert "is on a full disk: free some space" in run.kept[0]
    assert list((workspace.path / "staging").iterdir()) == []


def full(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


def test_datasets_are_listed_shown_exported_and_deleted(workspace: Workspace, tmp_path: Path) -> None:
    assert "No datasets yet" in called("datasets", workspace=workspace)
    run = train(workspace.path, table())
    sha256 = run.manifest.data["sha256"]
    listed = json.loads(called("datasets", "--json", workspace=workspace))
    assert [each["sha256"] for each in listed["datasets"]] == [sha256]
    assert listed["bytes"] == listed["datasets"][0]["bytes"] > 0
    assert sha256[:12] in called("datasets", "list", workspace=workspace)
    shown = called("datasets", "show", sha256[:6], workspace=workspace)
    assert run.id in shown
    assert "Float64" in shown
    for name in ("t.parquet", "t.csv"):
        called("datasets", "export", sha256[:8], "-o", str(tmp_path / name), workspace=workspace)
    assert_frame_equal(pl.read_parquet(tmp_path / "t.parquet"), table())
    assert_frame_equal(pl.read_csv(tmp_path / "t.csv"), table())
    assert "Deleted" in called("datasets", "delete", sha256[:8], workspace=workspace)
    assert list((workspace.path / "datasets").iterdir()) == []
    assert kept_table(sha256, workspace) is None
    assert Workspace.open(workspace.path).run(run.id).status == "finished"


def test_mistakes_are_told_in_a_line(workspace: Workspace, tmp_path: Path) -> None:
    datasets = Datasets(workspace)
    with pytest.raises(NotFoundError, match=r"no dataset begins with 'abcd'.*there is none yet"):
        datasets.find("abcd")
    run = train(workspace.path, table())
    sha256 = run.manifest.data["sha256"]
    with pytest.raises(NotFoundError, match=f"there are {sha256[:12]}"):
        datasets.find(sha256[:3])
    arguments = ["--workspace", str(workspace.path), "datasets", "export", sha256[:8], "-o", str(tmp_path / "t.txt")]
    done = CliRunner().invoke(command, arguments)
    assert "must end in .parquet or .csv" in str(done.exception)
    record = datasets.find(sha256[:8])
    datasets.file(record).unlink()
    with pytest.raises(WorkspaceError, match="is lost: restore it from a backup, or delete dataset"):
        datasets.file(record)
    assert datasets.touch(sha256) is None  # the next training keeps it again
    assert train(workspace.path, table()).kept[0].startswith("the table was kept")
    assert datasets.file(record).is_file()
