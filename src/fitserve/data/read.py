"""Files and data frames into one polars DataFrame; nothing is interpreted here.

CSV cells stay texts: what they mean is decided column by column in `fitserve.data.kinds`, by the same
readers that serving uses.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from fitserve import schema, settings
from fitserve.data.delimited import BLOCK_BYTES, ReadOptions, column_names, csv_frames, is_gzip
from fitserve.errors import DataError, NotFoundError

# A CSV cell of a few bytes becomes a text of 16 and more in memory, then a float, then part of a matrix.
_CSV_GROWTH, _PARQUET_GROWTH, _FRAME_GROWTH = 4, 8, 2
BATCH_ROWS, _BATCH_CELLS = 100_000, 20_000_000
# What a file says of itself in its first bytes, where people take it for a table.
_FOREIGN = {
    b"PK\x03\x04": "a zip or Excel file; save it as CSV or Parquet",
    b"\xd0\xcf\x11\xe0": "an old Excel file; save it as CSV or Parquet",
    b"BZh": "compressed by bzip2; unpack it, or pack it with gzip,",
    b"\xfd7zXZ": "compressed by xz; unpack it, or pack it with gzip,",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; unpack it, or pack it with gzip,",
    b"SQLite format 3": "an SQLite database; save the table as CSV or Parquet",
    b"ARROW1": "an Arrow (Feather) file; save it as Parquet",
    b"\x89HDF": "an HDF5 file; save the table as Parquet",
    b"%PDF": "a PDF; save its table as CSV",
}

__all__ = ["BATCH_ROWS", "ReadOptions", "is_parquet", "memory_limit", "name_of", "read_batches", "read_frame"]


def read_frame(source: Any, options: ReadOptions | None = None) -> pl.DataFrame:
    """A table from a path (CSV, gzipped CSV, Parquet), a pandas or polars DataFrame or an Arrow table.

    Raises DataError for anything that cannot be used, NotFoundError for a path that is not there.
    """
    if isinstance(source, (str, Path)):
        frame = _read_path(Path(source).expanduser(), options or ReadOptions())
    else:
        frame = _from_memory(source)
    if frame.width == 0:
        raise DataError(f"{name_of(source)} has no columns; give a table with a header")
    if frame.height == 0:
        raise _without_rows(source)
    return frame


def name_of(source: Any) -> str:
    """What to call a source in messages."""
    return str(source) if isinstance(source, (str, Path)) else f"the {type(source).__name__}"


def _from_memory(source: Any) -> pl.DataFrame:
    try:
        if isinstance(source, pl.DataFrame):
            return source
        if isinstance(source, pl.LazyFrame):
            return source.collect()
        if hasattr(source, "column_names") and hasattr(source, "to_pylist"):
            return _renamed(pl.from_arrow(source.rename_columns(list(map(str, range(source.num_columns))))), source)
        if type(source).__module__.startswith("pandas") and hasattr(source, "columns"):
            columns = [_pandas_column(str(i), source.iloc[:, i]) for i in range(source.shape[1])]
            return _renamed(pl.DataFrame(columns), source)
        if isinstance(source, dict):
            return pl.DataFrame(source, strict=False)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise DataError(f"{name_of(source)} cannot be read: {_first_line(error)}") from None
    raise DataError(f"{name_of(source)} is not a table; give a path, a DataFrame or an Arrow table")


def _renamed(frame: Any, source: Any) -> pl.DataFrame:
    """The frame with the names of its source, which polars would refuse without saying which one is doubled."""
    names = [str(name) for name in getattr(source, "column_names", None) or source.columns]
    frame.columns = column_names(names, name_of(source))
    return pl.DataFrame(frame)


def _pandas_column(name: str, series: Any) -> pl.Series:
    """A pandas column without the help of pyarrow, which pandas may lack."""
    array = series.to_numpy()
    categories = str(series.dtype) == "category"
    # Nullable integers become floats as arrays, and lose digits.
    if array.dtype.kind in "iufbM" and not categories and not (array.dtype.kind == "f" and series.dtype.kind in "iu"):
        plain = pl.Series(name, array)
        return plain.fill_nan(None) if array.dtype.kind == "f" else plain
    missing = series.isna().to_numpy()
    values = [None if gone else value for value, gone in zip(series.tolist(), missing, strict=True)]
    if categories:
        return pl.Series(name, [None if value is None else _spelled(value) for value in values], pl.Categorical)
    return pl.Series(name, values, strict=False)


def _spelled(level: object) -> str:
    try:
        return schema.read_category(level) or ""
    except ValueError:
        return str(level)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever reading raises into one line."""
    try:
        yield
    except OSError as error:
        told = f"{error.strerror}; check the file" if error.strerror else f"{_first_line(error)}; get the file again"
        raise DataError(f"{path} cannot be read: {told}") from None
    except (pl.exceptions.PolarsError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {_first_line(error)}; get the file again") from None
    except MemoryError:
        raise DataError(f"{path} does not fit into memory; use a part of its rows") from None


def _read_path(path: Path, options: ReadOptions) -> pl.DataFrame:
    with _reading(path):
        _check_path(path)
        if is_parquet(path):
            _check_memory(path, path.stat().st_size * _PARQUET_GROWTH)
            return pl.read_parquet(path, glob=False)
        _check_memory(path, path.stat().st_size * (1 if is_gzip(path) else _CSV_GROWTH))
        parts, taken = [], 0
        for part in csv_frames(path, options, _block_bytes()):
            taken += int(part.estimated_size()) * _FRAME_GROWTH
            _check_memory(path, taken, at_least=True)
            parts.append(part)
        if not parts:
            raise _without_rows(path)
        return pl.concat(parts, rechunk=True)


def _without_rows(source: Any) -> DataError:
    return DataError(f"{name_of(source)} has a header but no rows; give a table with data")


def _block_bytes() -> int:
    return min(BLOCK_BYTES, memory_limit() // (4 * _CSV_GROWTH))


def _check_path(path: Path) -> None:
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = schema.nearest(path.name, siblings)
        hint = f"; did you mean {path.parent / near}?" if near else "; check the path"
        raise NotFoundError(f"there is no file {path}{hint}")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no plain file"
        raise DataError(f"{path} is {what}; give one CSV or Parquet file")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty; give a table with a header and rows")
    with path.open("rb") as file:
        start = file.read(16)
    for mark, told in _FOREIGN.items():
        if start.startswith(mark):
            raise DataError(f"{path} is {told} first")


def is_parquet(path: Path) -> bool:
    """Whether a file says of itself that it is Parquet."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def memory_limit() -> int:
    """Bytes that reading may take: the setting, or half of what the system has free."""
    limit = int(settings.get("memory_limit"))
    if limit:
        return limit
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 512 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _check_memory(path: Path, needed: int, *, at_least: bool = False) -> None:
    limit = memory_limit()
    if needed > limit:
        about = "at least" if at_least else "about"
        raise DataError(
            f"{path} would need {about} {_megabytes(needed)} of memory and may take {_megabytes(limit)}; "
            "use a part of its rows, or raise FITSERVE_MEMORY_LIMIT"
        )


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):,.{0 if size >= 10 << 20 else 1 if size >= 1 << 20 else 3}f} MB"


def read_batches(path: Path, options: ReadOptions | None = None) -> Iterator[pl.DataFrame]:
    """A file in batches of rows, so that its size does not matter. Raises what `read_frame` raises."""
    n = 0
    with _reading(path):
        _check_path(path)
        for frame in _batches(path, options or ReadOptions()):
            n += frame.height
            yield frame
    if not n:
        raise _without_rows(path)


def _batches(path: Path, options: ReadOptions) -> Iterator[pl.DataFrame]:
    if not is_parquet(path):
        for block in csv_frames(path, options, _block_bytes()):
            yield from block.iter_slices(BATCH_ROWS)
        return
    lazy = pl.scan_parquet(path, glob=False)
    width = max(1, len(lazy.collect_schema()))
    for batch in lazy.collect_batches(chunk_size=max(1000, min(BATCH_ROWS, _BATCH_CELLS // width))):
        if batch.height:
            yield batch
