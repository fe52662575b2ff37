"""``fitserve data`` on large tables: seconds, memory of the process, size of the page.

The tables are adult's training rows drawn to a million, a hundred thousand rows of two hundred mixed columns, and a
thousand rows of five thousand columns. ``python -m benchmarks.data``
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.report import Bar, show
from benchmarks.tables import TABLES, frames

FITSERVE = str(Path(sys.executable).parent / "fitserve")
ROUNDS = 3


@dataclass(frozen=True)
class Look:
    """What one run took: seconds, megabytes of the process at its largest, and of the page."""

    seconds: float
    memory: float
    page: float


def main() -> None:
    """Look at each table several times and print medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        adult, wide, wider = folder / "adult.csv", folder / "wide.csv", folder / "wider.csv"
        frames(TABLES[0])[0].sample(1_000_000, with_replacement=True, seed=0).write_csv(adult)
        mixed(100_000).write_csv(wide)
        many_columns(1000).write_csv(wider)
        bars = [
            *_bars("1 M rows x 15 columns", adult, "income", 10),
            *_bars("100,000 rows x 200 columns", wide, None, 15),
            *_bars("1,000 rows x 5,000 columns", wider, None, 20),
        ]
    show(*bars)


def mixed(n: int) -> pl.DataFrame:
    """Two hundred columns: numbers with gaps, whole numbers, categories, dates, texts."""
    rng = np.random.default_rng(0)
    levels = np.array([f"level {k}" for k in range(50)])
    words = np.array([f"w{k}" for k in range(500)])
    days = np.array([f"{2000 + k // 336}-{k // 28 % 12 + 1:02d}-{k % 28 + 1:02d}" for k in range(3000)])
    columns: dict[str, object] = {}
    for i in range(120):
        columns[f"number {i}"] = np.where(rng.random(n) < 0.05, np.nan, np.round(rng.normal(i, 10, n), 3))
    columns |= {f"whole {i}": rng.integers(0, 1000, n) for i in range(40)}
    columns |= {f"category {i}": levels[rng.integers(0, 50, n)] for i in range(30)}
    columns |= {f"date {i}": days[rng.integers(0, 3000, n)] for i in range(5)}
    columns |= {f"text {i}": [" ".join(row) for row in words[rng.integers(0, 500, (n, 6))]] for i in range(5)}
    return pl.DataFrame(columns)


def many_columns(n: int) -> pl.DataFrame:
    """Five thousand columns, every fifth of categories."""
    rng = np.random.default_rng(0)
    levels = np.array(["a", "b", "c", "d"])
    return pl.DataFrame(
        {f"c{i}": np.round(rng.normal(size=n), 4) if i % 5 else levels[rng.integers(0, 4, n)] for i in range(5000)}
    )


def _bars(what: str, path: Path, target: str | None, most: float) -> list[Bar]:
    looks = [_look(path, target) for _ in range(ROUNDS)]
    return [
        Bar(f"{what}: seconds", statistics.median(look.seconds for look in looks), most, "at most"),
        Bar(f"{what}: MB of memory", max(look.memory for look in looks), 2000, "at most"),
        Bar(f"{what}: MB of page", looks[0].page, 3, "at most"),
    ]


def _look(path: Path, target: str | None) -> Look:
    page = path.with_suffix(".html")
    wanted = ["--target", target] if target else []
    started = time.perf_counter()
    process = subprocess.Popen([FITSERVE, "data", str(path), *wanted, "--html", str(page)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit("fitserve data failed")
    return Look(seconds, usage.ru_maxrss / 1000, page.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
