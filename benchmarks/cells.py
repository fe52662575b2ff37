"""How many wrong cells are found in two tables whose truth is known, and how many false alarms clean tables give.

Nothing is told about the tables: no rules, no labels. Three more parts say how far that holds elsewhere: the flights
with a part of their sources or flights left out, and clean tables in which cells are spoilt here. The published
figures are those of the READMEs of the two tables. ``python -m benchmarks.cells``
"""

from __future__ import annotations

import random
import statistics
import string
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.report import Bar, show
from benchmarks.tables import DATA
from fitserve.data.error_detection.wrong_cells import WrongCell, find_wrong_cells
from fitserve.data.reading.read import read_frame

Cells = dict[tuple[int, str], str | None]


@dataclass(frozen=True)
class Published:
    """F1 of detection by Raha with 20 labelled rows, and of repair by Baran on what Raha finds."""

    detection: float
    repair: float


TRUE_TABLES = {"raha_hospital": Published(0.72, 0.87), "raha_flights": Published(0.81, 0.67)}
CLEAN = (
    "raha_hospital/clean",
    "raha_flights/clean",
    "adult/train",
    "titanic/train",
    "german_credit/data",
    "bike_sharing_hourly/data",
    "metro_traffic/data",
    "california_housing/data",
    "breast_cancer_wisconsin/data",
    "movielens_small/ratings",
    "movielens_small/movies",
    "movielens_small/tags",
)
SPOILT = ("raha_hospital/clean", "adult/train", "bike_sharing_hourly/data", "german_credit/data", "metro_traffic/data")
SHARE_SPOILT, SAMPLES = 0.01, 12


def main() -> None:
    """Evaluate and print."""
    if not (DATA / "raha_hospital").exists():
        sys.exit(f"{DATA / 'raha_hospital'} is not there; set FITSERVE_DATA to the folder with the benchmark tables")
    bars = [bar for name, published in TRUE_TABLES.items() for bar in _true_table(name, published)]
    found = {bar.name: bar.value for bar in bars}
    detection = [value for name, value in found.items() if "found" in name]
    bars.append(Bar("F1, both tables (published: average of six)", statistics.mean(detection), 0.88, "at least"))
    _samples_of_flights()
    _spoilt_tables()
    bars.append(_false_alarms())
    show(*bars)


def table(name: str) -> pl.DataFrame:
    """A table of the data folder, by folder and file."""
    return read_frame(DATA / f"{name}.csv.gz")


def wrong_of(dirty: pl.DataFrame, clean: pl.DataFrame) -> Cells:
    """The cells in which two tables differ, column by column in their order, with what is right."""
    wrong: Cells = {}
    for dirty_column, clean_column in zip(dirty.get_columns(), clean.get_columns(), strict=True):
        for row in np.flatnonzero(dirty_column.ne_missing(clean_column).to_numpy()):
            wrong[int(row), dirty_column.name] = clean_column[int(row)]
    return wrong


@dataclass(frozen=True)
class Predictions:
    """How found cells compare with wrong ones; a repair counts if it is exactly the true text."""

    found: int
    wrong: int
    right: int
    suggested: int
    repaired: int

    @property
    def precision(self) -> float:
        """The share of found cells that are wrong."""
        return self.right / max(1, self.found)

    @property
    def recall(self) -> float:
        """The share of wrong cells that are found."""
        return self.right / max(1, self.wrong)

    @property
    def detection(self) -> float:
        """F1 of finding."""
        return 2 * self.right / max(1, self.found + self.wrong)

    @property
    def repair(self) -> float:
        """F1 of the suggestions."""
        return 2 * self.repaired / max(1, self.suggested + self.wrong)

    def __str__(self) -> str:
        return (
            f"{self.found:6} reported, {self.wrong:6} wrong: precision {self.precision:.3f}, recall {self.recall:.3f}, "
            f"F1 {self.detection:.3f}; F1 of the suggestion {self.repair:.3f}"
        )


def evaluate(cells: Sequence[WrongCell], wrong: Cells) -> Predictions:
    """Compare by row and column."""
    right = [cell for cell in cells if (cell.row, cell.column) in wrong]
    repaired = sum(cell.suggestion == wrong[cell.row, cell.column] for cell in right)
    return Predictions(len(cells), len(wrong), len(right), sum(cell.suggestion is not None for cell in cells), repaired)


