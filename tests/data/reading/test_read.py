"""Files and data frames as tables: what they are called, what they may hold, how large they may be."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import re
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fitserve.data.reading.read import memory_limit, read_batches, read_frame
from fitserve.data.understanding.kinds import infer_field
from fitserve.data.understanding.series import column_of_series
from fitserve.errors import DataError, NotFoundError, SpecError
from fitserve.features.column import Column, Numbers
from fitserve.schema import Kind, read_category

SHANGHAI = ZoneInfo("Asia/Shanghai")
EIGHT, NINE = (dt.datetime(1970, 1, 1, hour, tzinfo=SHANGHAI) for hour in (8, 9))


def values(column: Column) -> list[object]:
    """The values of a column by row, None where missing."""
    if isinstance(column, Numbers):
        return [None if np.isnan(value) else float(value) for value in column.values]
    return [None if code < 0 else column.levels[code] for code in column.codes]


def refused(source: Any, words: str, kind: type[Exception] = DataError) -> None:
    for read in (read_frame, lambda path: list(read_batches(path))) if isinstance(source, Path) else (read_frame,):
        with pytest.raises(kind, match=words) as caught:
            read(source)
        assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text("a,b\n1,2\n")
    refused(
        tmp_path / "house.csv",
        f"there is no file .*; did you mean {re.escape(str(tmp_path / 'houses.csv'))}",
        NotFoundError,
    )
    refused(tmp_path / "xyz", "there is no file .*; check the path", NotFoundError)
    refused(tmp_path / "nowhere" / "houses.csv", "there is no file .*; check the path", NotFoundError)
    refused(tmp_path / ("x" * 300), "File name too long")


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder; give its files, such as ")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "is no plain file")


def test_files_of_other_programs_are_named(tmp_path: Path) -> None:
    def written(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    refused(written("a.bz2", b"BZh91AY&SY"), "compressed by bzip2; unpack it, or pack it with gzip, first")
    refused(written("a.xz", b"\xfd7zXZ\x00\x00"), "compressed by xz")
    refused(written("a.7z", b"7z\xbc\xaf\x27\x1c"), "packed by 7-Zip")
    refused(written("a.feather", b"FEA1\x00\x00"), "a Feather file of version 1; save it as Parquet first")
    refused(written("a.pdf", b"%PDF-1.7"), "a PDF; save its table as CSV first")
    refused(written("a.zst", b"\x28\xb5\x2f\xfd\x04"), "cannot be read: .*; get the file again")
    refused(written("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "cannot be read as a spreadsheet")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (a, b)")
    connection.close()
    refused(tmp_path / "a.db", "is an SQLite database; name the table with --sql 'select")


@pytest.mark.parametrize("damage", ["head", "tail", "middle"])
def test_a_damaged_parquet_file_is_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": list(range(1000)), "b": ["x"] * 1000}).write_parquet(path)
    data = path.read_bytes()
    cut = {
        "head": data[: len(data) // 2],
        "tail": data[:-8] + b"\0" * 4 + data[-4:],
        "middle": b"PAR1" + b"\0" * 90 + b"PAR1",
    }
    path.write_bytes(cut[damage])
    refused(path, "cannot be read: .*; get the file again")


def test_an_empty_parquet_file_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"a": []}).write_parquet(tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", "has a header but no rows; give a table with data")


EVERY_TYPE: dict[str, tuple[pl.Series, Kind, list[object]]] = {
    "int8": (pl.Series([1, None, 2, 5], dtype=pl.Int8), Kind.NUMBER, [1.0, None, 2.0, 5.0]),
    "int64": (pl.Series([2**60, None, 2, 5]), Kind.NUMBER, [2.0**60, None, 2.0, 5.0]),
    "uint64": (pl.Series([2**64 - 1, None, 2, 5], dtype=pl.UInt64), Kind.NUMBER, [2.0**64, None, 2.0, 5.0]),
    "float32": (pl.Series([0.5, None, float("nan"), 1.0], dtype=pl.Float32), Kind.NUMBER, [0.5, None, None, 1.0]),
    "float64": (pl.Series([0.1, None, float("nan"), float("inf")]), Kind.NUMBER, [0.1, None, None, float("inf")]),
    "decimal": (pl.Series([Decimal("1.10"), None, Decimal("2.35"), None]), Kind.NUMBER, [1.1, None, 2.35, None]),
    "boolean": (pl.Series([True, None, False, True]), Kind.BOOLEAN, [True, None, False, True]),
    "date": (pl.Series([dt.date(1970, 1, 2), None, dt.date(1, 1, 1), dt.date(9999, 12, 31)]), Kind.DATETIME,
             [86400.0, None, -62135596800.0, 253402214400.0]),
    "datetime": (pl.Series([dt.datetime(1970, 1, 1, 0, 0, 1, 500_000), None, dt.datetime(1969, 12, 31), None]),
                 Kind.DATETIME, [1.5, None, -86400.0, None]),
    "datetime_ns": (pl.Series([dt.datetime(1970, 1, 1, 0, 0, 1), None, dt.datetime(1969, 12, 31), None],
                              dtype=pl.Datetime("ns")), Kind.DATETIME, [1.0, None, -86400.0, None]),
    "datetime_zone": (pl.Series([EIGHT, None, NINE, None], dtype=pl.Datetime("us", "Asia/Shanghai")),
                      Kind.DATETIME, [0.0, None, 3600.0, None]),
    "categorical": (pl.Series(["x", None, "y", "x"], dtype=pl.Categorical), Kind.CATEGORY, ["x", None, "y", "x"]),
    "enum": (pl.Series(["x", None, "y", "x"], dtype=pl.Enum(["y", "x"])), Kind.CATEGORY, ["x", None, "y", "x"]),
    "string": (pl.Series(["x", None, "y", "x"]), Kind.CATEGORY, ["x", None, "y", "x"]),
    "null": (pl.Series([None, None, None, None]), Kind.CONSTANT, [None] * 4),
}  # fmt: skip


def test_parquet_of_every_type(tmp_path: Path) -> None:
    path = tmp_path / "types.parquet"
    pl.DataFrame({name: series for name, (series, _, _) in EVERY_TYPE.items()}).write_parquet(path)
    frame = read_frame(path)
    assert pl.concat(list(read_batches(path))).equals(frame)
    for name, (_, kind, expected) in EVERY_TYPE.items():
        field, column = infer_field(frame[name])
        assert (name, field.kind) == (name, kind)
        assert (name, values(column)) == (name, expected)
        assert field.missing == sum(each is None or each == float("inf") for each in expected) / 4


@pytest.mark.parametrize(
    "series",
    [
        pl.Series("x", [[[1]], [[2]]]),
        pl.Series("x", [{"a": 1}, {"a": 2}]),
        pl.Series("x", [b"a", b"b"]),
        pl.Series("x", [[b"a"], [b"b"]]),
        pl.Series("x", [dt.timedelta(1), None]),
        pl.Series("x", [dt.time(1), None]),
    ],
)
@pytest.mark.parametrize("wanted", [None, Kind.TEXT])
def test_types_that_no_model_reads_are_refused(series: pl.Series, wanted: Kind | None) -> None:
    with pytest.raises(
        DataError, match=r"column 'x' holds .* values; turn them into numbers or texts, or leave .* --exclude"
    ):
        infer_field(series, wanted)


PANDAS: dict[str, tuple[Any, Kind, list[object]]] = {
    "object": (["a", None, "b", "a"], Kind.CATEGORY, ["a", None, "b", "a"]),
    "nan": (["a", np.nan, "b", "a"], Kind.CATEGORY, ["a", None, "b", "a"]),
    "mixed": (pd.Series([1, "a", 2.5, None], dtype=object), Kind.CATEGORY, ["1", "a", "2.5", None]),
    "category": (pd.Categorical(["a", None, "b", "a"]), Kind.CATEGORY, ["a", None, "b", "a"]),
    "category of numbers": (pd.Categorical([3, None, 5, 3]), Kind.CATEGORY, ["3", None, "5", "3"]),
    "category of floats": (pd.Categorical([3.0, None, 5.5, 3.0]), Kind.CATEGORY, ["3", None, "5.5", "3"]),
    "Int64": (pd.array([2**60 + 1, None, 3, 4], dtype="Int64"), Kind.NUMBER, [2.0**60, None, 3.0, 4.0]),
    "Int64 of codes": (pd.array([2**60 + 1, None, 2**60, 2**60], dtype="Int64"), Kind.CATEGORY,
                       [2**60 + 1, None, 2**60, 2**60]),
    "Float64": (pd.array([0.5, None, 3, 3], dtype="Float64"), Kind.NUMBER, [0.5, None, 3.0, 3.0]),
    "boolean": (pd.array([True, None, False, True], dtype="boolean"), Kind.BOOLEAN, [True, None, False, True]),
    "bool": ([True, True, False, True], Kind.BOOLEAN, [True, True, False, True]),
    "bool object": (pd.Series([True, None, False, True], dtype=object), Kind.BOOLEAN, [True, None, False, True]),
    "string": (pd.array(["x", None, "y", "x"], dtype="string"), Kind.CATEGORY, ["x", None, "y", "x"]),
    "datetime64": (pd.to_datetime(["1970-01-02", None, "1970-01-01", None]), Kind.DATETIME, [86400.0, None, 0.0, None]),
    "datetime64 zone": (pd.to_datetime(["1970-01-01 08:00", None, "1970-01-01 09:00", None]).tz_localize(SHANGHAI),
                        Kind.DATETIME, [0.0, None, 3600.0, None]),
    "date": ([dt.date(1970, 1, 2), None, dt.date(1970, 1, 1), None], Kind.DATETIME, [86400.0, None, 0.0, None]),
    "float": ([0.5, np.nan, 1.5, np.inf], Kind.NUMBER, [0.5, None, 1.5, np.inf]),
    "float16": (np.array([0.5, 1, 2, 2], dtype=np.float16), Kind.NUMBER, [0.5, 1.0, 2.0, 2.0]),
    "uint8": (np.array([255, 1, 2, 2], dtype=np.uint8), Kind.NUMBER, [255.0, 1.0, 2.0, 2.0]),
    "decimal": ([Decimal("1.5"), None, Decimal("2.5"), None], Kind.NUMBER, [1.5, None, 2.5, None]),
}  # fmt: skip


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_of_every_type(name: str) -> None:
    given, kind, expected = PANDAS[name]
    frame = pd.DataFrame({name: given})
    frame.index = pd.Index([7, 7, 8, 9])
    field, column = infer_field(read_frame(frame)[name])
    assert field.kind == kind
    assert values(column) == expected


def test_frames_of_any_library_give_the_same_columns() -> None:
    data = {"n": [1.5, None, 3.0], "t": ["x", None, "y"], "b": [True, False, None], "i": [1, 2, 3]}
    frames = [
        read_frame(source)
        for source in (
            pl.DataFrame(data),
            pl.LazyFrame(data),
            pa.table(data),
            pa.record_batch(data),
            pd.DataFrame(data),
            data,
        )
    ]
    for frame in frames[1:]:
        assert frame.columns == frames[0].columns
        for name in data:
            assert values(column_of_series(frame[name])) == values(column_of_series(frames[0][name]))


def test_an_arrow_dictionary_is_a_category() -> None:
    table = pa.table({"a": pa.array(["x", "y", "x"]).dictionary_encode()})
    assert infer_field(read_frame(table)["a"])[0].kind == Kind.CATEGORY


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (pd.DataFrame(), "the DataFrame has no columns"),
        (pd.DataFrame({"a": []}), "the DataFrame has a header but no rows"),
        (pl.DataFrame(), "the DataFrame has no columns"),
        ({"a": [1, 2, 3], "b": [1, 2]}, "the dict cannot be read"),
        (pl.LazyFrame({"a": [1]}).select("b"), "the LazyFrame cannot be read"),
        ([{"a": 1}], "the list is not a table; give a path, a DataFrame or an Arrow table"),
        (np.zeros((2, 2)), "the ndarray is not a table"),
        (pd.Series([1, 2]), "the Series is not a table"),
        (None, "the NoneType is not a table"),
    ],
)
def test_what_is_no_table_is_refused(source: Any, words: str) -> None:
    refused(source, words)


@pytest.mark.parametrize(
    ("source", "names", "note"),
    [
        (pd.DataFrame([[1, 2, 3]], columns=["a", "a", "a.1"]), ["a", "a.2", "a.1"], "the DataFrame has 2 columns named 'a': the second is called 'a.2', and 'a' means the first"),
        (pd.DataFrame([[1, 2, 3]], columns=[1, "1", ""]), ["1", "1.1", "column_3"], "the DataFrame has 2 columns named '1': the second is called '1.1', and '1' means the first"),
        (pa.table([[1], [2], [3]], names=["a", "a", "a"]), ["a", "a.1", "a.2"], "the Table has 3 columns named 'a': the others are called 'a.1', 'a.2', and 'a' means the first"),
    ],
)  # fmt: skip
def test_columns_of_one_name_are_kept_apart(source: Any, names: list[str], note: str) -> None:
    found: list[str] = []
    frame = read_frame(source, None, found)
    assert frame.columns == names
    assert frame.row(0) == (1, 2, 3)
    assert found == [note]


def test_names_of_pandas_columns_become_texts() -> None:
    assert read_frame(pd.DataFrame([[1, 2, 3]], columns=[0, 2.5, ("a", "b")])).columns == ["0", "2.5", "('a', 'b')"]


def as_gzip(frame: pl.DataFrame, path: Path) -> None:
    path.write_bytes(gzip.compress(frame.write_csv().encode(), compresslevel=1))


FORMATS: dict[str, Callable[[pl.DataFrame, Path], None]] = {
    "table.csv": pl.DataFrame.write_csv,
    "table.csv.gz": as_gzip,
    "table.parquet": pl.DataFrame.write_parquet,
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_larger_than_memory_is_refused_whole_and_read_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    n = 150_000
    frame = pl.DataFrame({"a": np.random.default_rng(0).random(n), "b": ["x", "y", "z"] * (n // 3)})
    FORMATS[name](frame, tmp_path / name)
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", str(1 << 20))
    assert memory_limit() == 1 << 20
    words = r"would need (about|at least) [0-9.]+ MB of memory and may take 1\.0 MB; use a part of its rows, or raise"
    with pytest.raises(DataError, match=words):
        read_frame(tmp_path / name)
    batches = list(read_batches(tmp_path / name))
    assert len(batches) > 1
    assert sum(batch.height for batch in batches) == n
    assert values(column_of_series(pl.concat(batches)["a"], Kind.NUMBER)) == frame["a"].to_list()


def test_a_bomb_in_gzip_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.csv"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(b"a,b\n")
        for _ in range(40):
            stream.write(b"1,2\n" * 250_000)
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", "1000000")
    with pytest.raises(DataError, match="would need at least"):
        read_frame(path)
    assert next(read_batches(path)).height < 200_000


def test_a_limit_that_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", "1 GB")
    with pytest.raises(SpecError, match="FITSERVE_MEMORY_LIMIT='1 GB' is not int"):
        read_frame(tmp_path / "a.csv")


def test_moments_as_categories_are_spelled_as_in_serving() -> None:
    moments = [dt.datetime(2026, 1, 31, 8, 30), dt.datetime(2026, 2, 1)]
    _, column = infer_field(pl.Series("x", moments), Kind.CATEGORY)
    assert [read_category(level) for level in values(column)] == [read_category(moment) for moment in moments]
