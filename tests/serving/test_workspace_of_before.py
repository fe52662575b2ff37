"""A workspace of version 0.1.0 is converted, and then opens, serves, replays and compares."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.bundle.migrate import is_of_before
from fitserve.errors import BundleError
from fitserve.store import Workspace
from fitserve.store.bundle_migration import migrate_bundles
from fitserve.training.run import Order, replay_run

BEFORE = Path(__file__).with_name("workspace-0.1.0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(BEFORE / "workspace", tmp_path / "w")
    migrate_bundles(Workspace.open(tmp_path / "w"))
    return tmp_path / "w"


def houses() -> pl.DataFrame:
    return pl.read_csv(BEFORE / "houses.csv", try_parse_dates=False)


def new_rows(n: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    size, town = rng.integers(20, 200, n), rng.choice(["Ulm", "Bonn", "Kiel"], n)
    price = size * 10 + (town == "Bonn") * 300 + rng.normal(0, 50, n)
    days = [f"2025-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(n)]
    label = np.where(price > 1200, "dear", "cheap")
    return pl.DataFrame({"size": size, "town": town, "day": days, "price": price, "label": label})


def test_without_conversion_its_models_are_refused_with_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(BEFORE / "workspace", tmp_path / "w")
    with pytest.raises(BundleError, match="convert it: fitserve models migrate"):
        fitserve.load("price", workspace=tmp_path / "w")


def test_versions_keep_their_numbers_and_their_old_identity(tmp_path: Path) -> None:
    shutil.copytree(BEFORE / "workspace", tmp_path / "w")
    workspace = Workspace.open(tmp_path / "w")
    before = {(r.model, r.version): r.sha256 for m in workspace.models() for r in workspace.versions(m.name)}
    models = {record: (workspace.fetch(record) / "model.onnx").read_bytes() for record in workspace.versions("price")}
    migrated = migrate_bundles(workspace)
    assert {(r.model, r.version) for r in migrated} == before.keys()
    for record in migrated:
        manifest = fitserve.load(record.model, record.version, workspace=tmp_path / "w").manifest
        assert manifest.sections["origin"]["migrated_from"] == before[record.model, record.version]
        assert not is_of_before(workspace.fetch(record))
    assert [(workspace.fetch(r) / "model.onnx").read_bytes() for r in workspace.versions("price")] == [*models.values()]
    assert {path.name for path in (tmp_path / "w" / "bundles").iterdir()} == {record.sha256 for record in migrated}
    assert migrate_bundles(workspace) == []


def test_it_opens_and_answers_as_recorded(folder: Path) -> None:
    workspace = Workspace.open(folder)
    assert [model.name for model in workspace.models()] == ["label", "price"]
    for record in (workspace.version("price"), workspace.version("label")):
        examples = json.loads((workspace.fetch(record) / "examples.json").read_bytes())
        predictor = fitserve.load(record.model, workspace=folder)
        for row, answer in zip(examples["rows"], examples["answers"], strict=True):
            found = predictor.predict(row)["prediction"]
            assert found == (answer["prediction"] if record.model == "label" else pytest.approx(answer["prediction"]))
        assert not predictor.manifest.refitted
        assert (workspace.fetch(record) / "card.md").is_file()


def test_it_serves(folder: Path, start: Any) -> None:
    with start("price", folder=folder) as (client, _):
        answer = client.post("/predict", json={"size": 80, "town": "Bonn", "day": "2025-06-01"})
        assert answer.json()["prediction"] == pytest.approx(1100, abs=150)
        assert client.get("/docs").status_code == 200


def test_it_evaluates_and_compares_with_what_is_trained_now(folder: Path) -> None:
    evaluation = fitserve.evaluate("price", new_rows(), workspace=folder)
    assert evaluation.rows == 200
    assert evaluation.overlap is not None
    assert "is not known of price:1" in evaluation.overlap.notes()[0]
    options: dict[str, Any] = {"learners": ["ridge"], "budget": 60.0, "exclude": ["label"], "promote": "if-better"}
    run = fitserve.train(houses(), "price", name="price", workspace=folder, **options)
    assert (run.record.version, run.champion) == (2, 1)
    assert "which rows price:1 has learned from is not known" in run.promotion
    found = fitserve.compare("price:1", "price:2", new_rows(), workspace=folder)
    assert found.rows == 200
    assert found.scores["rmse"]["a"] == pytest.approx(found.scores["rmse"]["b"], rel=0.2)
    assert fitserve.compare("price:1", "price:2", workspace=folder).verdict


def test_its_runs_are_replayed_as_they_were(folder: Path) -> None:
    workspace = Workspace.open(folder)
    for record in workspace.runs():
        run = replay_run(record.id, BEFORE / "houses.csv", Order(f"{record.model}-again"), workspace)
        before = workspace.version(record.model)
        assert not run.manifest.refitted
        assert run.scores == pytest.approx(fitserve.load(before.model, workspace=folder).manifest.scores, rel=1e-6)
