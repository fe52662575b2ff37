"""Whole data frames, for those who pass them through: what they are, and how they are kept in a file."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from fitserve.errors import DataError, in_a_line

Frame = pl.DataFrame


def write_frame(frame: Frame, file: Path) -> dict[str, str] | None:
    """Write a table as Parquet and give the types of its columns; None where the file has not all of them.

    Raises DataError where that fails.
    """
    try:
        frame.write_parquet(file, compression="zstd")
        if pl.read_parquet_schema(file) != frame.schema:
            return None
    except pl.exceptions.PolarsError as error:
        raise DataError(in_a_line(error)) from None
    return {column: str(dtype) for column, dtype in frame.schema.items()}


def read_written(file: Path) -> Frame:
    """A table that `write_frame` has written."""
    return pl.read_parquet(file)
