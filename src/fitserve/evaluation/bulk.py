"""Predictions for whole files, batch by batch, so that their size does not matter."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from fitserve.data.reading.read import ReadOptions
from fitserve.data.reading.sources import is_among
from fitserve.errors import DataError, SpecError
from fitserve.evaluation.reading import Reading, missing_notes, opened
from fitserve.prediction import Predictor


@dataclass
class Scored:
    """What a bulk prediction did: rows written, columns of the model that the file lacked, and problems.

    ``problems`` counts rows by field and code, as the warnings of a single prediction would name them;
    ``findings`` tell what was found out about the file and may be wrong. ``columns`` are the names of the columns that
    were added to those of the file.
    """

    rows: int = 0
    missing_columns: list[str] = field(default_factory=list)
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)


def predict_file(
    predictor: Predictor,
    source: Any,
    output: Path,
    options: ReadOptions | None = None,
    *,
    alone: bool = False,
) -> Scored:
    """Write the rows of ``source`` (see `read_batches`) with their predictions to ``output``, CSV or Parquet.

    ``alone`` leaves the input columns out; a column of the input is never replaced. The file appears under its name
    only when it is whole. Raises DataError if either file cannot be used.
    """
    _check_output(output)
    if alone and (options is None or options.sql is None) and is_among(output, source):
        raise SpecError(f"{output} is a file that is read; without its columns the rows would be lost: choose another")
    scored = Scored()
    reading = Reading(predictor, problems=scored.problems, findings=scored.findings)
    with opened([reading], source, options, scored.findings) as frames:
        batches = (_scored(reading, frame, scored, alone) for frame in frames)
        first = next(batches)
        _write_whole(first.cast({pl.Null: pl.String}), batches, output)
    return scored


def _write_whole(first: pl.DataFrame, batches: Iterator[pl.DataFrame], output: Path) -> None:
    """Write frames to a file that appears under its name only when it is whole."""
    # Its own name: another prediction may write to the same output at the same time.
    unfinished = output.with_name(f".{output.name}.{os.getpid()}.unfinished")
    try:
        _write(first, batches, unfinished, output.suffix)
        unfinished.replace(output)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{output} cannot be written: {_reason(error)}") from None
    finally:
        try:
            _remove(unfinished)
        except KeyboardInterrupt:  # polars raises it by itself, and Python a moment later a second time
            _remove(unfinished)
            raise


def _remove(path: Path) -> None:
    with suppress(OSError):  # the first error is the one to tell
        path.unlink(missing_ok=True)


def _reason(error: OSError | pl.exceptions.PolarsError) -> str:
    """What went wrong and what to do; polars tells a full disk as an error of the format, too."""
    reason = str(error).splitlines()[0].partition(" (os error")[0]
    if "No space left" in reason:
        return "there is no space left on the disk; free some space or choose another output"
    if isinstance(error, OSError):
        return f"{error.strerror or reason}; choose another output"
    return f"{reason}; choose the other format"


def _check_output(output: Path) -> None:
    if output.suffix not in (".csv", ".parquet"):
        raise SpecError(f"{output} must end in .csv or .parquet; choose another output")
    if not _is_utf8(str(output)):
        raise SpecError(f"{output} has a name that is not UTF-8; choose another output")
    if not output.parent.is_dir():
        raise SpecError(f"there is no folder {output.parent}; make it or choose another output")
    if output.is_dir():
        raise SpecError(f"{output} is a folder; choose another output")


def _like(first: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """A further batch with the types of the first: several files, or a query, may have others."""
    try:
        return frame if frame.schema == first.schema else frame.cast(first.schema)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0][:120]
        raise DataError(f"the rows have columns of different types ({reason}); predict the files one by one") from None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _write(first: pl.DataFrame, rest: Iterator[pl.DataFrame], path: Path, suffix: str) -> None:
    def frames(
        _columns: list[str] | None, _predicate: pl.Expr | None, _n: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        yield first
        for frame in rest:
            yield _like(first, frame)

    lazy = register_io_source(frames, schema=first.schema)
    if suffix == ".csv":
        lazy.sink_csv(path)
    else:
        lazy.sink_parquet(path)


def _scored(reading: Reading, frame: pl.DataFrame, scored: Scored, alone: bool) -> pl.DataFrame:
    """A batch with its predictions."""
    predictor, there = reading.predictor, set(frame.columns)
    present = [name for name in reading.kinds if name in there]
    if not scored.rows:
        predictor.check_columns(there)
        scored.missing_columns = [name for name in reading.kinds if name not in there]
        scored.findings += missing_notes(scored.missing_columns, frame.columns, reading.kinds)
    with ThreadPoolExecutor() as pool:
        table = dict(pool.map(lambda name: (name, reading.column(frame, name)), present))
    found = predictor.predict_columns(table, frame.height)
    reading.count(table, frame.height)
    if not scored.rows:
        scored.columns = _new_names(list(found), [] if alone else frame.columns, scored.findings)
    scored.rows += frame.height
    new = [pl.Series(name, values) for name, values in zip(scored.columns, found.values(), strict=True)]
    return pl.DataFrame(new) if alone else frame.with_columns(new)


def _new_names(names: list[str], there: list[str], findings: list[str]) -> list[str]:
    """The names of predictions beside the columns of the input: with a number behind them where one is taken."""
    number, found = 1, names
    while not set(found).isdisjoint(there):
        number += 1
        found = [f"{name}_{number}" for name in names]
    if number > 1:
        taken = ", ".join(repr(name) for name in names if name in there)
        findings.append(
            f"the input has {taken} already, which stays; the predictions are {', '.join(map(repr, found))}"
        )
    return found
