"""CSV files, good and bad: what is read, and which line is blamed."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fitserve.data.reading.delimited import ReadOptions, csv_frames
from fitserve.data.reading.read import read_batches, read_frame
from fitserve.errors import DataError

Rows = list[tuple[str | None, ...]]


def whole(path: Path, options: ReadOptions) -> pl.DataFrame:
    return read_frame(path, options)


def in_batches(path: Path, options: ReadOptions) -> pl.DataFrame:
    return pl.concat(list(read_batches(path, options)))


WAYS = pytest.mark.parametrize("read", [whole, in_batches])
Reader = Callable[[Path, ReadOptions], pl.DataFrame]


def written(tmp_path: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(read: Reader, path: Path, words: str, options: ReadOptions | None = None) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(path, options or ReadOptions())
    assert "\n" not in str(caught.value)


@WAYS
@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ("a,b\n1,2\n", ["a", "b"], [("1", "2")]),
        ("a,b\n1,2", ["a", "b"], [("1", "2")]),
        ("a;b\n1,5;2\n3,5;4\n", ["a", "b"], [("1,5", "2"), ("3,5", "4")]),
        ("a\tb\n1 000\t2\n", ["a", "b"], [("1 000", "2")]),
        ("a|b\n1|2\n", ["a", "b"], [("1", "2")]),
        ("\ufeffa,b\n1,2\n", ["a", "b"], [("1", "2")]),
        ("a,b\r\n1,2\r\n3,4\r\n", ["a", "b"], [("1", "2"), ("3", "4")]),
        ("a,b\r1,2\r3,4", ["a", "b"], [("1", "2"), ("3", "4")]),
        ('a,b\n1,"x\ny"\n"3,4",z\n', ["a", "b"], [("1", "x\ny"), ("3,4", "z")]),
        ('a,b\r\n1,"x\r\n\r\ny"\r\n', ["a", "b"], [("1", "x\r\n\r\ny")]),
        ('a,b\n"say ""hi""",2\n', ["a", "b"], [('say "hi"', "2")]),
        ('a,b\nsay "hi" twice,2\n', ["a", "b"], [('say "hi" twice', "2")]),
        ('a,b\n1,4"5\n2,x\n', ["a", "b"], [("1", '4"5'), ("2", "x")]),
        ('a,b\n5" pipe,1\n6" pipe,\n\n"x,\n""",2\n', ["a", "b"], [('5" pipe', "1"), ('6" pipe', None), ('x,\n"', "2")]),
        ('"a\nlong",b\n1,2\n', ["a\nlong", "b"], [("1", "2")]),
        (" a , b \n1,2\n", ["a", "b"], [("1", "2")]),
        ("a,b,\n1,2,\n3,4,\n", ["a", "b", "column_3"], [("1", "2", None), ("3", "4", None)]),
        (",b,,\n1,2,3,4\n", ["column_1", "b", "column_3", "column_4"], [("1", "2", "3", "4")]),
        ("column_2,,c\n1,2,3\n", ["column_2", "column_2_", "c"], [("1", "2", "3")]),
        ("a,b,a\n1,2,3\n", ["a", "b", "a.1"], [("1", "2", "3")]),
        ("a,b, a,a.1,a\n1,2,3,4,5\n", ["a", "b", "a.2", "a.1", "a.3"], [("1", "2", "3", "4", "5")]),
        (
            "a,b\n1,é\n2,ö\n3,ü\n4,".encode() + b"\xe9\n",
            ["a", "b"],
            [("1", "é"), ("2", "ö"), ("3", "ü"), ("4", "\ufffd")],
        ),
        ("a,b\n\n1,2\n\r\n\n3,4\n\n", ["a", "b"], [("1", "2"), ("3", "4")]),
        ("\r\n\na,b\n1,2\n", ["a", "b"], [("1", "2")]),
        ("a,b,c\n1\n1,2\n", ["a", "b", "c"], [("1", None, None), ("1", "2", None)]),
        ("a\n1\n\n3\n", ["a"], [("1",), (None,), ("3",)]),
        ('a,b\n"",1\n,2\n', ["a", "b"], [("", "1"), (None, "2")]),
        ("城市,y\n北京,1\n", ["城市", "y"], [("北京", "1")]),
    ],
)
def test_a_table_is_read(tmp_path: Path, read: Reader, content: str | bytes, columns: list[str], rows: Rows) -> None:
    frame = read(written(tmp_path, content), ReadOptions())
    assert frame.columns == columns
    assert frame.rows() == rows
    assert set(frame.dtypes) == {pl.String}
    packed = tmp_path / "no ending tells that it is packed"
    packed.write_bytes(gzip.compress(content if isinstance(content, bytes) else content.encode()))
    assert read(packed, ReadOptions()).equals(frame)


