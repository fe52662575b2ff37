"""The tables that benchmarks use: folder from FITSERVE_DATA, else ../shared/data beside the project."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from fitserve.data.reading.read import read_frame

DATA = Path(os.environ.get("FITSERVE_DATA", Path(__file__).parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Benchmark:
    """A table with its target; ``test`` is a file of its own, or None where a part is split off."""

    name: str
    train: str
    target: str
    test: str | None = None


TABLES = (
    Benchmark("adult", "adult/train.csv.gz", "income", "adult/test.csv.gz"),
    Benchmark("california_housing", "california_housing/data.csv.gz", "median_house_value"),
    Benchmark("german_credit", "german_credit/data.csv.gz", "default"),
    Benchmark("titanic", "titanic/train.csv.gz", "Survived", "titanic/test.csv.gz"),
    Benchmark("banking77", "banking77/train.csv.gz", "category", "banking77/test.csv.gz"),
)


def frames(table: Benchmark) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training and held-out rows."""
    if not (DATA / table.train).exists():
        sys.exit(f"{DATA / table.train} is not there; set FITSERVE_DATA to the folder with the benchmark tables")
    train = read_frame(DATA / table.train)
    if table.test is not None:
        return train, read_frame(DATA / table.test)
    if "split" in train.columns:
        parts = train.partition_by("split", as_dict=True)
        return parts[("train",)].drop("split"), parts[("test",)].drop("split")
    shuffled = train.sample(fraction=1.0, shuffle=True, seed=1)
    n_test = train.height // 5
    return shuffled[n_test:], shuffled[:n_test]
