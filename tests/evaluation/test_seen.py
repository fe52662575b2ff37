"""Rows that a model has learned from are known again, and left out of its scores."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.blocks import Ragged, table_arrays
from fitserve.features.row_hashes import row_hashes
from fitserve.prediction.named import open_named
from fitserve.store import Workspace, open_ports
from fitserve.store.seen import read_seen, seen_key
from fitserve.training.run import Run

N = 300


def rows(n: int = N, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    size, town = rng.integers(20, 20_000, n) / 10, rng.choice(["Ulm", "Bonn", "Kiel"], n)
    words = rng.choice(["red", "old", "large", "near the lake", "with a garden"], (n, 3))
    said = [" ".join(each) + f" number {i}" for i, each in enumerate(words)]
    price = size * 10 + (town == "Bonn") * 300 + rng.normal(0, 50, n)
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2030, 1, 1), "1d", eager=True).sample(n, seed=seed)
    label = np.where(price > np.median(price), "dear", "cheap")
    columns = {"size": size, "town": town, "said": said, "day": days, "price": price, "label": label}
    return pl.DataFrame(columns)


def seen_file(folder: Path, sha256: str) -> Path:
    return folder / "seen" / f"{sha256}.npy"


def train(folder: Path, frame: pl.DataFrame, target: str = "price", **spec: Any) -> Run:
    options = {"learners": ["ridge", "tree"] if target == "price" else ["tree"], "budget": 60.0, "exclude": []}
    return fitserve.train(frame, target, name="m", workspace=folder, shuffle=True, **{**options, **spec})


@pytest.mark.parametrize("target", ["price", "label"])
def test_what_was_in_training_is_left_out_however_the_file_spells_it(tmp_path: Path, target: str) -> None:
    other = "label" if target == "price" else "price"
    table, new = rows(), rows(100, seed=1)
    train(tmp_path / "w", table, target, exclude=[other])
    mixed = pl.concat([table[:50], new]).sample(fraction=1.0, shuffle=True, seed=2)
    alone = fitserve.evaluate("m", new, workspace=tmp_path / "w")
    assert alone.overlap is not None
    assert (alone.overlap.in_training, alone.rows) == (0, 100)
    assert alone.overlap.notes() == []
    csv, parquet = tmp_path / "mixed.csv", tmp_path / "mixed.parquet"
    mixed.write_csv(csv)
    mixed.select(reversed(mixed.columns)).write_parquet(parquet)
    for source in (mixed, csv, parquet):
        found = fitserve.evaluate("m", source, workspace=tmp_path / "w")
        assert found.overlap is not None
        assert found.overlap.in_training == 50
        assert found.rows == 100
        assert found.scores == pytest.approx(alone.scores)
        assert found.report["rows"] == 100
        assert found.report["lead"][-1] == "50 of 150 rows were in training; the scores are of the other 100."
        assert found.overlap.notes() == ["50 of 150 rows were in training; the scores are of the other 100"]


def test_a_file_of_many_blocks_is_known_again(tmp_path: Path) -> None:
    """Larger than one block of CSV, which the comparison of whole tables never knew again."""
    n = 120_000
    x = np.random.default_rng(0).normal(size=n).round(6)
    table = pl.DataFrame({"x": x, "text": [f"word{i % 50} " * 20 for i in range(n)], "y": (x * 2).round(4)})
    options: dict[str, Any] = {"learners": ["tree"], "budget": 60.0, "kinds": {"text": "category"}}
    fitserve.train(table, "y", name="m", workspace=tmp_path / "w", **options)
    table.write_csv(tmp_path / "t.csv")
    found = fitserve.evaluate("m", tmp_path / "t.csv", workspace=tmp_path / "w")
    assert found.overlap is not None
    assert found.overlap.in_training == n
    assert found.overlap.flatters
    assert found.overlap.notes()[0].startswith("120,000 of 120,000 rows were in training and there are no others")


def test_too_few_new_rows_are_evaluated_with_the_others_and_it_is_told(tmp_path: Path) -> None:
    train(tmp_path, rows(), exclude=["label"])
    found = fitserve.evaluate("m", pl.concat([rows()[:60], rows(10, seed=1)]), workspace=tmp_path)
    assert found.rows == 70
    assert found.overlap is not None
    assert found.overlap.notes() == [
        "60 of 70 rows were in training and the other 10 are too few to evaluate on: the scores are of all rows and "
        "flatter; give rows that training has not seen"
    ]
    # A page is passed on without the terminal that told it.
    assert found.report["lead"][0].startswith("60 of 70 rows were in training and the other 10 are too few")
    assert "the scores are of all rows and flatter" in found.html()


def test_a_version_that_was_evaluated_alone_has_not_seen_the_test_part(tmp_path: Path) -> None:
    train(tmp_path, rows(), exclude=["label"], refit=False)
    found = fitserve.evaluate("m", rows(), workspace=tmp_path)
    assert (found.rows, found.overlap.in_training if found.overlap else 0) == (60, 240)


def test_few_combinations_of_inputs_are_no_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    town = rng.choice(["Ulm", "Bonn"], 400)
    frame = pl.DataFrame({"town": town, "y": np.where(rng.random(400) < (town == "Ulm") * 0.5 + 0.2, "a", "b")})
    fitserve.train(frame, "y", name="m", workspace=tmp_path, learners=["logistic"], budget=60.0)
    found = fitserve.evaluate("m", frame, workspace=tmp_path)
    assert found.overlap is not None
    assert (found.overlap.in_training, found.rows) == (0, 400)


def test_what_is_not_known_is_said_so(tmp_path: Path) -> None:
    run = train(tmp_path, rows(), exclude=["label"])
    seen_file(tmp_path, run.record.sha256).unlink()
    found = fitserve.evaluate("m", rows(), workspace=tmp_path)
    assert found.overlap is not None
    assert found.overlap.notes() == [
        "which rows were in training is not known of m:1: it was imported, or trained before 0.2"
    ]
    seen_file(tmp_path, run.record.sha256).write_bytes(b"damaged")
    assert fitserve.evaluate("m", rows(), workspace=tmp_path).rows == N


def test_hashes_are_small_keyed_and_go_with_their_version(tmp_path: Path) -> None:
    first, second = (train(tmp_path / name, rows(), exclude=["label"]) for name in ("a", "b"))
    assert first.record.sha256 == second.record.sha256
    hashes = [read_seen(open_ports(tmp_path / name).documents, first.record.sha256) for name in ("a", "b")]
    assert hashes[0] is not None
    assert hashes[1] is not None
    assert len(np.intersect1d(hashes[0], hashes[1])) == 0  # each workspace has a key of its own
    assert seen_file(tmp_path / "a", first.record.sha256).stat().st_size <= 16 * N + 128
    assert stat.S_IMODE((tmp_path / "a" / "seen" / "key").stat().st_mode) == 0o600
    workspace = open_named("m", tmp_path / "a").workspace
    assert workspace is not None
    assert workspace.path == tmp_path / "a"
    assert not any("seen" in member.name for member in first.folder.iterdir())
    Workspace.open(tmp_path / "a").delete("m")
    assert not seen_file(tmp_path / "a", first.record.sha256).exists()
    assert seen_key(workspace.documents) is not None


def test_rows_have_one_hash_if_and_only_if_they_are_the_same_to_the_model() -> None:
    dense = np.array([[0.0, 1.0], [-0.0, 1.0], [np.nan, 1.0], [np.nan, 1.0], [0.0, 1.0]], dtype=np.float32)
    codes = np.array([[2], [2], [2], [3], [2]], dtype=np.int32)
    text = Ragged(np.array([5, 5, 7]), np.array([0, 1, 4]), np.array([1.0, 1.0, 1.0], dtype=np.float32))
    found = row_hashes(table_arrays(dense, codes, text), np.zeros(5), b"k")
    assert found[0] == found[1]
    assert len(set(found.tolist())) == 4
    assert (row_hashes(table_arrays(dense, codes, text), np.ones(5), b"k") != found).all()
    assert (row_hashes(table_arrays(dense, codes, text), np.zeros(5), b"other") != found).all()
    some = np.array([3, 0], dtype=np.intp)
    assert row_hashes(table_arrays(dense, codes, text).take(some), np.zeros(2), b"k").tolist() == found[some].tolist()
    assert len(row_hashes(table_arrays(dense[:0], codes[:0]), np.zeros(0), b"k")) == 0