def _true_table(name: str, published: Published) -> list[Bar]:
    dirty, clean = table(f"{name}/dirty"), table(f"{name}/clean")
    wrong = wrong_of(dirty, clean)
    started = time.perf_counter()
    cells = find_wrong_cells(dirty)
    seconds = time.perf_counter() - started
    evaluated = evaluate(cells, wrong)
    print(f"{name}: {evaluated} ({seconds:.2f} s; published: F1 {published.detection}, repaired {published.repair})")
    for column in dirty.columns:
        part = {key: value for key, value in wrong.items() if key[1] == column}
        of_column = [cell for cell in cells if cell.column == column]
        if part or of_column:
            print(f"  {column:18} {evaluate(of_column, part)}")
    missing = [cell for cell in cells if cell.missing]
    held = {key: value for key, value in wrong.items() if dirty[key[0], key[1]] is not None}
    print(f"  empty cells        {evaluate(missing, {key: wrong[key] for key in wrong if key not in held})}")
    print(f"  filled cells       {evaluate([cell for cell in cells if not cell.missing], held)}", flush=True)
    return [
        Bar(f"{name}, F1 of what is found", evaluated.detection, published.detection, "at least"),
        Bar(f"{name}, F1 of the suggestions", evaluated.repair, published.repair, "at least"),
    ]


def _samples_of_flights() -> None:
    """Is the figure of the flights luck? Leave out a fifth of the sources or three tenths of the flights."""
    dirty, clean = table("raha_flights/dirty"), table("raha_flights/clean")
    figures = []
    for seed in range(SAMPLES):
        column, share = ("src", 0.8) if seed % 2 else ("flight", 0.7)
        names = sorted(set(dirty[column]))
        kept = random.Random(seed).sample(names, int(share * len(names)))
        chosen = dirty[column].is_in(kept)
        part = dirty.filter(chosen)
        figures.append(evaluate(find_wrong_cells(part), wrong_of(part, clean.filter(chosen))).detection)
    print(
        f"raha_flights, {SAMPLES} samples of sources or flights: F1 from {min(figures):.3f} to {max(figures):.3f}, "
        f"median {statistics.median(figures):.3f}",
        flush=True,
    )


def _spoilt_tables() -> None:
    """Clean tables with a hundredth of all cells mistyped, exchanged for others of the column, or emptied."""
    for name in SPOILT:
        clean = table(name)
        for way in ("mistyped", "exchanged", "emptied"):
            dirty = spoil(clean, way, random.Random(0))
            print(f"{name}, {way:9}: {evaluate(find_wrong_cells(dirty), wrong_of(dirty, clean))}", flush=True)


def spoil(clean: pl.DataFrame, way: str, rng: random.Random) -> pl.DataFrame:
    """The table with some cells changed."""
    columns = []
    for series in clean.get_columns():
        values = series.to_list()
        held = [value for value in values if value]
        for row, value in enumerate(values):
            if value and rng.random() < SHARE_SPOILT:
                spoilt = rng.choice(held) if way == "exchanged" else _mistype(value, rng) if way == "mistyped" else None
                values[row] = spoilt or None
        columns.append(pl.Series(series.name, values, dtype=pl.String))
    return pl.DataFrame(columns)


def _mistype(text: str, rng: random.Random) -> str:
    """One sign lost, added, replaced, or swapped with the next one."""
    i = rng.randrange(len(text))
    sign = rng.choice(string.digits if text[i].isdigit() else string.ascii_lowercase)
    return rng.choice([
        text[:i] + text[i + 1 :],
        text[:i] + sign + text[i:],
        text[:i] + sign + text[i + 1 :],
        text[:i] + text[i + 1 : i + 2] + text[i] + text[i + 2 :],
    ])  # fmt: skip


def _false_alarms() -> Bar:
    alarms, n_cells = 0, 0
    for name in CLEAN:
        frame = table(name)
        cells = find_wrong_cells(frame)
        size = frame.height * frame.width
        filled = [cell for cell in cells if not cell.missing]
        print(
            f"{name:28} {size:8} cells: {len(filled)} false alarms, {len(filled) / size * 10_000:.3f} in 10,000; "
            f"{len(cells) - len(filled)} empty cells reported"
        )
        for cell in filled[:3]:
            print(f"    {cell.column}: {cell.reason}")
        alarms, n_cells = alarms + len(cells), n_cells + size
    return Bar("False alarms in 10,000 cells of clean tables", alarms / n_cells * 10_000, 0.1, "at most")


if __name__ == "__main__":
    main()
