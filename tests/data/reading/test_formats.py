"""The same table in every format, whole and in batches; and files of these formats that hold no table."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from backports import zstd
from pyarrow import feather

from fitserve.data.reading.delimited import ReadOptions
from fitserve.data.reading.read import read_batches, read_frame
from fitserve.errors import DataError

TABLE = pl.DataFrame({"town": ["Köln", None, "北京", "a,b"], "rooms": [1, 2, 3, 4], "price": [1.5, 2.5, None, 4.5]})


def lines() -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in TABLE.to_dicts())


def zipped(name: str, data: bytes, *more: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
        for other in more:
            archive.writestr(other, b"x")
    return buffer.getvalue()


def arrow_stream(path: Path) -> None:
    table = TABLE.to_arrow()
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


CSV = TABLE.write_csv().encode()
WRITERS: dict[str, Callable[[Path], object]] = {
    "table.csv": lambda path: path.write_bytes(CSV),
    "table.tsv": lambda path: path.write_bytes(TABLE.write_csv(separator="\t").encode()),
    "table.csv.gz": lambda path: path.write_bytes(gzip.compress(CSV)),
    "table.csv.zst": lambda path: path.write_bytes(zstd.compress(CSV[:30]) + zstd.compress(CSV[30:])),
    "table.zip": lambda path: path.write_bytes(zipped("inner.csv", CSV, "__MACOSX/inner.csv")),
    "table.parquet": TABLE.write_parquet,
    "table.arrow": TABLE.write_ipc,
    "table.feather": lambda path: feather.write_feather(TABLE.to_arrow(), str(path)),
    "table.arrows": arrow_stream,
    "table.json": lambda path: path.write_text(json.dumps(TABLE.to_dicts(), indent=1), encoding="utf-8"),
    "table.jsonl": lambda path: path.write_bytes(lines()),
    "table of lines without an ending": lambda path: path.write_bytes(b"\xef\xbb\xbf" + lines()),
    "table.ndjson.gz": lambda path: path.write_bytes(gzip.compress(lines())),
    "table.json.zst": lambda path: path.write_bytes(zstd.compress(json.dumps(TABLE.to_dicts()).encode())),
    "table.xlsx": lambda path: TABLE.to_pandas().to_excel(path, index=False),
}  # fmt: skip


def plain(frame: pl.DataFrame) -> list[tuple[str | None, float | None, float | None]]:
    floats = frame.with_columns(pl.col("rooms", "price").cast(pl.Float64))
    return floats.rows()


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_table(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    for frame in (read_frame(path), pl.concat(list(read_batches(path)))):
        assert frame.columns == TABLE.columns
        assert plain(frame) == plain(TABLE)


def refused(path: Path, words: str, options: ReadOptions | None = None) -> None:
    for read in (read_frame, lambda source, options: list(read_batches(source, options))):
        with pytest.raises(DataError, match=words) as caught:
            read(path, options)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.json", b"[1, 2]", "is no JSON table .*; give a list of objects, one for each row"),
        ("a.json", b'[{"a": 1}, 2]', "is no JSON table"),
        ("a.json", b'[{"a": 1}', "is no JSON table"),
        ("a.json", b"[]", "has no columns; give a table|has a header but no rows; give a table"),
        ("a.jsonl", b'{"a": 1}\nx\n', "is no JSON table .*; give one object for each line"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "is no JSON table"),
        ("a.zip", zipped("a.csv", CSV, "b.csv"), "holds 'a.csv', 'b.csv': unpack it and name one table"),
        ("a.zip", zipped("folder/", b""), "holds no file: unpack it"),
        ("a.zip", zipped("a.csv", CSV)[:-40], "cannot be read: .*; get the file again"),
        ("a.csv.zst", zstd.compress(CSV * 100)[:-4], "cannot be read: .*; get the file again"),
        ("a.xlsx", zipped("[Content_Types].xml", b"x"), r"cannot be read as a spreadsheet \(.*\); save the table as"),
        ("a.arrow", b"ARROW1\0\0rubbish", "cannot be read: .*; get the file again"),
        ("a.arrows", b"\xff\xff\xff\xff\x10\0\0\0", "cannot be read: .*; get the file again"),
    ],
)  # fmt: skip
def test_files_without_a_table_are_refused(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    refused(tmp_path / name, words)


def test_one_object_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"a": 1, "b": "x"}, indent=2))
    assert read_frame(tmp_path / "a.json").rows() == [(1, "x")]


def test_members_of_nested_objects_are_columns(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"a": {"b": 1, "c": {"d": "x"}}, "e": 2}, {"a": None, "e": 3}, {"e": "many"}]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    frame = read_frame(tmp_path / "a.json")
    assert frame.columns == ["a.b", "a.c.d", "e"]
    assert frame.rows() == [(1, "x", "2"), (None, None, "3"), (None, None, "many")]


def test_a_member_whose_path_is_a_name_already_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"a": {"b": 1}, "a.b": 2}]))
    notes: list[str] = []
    frame = read_frame(tmp_path / "a.json", None, notes)
    assert (frame.columns, frame.row(0)) == (["a.b", "a.b.1"], (1, 2))
    assert notes == ["a.json has 2 columns named 'a.b': the second is called 'a.b.1', and 'a.b' means the first"]


def test_names_are_the_same_whole_and_in_batches(tmp_path: Path) -> None:
    frame = pl.DataFrame({" a": [1, 2], "a": [3, 4], "b ": ["x", "y"]})
    for name, write in (
        ("t.parquet", frame.write_parquet),
        ("t.arrow", frame.write_ipc),
        ("t.jsonl", frame.write_ndjson),
    ):
        write(tmp_path / name)
        notes: list[list[str]] = [[], []]
        for found in (
            read_frame(tmp_path / name, None, notes[0]),
            pl.concat(list(read_batches(tmp_path / name, None, notes[1]))),
        ):
            assert (found.columns, found.row(0)) == (["a", "a.1", "b"], (1, 3, "x"))
        assert (
            notes[0]
            == notes[1]
            == [f"{name} has 2 columns named 'a': the second is called 'a.1', and 'a' means the first"]
        )


def test_a_member_may_have_the_name_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"a": {"b": 1}, "a.b": 2}, {"a": {"b": 3}, "a.b": 4}]))
    frame = read_frame(tmp_path / "a.json")
    assert (frame.columns, frame.rows()) == (["a.b", "a.b.1"], [(1, 2), (3, 4)])


def test_the_sheet_of_a_workbook_is_chosen(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame().to_excel(writer, sheet_name="notes", index=False)
        TABLE.to_pandas().to_excel(writer, sheet_name="houses", index=False)
    assert plain(read_frame(path)) == plain(TABLE)
    refused(path, r"has no sheet 'house'; it has 'notes', 'houses'", ReadOptions(sheet="house"))
    with pd.ExcelWriter(path, mode="a") as writer:
        pd.DataFrame({"x": [1, 2]}).to_excel(writer, sheet_name="more", index=False)
    refused(path, r"has 2 sheets with tables; say --sheet 'houses' \(or 'more'\)")
    assert read_frame(path, ReadOptions(sheet="more")).rows() == [(1,), (2,)]