@WAYS
def test_without_a_header_columns_are_numbered(tmp_path: Path, read: Reader) -> None:
    frame = read(written(tmp_path, "1,1\n3\n"), ReadOptions(header=False))
    assert frame.columns == ["column_1", "column_2"]
    assert frame.rows() == [("1", "1"), ("3", None)]
    refused(read, written(tmp_path, "1,1\n3,4,5\n"), "line 2 has 3 fields, the first line 2", ReadOptions(header=False))


@WAYS
@pytest.mark.parametrize("delimiter", [" ", ":", "#", "\x01"])
def test_any_ascii_sign_may_be_the_delimiter(tmp_path: Path, read: Reader, delimiter: str) -> None:
    content = "a,b\n1,2\n".replace(",", delimiter)
    assert read(written(tmp_path, content), ReadOptions(delimiter)).rows() == [("1", "2")]


@WAYS
@pytest.mark.parametrize("delimiter", ["", "::", "，", '"', "\n", "\r", "1", "a"])
def test_what_is_no_delimiter_is_refused(tmp_path: Path, read: Reader, delimiter: str) -> None:
    refused(read, written(tmp_path, "a,b\n1,2\n"), "a delimiter is one ASCII character", ReadOptions(delimiter))


@WAYS
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty; give a table"),
        (" \n\r\n", "is empty; give a table"),
        ("a,b\n", "has a header but no rows; give a table with data"),
        ("a,b", "has a header but no rows"),
        ("a,b\n\n\n", "has a header but no rows"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 fields, the header 2; check quotes and delimiters there"),
        ('a,b\n"x\ny",2\n\n3,4,5\n', "line 5 has 3 fields, the header 2"),
        ('a,b\n1,2\n1,"x\n2,y\n', "line 3 is broken .*; close or double the quote there"),
        ('a,b\n1,2\n1,"x\n2,y\n3,z"w,4\n', "the quoting that starts on line 3 is broken"),
        ('a,b\n5" pipe,1\n1,2,3\n', "line 3 has 3 fields, the header 2"),
        ('a,b\n5" pipe,1\n6" pipe,"2\n', "the quoting that starts on line 3 is broken"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(
    tmp_path: Path, read: Reader, content: str | bytes, words: str
) -> None:
    refused(read, written(tmp_path, content), words)


@WAYS
def test_damage_is_found_behind_the_first_block(tmp_path: Path, read: Reader) -> None:
    good, n = "1,2\n", 200_000
    body = "a,b\n" + good * n
    for bad, words in (
        ("1,2,3\n", f"line {n + 2} has 3 fields"),
        ('1,"2\n', f"starts on line {n + 2} is broken"),
        ('x\n1,"2\n"3,4\n', f"starts on line {n + 3} is broken"),
    ):
        refused(read, written(tmp_path, body + bad), words)
    utf8 = ReadOptions(encoding="utf-8")
    refused(read, written(tmp_path, body.encode() + b"1,\xff\n"), rf"not UTF-8 \(line {n + 2}\)", utf8)
    refused(read, written(tmp_path, body.encode() + b"1,\xff\n"), rf"not gb18030 \(line {n + 2}\)", gb())
    assert read(written(tmp_path, body.encode() + b"1,\xff\n"), ReadOptions(encoding="latin-1")).height == n + 1


def gb() -> ReadOptions:
    return ReadOptions(encoding="gb18030")


@WAYS
@pytest.mark.parametrize(
    "encoding", ["gb18030", "latin-1", "utf-16", "utf-16-le", "utf-8-sig", "UTF8", "big5", "cp1252"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_an_encoding_may_be_named(tmp_path: Path, read: Reader, encoding: str, packed: bool) -> None:
    city = {"gb18030": "北京", "big5": "北京", "utf-16": "北京😀"}.get(
        encoding, "Zürich" if encoding != "UTF8" else "é"
    )
    content = f'town,y\r\n{city},1\r\n"{city}\r\n{city}",2\r\n'.encode(encoding)
    path = written(tmp_path, gzip.compress(content) if packed else content)
    frame = read(path, ReadOptions(encoding=encoding))
    assert frame.columns == ["town", "y"]
    assert frame.rows() == [(city, "1"), (f"{city}\r\n{city}", "2")]


@WAYS
@pytest.mark.parametrize("encoding", ["nonsense", "hex", "rot13", "", "undefined", "utf-9\0"])
def test_an_unknown_encoding_is_refused(tmp_path: Path, read: Reader, encoding: str) -> None:
    refused(read, written(tmp_path, "a,b\n1,2\n"), "there is no encoding", ReadOptions(encoding=encoding))


@WAYS
def test_the_wrong_encoding_names_the_line(tmp_path: Path, read: Reader) -> None:
    path = written(tmp_path, b"a,b\n1,2\ncaf\xe9,3\n")
    refused(read, path, r"is not gb18030 \(line 3\); try another --encoding", gb())
    refused(read, path, r"is not ascii \(line 3\)", ReadOptions(encoding="ascii"))


@WAYS
def test_a_cut_off_gzip_is_refused(tmp_path: Path, read: Reader) -> None:
    content = "a,b\n" + "".join(f"{i},{i * i}\n" for i in range(50_000))
    whole_file = gzip.compress(content.encode())
    refused(read, written(tmp_path, whole_file[:-20]), "cannot be read: .*; get the file again")
    refused(read, written(tmp_path, whole_file[:500] + b"\0" * 50 + whole_file[550:]), "cannot be read")


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    text = "word, and " * 50_000
    path = written(tmp_path, f'a,b\n"{text}",1\n')
    assert read_frame(path).rows() == [(text, "1")]


def test_blocks_end_where_records_end(tmp_path: Path) -> None:
    """Records with quotes, delimiters and line ends inside, over many small blocks."""
    texts = ["x", "a\nb", 'q"r', '"\n"', "1,2", '\r\n"', "\n\n\n", ",", ""]
    rows = [(texts[i % 9], str(i), texts[(i * 7) % 8]) for i in range(60_000)]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([("a", "b", "c"), *rows])
    path = written(tmp_path, buffer.getvalue())
    frames = list(csv_frames(path, ReadOptions(), block_bytes=1))
    assert len(frames) > 3
    assert [tuple(cell or "" for cell in row) for frame in frames for row in frame.iter_rows()] == rows
    assert [frame.height for frame in csv_frames(path, ReadOptions())] == [60_000]
    cell = "x\n" * 900_000
    wide = written(tmp_path, f'a,b\n1,2\n3,"{cell}"\n4,5\n')
    frames = list(csv_frames(wide, ReadOptions(), block_bytes=1))
    assert [row for frame in frames for row in frame.iter_rows()] == [("1", "2"), ("3", cell), ("4", "5")]


def test_many_rows_with_quotes_inside_fields(tmp_path: Path) -> None:
    """Every quote sets the count of quotes wrong, over several blocks."""
    rows = [(f'{i}" screen', f"note\n{i}" if i % 3 else "plain") for i in range(70_000)]
    lines = [f"{a},{b}" if b == "plain" else f'{a},"{b}"' for a, b in rows]
    path = written(tmp_path, "\n".join(["a,b", "0,0", *lines]))
    frames = list(csv_frames(path, ReadOptions(), block_bytes=1))
    assert [row for frame in frames for row in frame.iter_rows()] == [("0", "0"), *rows]


def test_a_real_file_of_another_encoding_with_a_stray_quote() -> None:
    data = Path(os.environ.get("FITSERVE_DATA", Path(__file__).parents[4] / "shared" / "data"))
    path = data / "zh_medical_qa" / "internal_medicine_gbk.csv.gz"
    if not path.exists():
        pytest.skip(f"the data set {path.name} is not there; FITSERVE_DATA names the folder of the data sets")
    refused(whole, path, r"is not UTF-8 \(line 2\)", ReadOptions(encoding="utf-8"))
    with gzip.open(path, "rt", encoding="gb18030", newline="") as stream:
        names, *rows = csv.reader(stream)
    for options in (ReadOptions(), ReadOptions(encoding="gb18030")):
        frame = whole(path, options)
        assert frame.columns == names
        assert [[cell or "" for cell in row] for row in frame.iter_rows()] == rows


CELL = st.text(alphabet='ab1 ,;"\n\t|é北', max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=6))
    return [f"c{i}" for i in range(width)], rows


@given(table=tables(), delimiter=st.sampled_from(",;\t|"), line_end=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_csv_module_writes_is_read_back(
    tmp_path: Path, table: tuple[list[str], list[list[str]]], delimiter: str, line_end: str
) -> None:
    names, rows = table
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=line_end).writerows([names, *rows])
    frame = read_frame(written(tmp_path, buffer.getvalue()), ReadOptions(delimiter))
    assert frame.columns == names
    assert [[cell or "" for cell in row] for row in frame.rows()] == rows


@given(tokens=st.lists(st.sampled_from(["a", "b1", " ", ",", '"', '""', "\n", "\r\n", '"x y"']), max_size=25))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_as_the_csv_module_reads_it(tmp_path: Path, tokens: list[str]) -> None:
    text = "h,i\nx,y\n" + "".join(tokens)
    path = written(tmp_path, text)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row][1:]
    except csv.Error:  # read where the row is clear all the same, refused in one line where it is not
        with suppress(DataError):
            read_frame(path)
        return
    if max(map(len, rows)) > 2:
        refused(whole, path, "fields, the header 2")
        return
    assert [tuple(cell or "" for cell in row) for row in read_frame(path).rows()] == [padded(row) for row in rows]


def padded(row: Sequence[str]) -> tuple[str, ...]:
    return (*row, *[""] * (2 - len(row)))
