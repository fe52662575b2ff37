"""Files, databases and data frames into one polars DataFrame; nothing is interpreted here.

CSV cells stay texts: what they mean is decided column by column in `fitserve.data.understanding.kinds`, by the
same readers that serving uses.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from fitserve import schema, settings
from fitserve.data.reading.column_names import column_names, flat
from fitserve.data.reading.compression import DAMAGED, is_packed
from fitserve.data.reading.database import query_batches, read_query, shown_url
from fitserve.data.reading.delimited import BLOCK_BYTES, ReadOptions, check_options, csv_frames
from fitserve.data.reading.formats import GROWTH, batches_of, format_of, read_whole
from fitserve.data.reading.sources import is_address, is_location, local_files
from fitserve.errors import DataError

_FRAME_GROWTH = 2
_DAMAGE = "it is damaged, cut off or of a kind that is unknown here; get the file again"
BATCH_ROWS, _BATCH_CELLS = 100_000, 20_000_000

__all__ = [
    "BATCH_ROWS",
    "ReadOptions",
    "is_location",
    "memory_limit",
    "name_of",
    "read_batches",
    "read_frame",
    "recorded",
]


def read_frame(source: Any, options: ReadOptions | None = None, findings: list[str] | None = None) -> pl.DataFrame:
    """A table from one file or several, a database, a pandas or polars DataFrame or an Arrow table.

    Files: CSV, JSON and JSON Lines (also packed by gzip, zstd or zip), Parquet, Arrow, spreadsheets. ``source``
    may be a list of paths, a pattern, "-" for standard input, an address (see `ReadOptions.fetch`), or the URL of
    a database (see `ReadOptions.sql`). What was found out about a file and may be wrong is added to ``findings``.
    Names are made unique: those that are blank, and those that are there twice, which is a finding.
    Raises DataError or NotFoundError, with one line that says what to do.
    """
    options = options or ReadOptions()
    check_options(options)
    if options.sql is not None:
        frame = read_query(str(source), options.sql, findings)
    elif is_location(source):
        with local_files(source, options.fetch) as paths:
            frame = _together([_read_path(path, options, findings) for path in paths], paths)
    else:
        frame = _from_memory(source, findings)
    if frame.width == 0:
        raise DataError(f"{name_of(source)} has no columns; give a table with a header")
    if frame.height == 0:
        raise _without_rows(source)
    return frame


def name_of(source: Any) -> str:
    """What to call a source in messages."""
    if isinstance(source, (list, tuple)) and is_location(source):
        return f"{source[0]} and {len(source) - 1} more files" if len(source) > 1 else str(source[0])
    if isinstance(source, str) and "://" in source and not is_address(source):
        return shown_url(source)
    return str(source) if isinstance(source, (str, Path)) else f"the {type(source).__name__}"


def recorded(source: Any, options: ReadOptions) -> str | list[str] | None:
    """A source as a plan keeps it, so that it is found from anywhere; None for what cannot be read twice."""
    if options.sql is not None:
        return shown_url(str(source))
    if not is_location(source) or source == "-":
        return None
    if isinstance(source, (list, tuple)):
        return [str(Path(each).absolute()) if not is_address(each) else str(each) for each in source]
    return str(source) if is_address(source) else str(Path(source).expanduser().absolute())


def _together(frames: list[pl.DataFrame], paths: list[Path]) -> pl.DataFrame:
    """Several tables of the same columns as one; raises DataError where one lacks a column or has another."""
    first = frames[0]
    for frame, path in zip(frames[1:], paths[1:], strict=True):
        _check_names(frame, path, first.columns, paths[0])
    if len(frames) == 1:
        return first
    return pl.concat([frame.select(first.columns) for frame in frames], how="vertical_relaxed", rechunk=True)


def _check_names(frame: pl.DataFrame, path: Path, expected: list[str], first: Path) -> None:
    missing, more = set(expected) - set(frame.columns), set(frame.columns) - set(expected)
    if missing or more:
        what = f"lacks the column {min(missing)!r}" if missing else f"has the additional column {min(more)!r}"
        raise DataError(f"{path} {what}, compared with {first}; files that are read as one need the same columns")


def _from_memory(source: Any, findings: list[str] | None) -> pl.DataFrame:
    try:
        if isinstance(source, (pl.DataFrame, pl.LazyFrame)):
            return _with_plain_names(source.lazy().collect(), name_of(source), findings)
        if hasattr(source, "column_names") and hasattr(source, "to_pylist"):
            numbered = pl.from_arrow(source.rename_columns(list(map(str, range(source.num_columns)))))
            return _renamed(numbered, source, findings)
        if type(source).__module__.startswith("pandas") and hasattr(source, "columns"):
            columns = [_pandas_column(str(i), source.iloc[:, i]) for i in range(source.shape[1])]
            return _renamed(pl.DataFrame(columns), source, findings)
        if isinstance(source, dict):
            return _with_plain_names(pl.DataFrame(source, strict=False), name_of(source), findings)
    except (pl.exceptions.PolarsError, TypeError, ValueError):
        raise DataError(f"{name_of(source)} cannot be read: {_advice(source)}") from None
    raise DataError(f"{name_of(source)} is not a table; give a path, a DataFrame or an Arrow table")


def _advice(source: Any) -> str:
    if isinstance(source, pl.LazyFrame):
        return "its query fails; call collect() on it to see why"
    if isinstance(source, dict):
        return "give a list of values for each column, all equally long"
    return "a column holds what no table can; turn it into numbers, texts or dates"


def _renamed(frame: Any, source: Any, findings: list[str] | None) -> pl.DataFrame:
    """The frame with the names of its source, which may be there twice."""
    names = [str(name).strip() for name in getattr(source, "column_names", None) or source.columns]
    frame.columns = column_names(names, name_of(source), findings)
    return flat(pl.DataFrame(frame), name_of(source), findings)


def _pandas_column(name: str, series: Any) -> pl.Series:
    """A pandas column without the help of pyarrow, which pandas may lack."""
    array = series.to_numpy()
    categories = str(series.dtype) == "category"
    # Nullable integers become floats as arrays, and lose digits.
    if array.dtype.kind in "iufbM" and not categories and not (array.dtype.kind == "f" and series.dtype.kind in "iu"):
        plain = pl.Series(name, array.astype("datetime64[us]") if array.dtype.kind == "M" else array)
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


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever reading raises into one line."""
    try:
        yield
    except OSError as error:
        note = f"{error.strerror}; check the file" if error.strerror else _DAMAGE
        raise DataError(f"{path} cannot be read: {note}") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, *DAMAGED):
        raise DataError(f"{path} cannot be read: {_DAMAGE}") from None
    except MemoryError:
        raise DataError(f"{path} does not fit into memory; use a part of its rows") from None


