"""Tables in files that are no CSV: Parquet, Arrow, JSON, spreadsheets. All of them are read by polars."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import orjson
import polars as pl

from fitserve.data.reading.compression import opened, starts_with
from fitserve.data.reading.delimited import ReadOptions
from fitserve.data.reading.spreadsheets import read_sheet
from fitserve.errors import DataError

_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_JSON_ENDING = re.compile(r"\.(?:json|jsonl|ndjson)(?:\.(?:gz|zst|zip))?\Z", re.IGNORECASE)
_STREAM_START = b"\xff\xff\xff\xff"
# What a file says of itself in its first bytes, where people take it for a table.
_FOREIGN = {
    b"BZh": "compressed by bzip2; unpack it, or pack it with gzip, first",
    b"\xfd7zXZ": "compressed by xz; unpack it, or pack it with gzip, first",
    b"7z\xbc\xaf": "packed by 7-Zip; unpack it, or pack it with gzip, first",
    b"SQLite format 3": "an SQLite database; name the table with --sql 'select * from …' and a URL sqlite:///FILE",
    b"FEA1": "a Feather file of version 1; save it as Parquet first",
    b"\x89HDF": "an HDF5 file; save the table as Parquet first",
    b"%PDF": "a PDF; save its table as CSV first",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself; fetch that with git lfs pull",
}
# Bytes in memory for a byte of the file: packed columns grow, spelled ones become texts and then numbers.
GROWTH = {"parquet": 8, "arrow": 3, "arrow stream": 3, "json": 6, "json lines": 6, "sheet": 12, "csv": 4}


def format_of(path: Path) -> str:
    """What kind of table a file holds, by its content: a key of `GROWTH`; raises DataError for what is none."""
    with path.open("rb") as file:
        start = file.read(32)
    for mark, note in _FOREIGN.items():
        if start.startswith(mark):
            raise DataError(f"{path} is {note}")
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"ARROW1"):
        return "arrow"
    if start.startswith(_STREAM_START):
        return "arrow stream"
    if start.startswith(_OLD_EXCEL) or _is_workbook(path):
        return "sheet"
    return _text_format(path)


def _is_workbook(path: Path) -> bool:
    if not starts_with(path, b"PK\x03\x04"):
        return False
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        return not {"[Content_Types].xml", "mimetype"}.isdisjoint(archive.namelist())
    return False


def _text_format(path: Path) -> str:
    """JSON by the file's name or by its first line, which no header of a CSV file looks like."""
    with opened(path) as stream:
        start = stream.read(1 << 16).removeprefix(b"\xef\xbb\xbf").lstrip()
    first = start.split(b"\n", 1)[0].strip()
    if re.match(rb"<(?:!doctype|html|\?xml)\b", start, re.IGNORECASE):
        raise DataError(f"{path} is a page of HTML or XML; get the table itself, as CSV for example")
    if re.match(rb"\[\s*(?:\{|\]|\Z)", start):
        return "json"
    if start.startswith(b"{") and (_JSON_ENDING.search(path.name) or _is_object(first)):
        return "json lines" if _is_object(first) else "json"
    return "json" if _JSON_ENDING.search(path.name) and start else "csv"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def read_whole(path: Path, kind: str, options: ReadOptions, findings: list[str] | None = None) -> pl.DataFrame:
    """The whole table of a file of one of these formats; what was found out about it is added to ``findings``."""
    if kind == "parquet":
        return pl.read_parquet(path, glob=False)
    if kind == "arrow":
        return pl.read_ipc(path)
    if kind == "arrow stream":
        return pl.read_ipc_stream(path)
    if kind == "sheet":
        return read_sheet(path, options, findings)
    with opened(path) as stream:
        content = stream.read().removeprefix(b"\xef\xbb\xbf")
    read: Callable[..., pl.DataFrame] = pl.read_json if kind == "json" else pl.read_ndjson
    try:
        return read(io.BytesIO(content), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        what = "a list of objects, one for each row" if kind == "json" else "one object for each line"
        raise DataError(f"{path} is no JSON table ({_why_no_json(content, kind)}); give {what}") from None


def _why_no_json(content: bytes, kind: str) -> str:
    """What is wrong with JSON of which no table can be made."""
    lines = content.split(b"\n") if kind == "json lines" else [content]
    for number, line in enumerate(lines, 1):
        try:
            found = orjson.loads(line) if line.strip() else {}
        except orjson.JSONDecodeError as error:
            return f"line {error.lineno if kind == 'json' else number} is no valid JSON"
        if kind == "json lines" and not isinstance(found, dict):
            return f"line {number} holds no object"
    return "its objects do not make one table"


def batches_of(path: Path, kind: str, rows: int, cells: int) -> Iterator[pl.DataFrame]:
    """The table of a Parquet or Arrow file in batches of at most ``rows`` rows and about ``cells`` cells."""
    lazy = pl.scan_parquet(path, glob=False) if kind == "parquet" else pl.scan_ipc(path, glob=False)
    width = max(1, len(lazy.collect_schema()))
    for batch in lazy.collect_batches(chunk_size=max(1000, min(rows, cells // width))):
        if batch.height:
            yield batch