def _read_path(path: Path, options: ReadOptions, findings: list[str] | None) -> pl.DataFrame:
    with _reading(path):
        kind = format_of(path)
        if kind != "csv":
            _check_memory(path, path.stat().st_size * GROWTH[kind])
            return _named(read_whole(path, kind, options, findings), path, findings)
        _check_memory(path, path.stat().st_size * (1 if is_packed(path) else GROWTH["csv"]))
        parts, taken = [], 0
        for part in csv_frames(path, options, _block_bytes(), findings):
            taken += int(part.estimated_size()) * _FRAME_GROWTH
            _check_memory(path, taken, at_least=True)
            parts.append(part)
        if not parts:
            raise _without_rows(path)
        return pl.concat(parts, rechunk=True)


def _named(frame: pl.DataFrame, path: Path, findings: list[str] | None) -> pl.DataFrame:
    return _with_plain_names(frame, path.name, findings)


def _with_plain_names(frame: pl.DataFrame, where: str, findings: list[str] | None) -> pl.DataFrame:
    """The frame with members of objects as columns, and names without blanks around them, as requests are read."""
    found = flat(frame, where, findings)
    names = column_names([name.strip() for name in found.columns], where, findings)
    return found if names == found.columns else found.rename(dict(zip(found.columns, names, strict=True)))


def _without_rows(source: Any) -> DataError:
    return DataError(f"{name_of(source)} has a header but no rows; give a table with data")


def _block_bytes() -> int:
    return min(BLOCK_BYTES, memory_limit() // (4 * GROWTH["csv"]))


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


def read_batches(
    source: Any, options: ReadOptions | None = None, findings: list[str] | None = None
) -> Generator[pl.DataFrame]:
    """Files or a query in batches of rows, so that their size does not matter; else like `read_frame`."""
    options = options or ReadOptions()
    check_options(options)
    n = 0
    if options.sql is not None:
        for frame in query_batches(str(source), options.sql, BATCH_ROWS, findings):
            n += frame.height
            yield frame
    else:
        with local_files(source, options.fetch) as paths:
            for frame in _file_batches(paths, options, findings):
                n += frame.height
                yield frame
    if not n:
        raise _without_rows(source)


def _file_batches(paths: list[Path], options: ReadOptions, findings: list[str] | None) -> Iterator[pl.DataFrame]:
    names: list[str] = []
    for path in paths:
        with _reading(path):
            for frame in _batches(path, options, findings):
                if names:
                    _check_names(frame, path, names, paths[0])
                names = names or frame.columns
                yield frame.select(names)


def _batches(path: Path, options: ReadOptions, findings: list[str] | None) -> Iterator[pl.DataFrame]:
    kind = format_of(path)
    if kind == "csv":
        for block in csv_frames(path, options, _block_bytes(), findings):
            yield from block.iter_slices(BATCH_ROWS)
    elif kind in ("parquet", "arrow"):
        for i, frame in enumerate(batches_of(path, kind, BATCH_ROWS, _BATCH_CELLS)):
            yield _named(frame, path, findings if i == 0 else None)
    else:
        yield from _read_path(path, options, findings).iter_slices(BATCH_ROWS)
