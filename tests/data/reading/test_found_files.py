"""Files as they lie around: titles, comments, totals, notes, columns aligned by blanks; and files that only look so."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fitserve.data.reading.delimited import ReadOptions
from fitserve.data.reading.read import read_batches, read_frame
from fitserve.errors import DataError

Rows = list[tuple[str | None, ...]]


def read(path: Path, options: ReadOptions | None = None) -> tuple[pl.DataFrame, list[str]]:
    """The table and what is told about it, the same whole and in batches."""
    whole: list[str] = []
    parts: list[str] = []
    frame = read_frame(path, options, whole)
    batches = pl.concat(list(read_batches(path, options, parts)))
    assert batches.equals(frame)
    assert batches.columns == frame.columns
    assert parts == whole
    return frame, whole


def written(tmp_path: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


NUMBERS = "1,2,x\n3,4,y\n5,6,x\n"
ABC: Rows = [("1", "2", "x"), ("3", "4", "y"), ("5", "6", "x")]

# name: content, columns, rows, words of each finding
FILES: dict[str, tuple[str, list[str], Rows, list[str]]] = {
    "comments": (
        f"# exported 2024-05-01, station 7\n# units: m, s\na,b,y\n{NUMBERS}", ["a", "b", "y"], ABC,
        ["its first 2 lines, comments, were left out ('# exported 2024-05-01, station 7')"]),
    "a header that begins with a hash": (f"#a,b,y\n{NUMBERS}", ["a", "b", "y"], ABC, ["a header that begins with '#'"]),
    "comments, the last of which is the header": (
        "# made by numpy\n# x y z\n1.0e+00 2.5e+00 3.5e+00\n4.0e+00 5.5e+00 6.5e+00\n0.0e+00 0.0e+00 0.0e+00\n", ["x", "y", "z"],
        [("1.0e+00", "2.5e+00", "3.5e+00"), ("4.0e+00", "5.5e+00", "6.5e+00"), ("0.0e+00", "0.0e+00", "0.0e+00")],
        ["aligned by blanks", "its first line, a comment, was left out", "a header that begins with '#'"]),
    "comments between rows": (
        "# by hand\na,b\n1,2\n# recalibrated\n3,4\n# a \"quote\n5,6\n", ["a", "b"], [("1", "2"), ("3", "4"), ("5", "6")],
        ["its first line, a comment", "comments between its rows were left out (2 lines that begin with '#')"]),
    "comments by percent": (f"% relation\n%\na,b,y\n{NUMBERS}", ["a", "b", "y"], ABC, ["its first 2 lines, comments"]),
    "a title and a blank line": (
        f"Monthly report\n\na,b,y\n{NUMBERS}", ["a", "b", "y"], ABC,
        ["its first 2 lines were left out ('Monthly report')"]),
    "a title alone": (
        "Land-Ocean: Global Means\nYear,Jan,Feb\n1880,-.19,-.25\n1881,-.20,-.15\n1882,.16,.13\n", ["Year", "Jan", "Feb"],
        [("1880", "-.19", "-.25"), ("1881", "-.20", "-.15"), ("1882", ".16", ".13")], ["a title before its header"]),
    "a title above texts": (
        "Staff, of May\n\nname,town,team\nAnn,Bonn,a\nBob,Ulm,b\nBob,Köln,a\n", ["name", "town", "team"],
        [("Ann", "Bonn", "a"), ("Bob", "Ulm", "b"), ("Bob", "Köln", "a")], ["a title before its header"]),
    "a title padded by a spreadsheet": (
        "Sales,,,\n,,,\nregion,q1,q2,q3\nnorth,1,2,3\nsouth,4,5,6\nwest,7,8,9\nTotal,12,15,18\n",
        ["region", "q1", "q2", "q3"], [("north", "1", "2", "3"), ("south", "4", "5", "6"), ("west", "7", "8", "9")],
        ["its first 2 lines were left out ('Sales,,,')", "ends with a total: its last line was left out"]),
    "the World Bank": (
        '"Data Source","World Development Indicators",\n\n"Last Updated Date","2021-06-30",\n\n'
        '"Country Name","Code","1960","1961",\n"Aruba","ABW","54211","55438",\n"Africa","AFE","13083","13415",\n'
        '"Angola","AGO","5454","5531",\n', ["Country Name", "Code", "1960", "1961", "column_5"],
        [("Aruba", "ABW", "54211", "55438", None), ("Africa", "AFE", "13083", "13415", None),
         ("Angola", "AGO", "5454", "5531", None)], ["its first 4 lines were left out"]),
    "the World Bank's notes": (
        "Country Name,Code,2019\nAruba,ABW,5\nAngola,AGO,7\nChad,TCD,8\n\n\n"
        "Data from database: World Development Indicators\nLast Updated: 06/30/2021\n", ["Country Name", "Code", "2019"],
        [("Aruba", "ABW", "5"), ("Angola", "AGO", "7"), ("Chad", "TCD", "8")],
        ["ends with notes: its last 2 lines were left out ('Data from database"]),
    "the footnotes of the United Nations": (
        '"Country","Year","Value"\n"Albania","2001","5"\n"Algeria","2001","7"\n"Angola","2001","9"\n\n'
        '"footnoteSeqID","Footnote"\n"1","Projected, by estimate"\n', ["Country", "Year", "Value"],
        [("Albania", "2001", "5"), ("Algeria", "2001", "7"), ("Angola", "2001", "9")], ["ends with notes: its last 2 lines"]),
    "Chinese statistics": (
        "2023年各地区人口统计,,\n地区,人口,面积\n北京,2189,16410\n天津,1387,11966\n河北,7461,188800\n合计,11037,217176\n"
        "注：数据来源：国家统计局,,\n", ["地区", "人口", "面积"],
        [("北京", "2189", "16410"), ("天津", "1387", "11966"), ("河北", "7461", "188800")],
        ["a title before its header", "ends with a total and notes: its last 2 lines"]),
    "a total where numbers stand": (f"a,b,y\n{NUMBERS}Total,,3\n", ["a", "b", "y"], ABC, ["ends with a total"]),
    "a total with blank cells": (
        "town,a,b,c\nUlm,1,2,3\nBonn,3,4,5\nKöln,5,6,7\nSumme,,,15\n", ["town", "a", "b", "c"],
        [("Ulm", "1", "2", "3"), ("Bonn", "3", "4", "5"), ("Köln", "5", "6", "7")], ["ends with a total"]),
    "a total that adds up": (
        'town,sold\nUlm,"1,200.50"\nBonn,300\nKöln,20\nGrand total:,"1,520.50"\n', ["town", "sold"],
        [("Ulm", "1,200.50"), ("Bonn", "300"), ("Köln", "20")], ["ends with a total"]),
    "a source in the last line": (
        "id,v,w\n1,5,a\n2,7,b\n3,6,c\n,,\nSource: Office of Statistics,,\n", ["id", "v", "w"],
        [("1", "5", "a"), ("2", "7", "b"), ("3", "6", "c")], ["ends with notes"]),
    "the delimiter in the first line": (
        "sep=;\na;b\n1,5;x\n2,5;y\n3,5;x\n", ["a", "b"], [("1,5", "x"), ("2,5", "y"), ("3,5", "x")],
        ["names its delimiter in its first line (sep=;)"]),
    "names of rows, as R writes them": (
        '"mpg","cyl"\n"Mazda RX4",21,6\n"Datsun 710",22.8,4\n"Hornet",21.4,6\n', ["column_1", "mpg", "cyl"],
        [("Mazda RX4", "21", "6"), ("Datsun 710", "22.8", "4"), ("Hornet", "21.4", "6")], ["as R writes it"]),
    "R's own table": (
        '"Sepal.Length" "Sepal.Width" "Species"\n"1" 5.1 3.5 "setosa"\n"2" 4.9 3 "vir ginica"\n"3" 4.7 3.2 "setosa"\n',
        ["column_1", "Sepal.Length", "Sepal.Width", "Species"],
        [("1", "5.1", "3.5", "setosa"), ("2", "4.9", "3", "vir ginica"), ("3", "4.7", "3.2", "setosa")],
        ["aligned by blanks", "as R writes it"]),
    "a delimiter more in each row": (
        "a,b,y\n1,2,x,\n3,4,y,\n5,6,x,\n", ["a", "b", "y"], ABC, ["end with a delimiter more than its header"]),
    "blanks and a tab": (
        '18.0   8   307.0      130.0      3504.      12.0   70  1\t"chevrolet chevelle malibu"\n'
        '15.0   8   350.0      165.0      3693.      11.5   70  1\t"buick skylark 320"\n'
        '25.0   4   98.00      ?          2046.      19.0   71  1\t"ford pinto"\n', [f"column_{i}" for i in range(1, 10)],
        [("18.0", "8", "307.0", "130.0", "3504.", "12.0", "70", "1", "chevrolet chevelle malibu"),
         ("15.0", "8", "350.0", "165.0", "3693.", "11.5", "70", "1", "buick skylark 320"),
         ("25.0", "4", "98.00", "?", "2046.", "19.0", "71", "1", "ford pinto")], ["aligned by blanks", "has no header"]),
    "one blank, and one at the end": (
        "-2.3 0.568 4.78 \n-2.3 0.568 4.79 \n-5.0 0.600 4.78 \n", ["column_1", "column_2", "column_3"],
        [("-2.3", "0.568", "4.78"), ("-2.3", "0.568", "4.79"), ("-5.0", "0.600", "4.78")],
        ["aligned by blanks", "has no header"]),
    "aligned to the right, with a header": (
        "  YEAR MO   TEMP\r\n  2001  1   12.5\r\n  2001  2  -11.5\r\n  2001 12   10.0\r\n", ["YEAR", "MO", "TEMP"],
        [("2001", "1", "12.5"), ("2001", "2", "-11.5"), ("2001", "12", "10.0")], ["aligned by blanks"]),
    "blanks and decimal commas": (
        "x y\n1,5 2,5\n3,5 4,5\n5,5 6,5\n", ["x", "y"], [("1,5", "2,5"), ("3,5", "4,5"), ("5,5", "6,5")],
        ["aligned by blanks"]),
    "a block of text before tabs": (
        "/* DESCRIPTION:\nCitation:\tSmith (2001)\n*/\nDepth [m]\tTemp\tSal\n1\t5.5\t35\n2\t5.4\t35.1\n3\t5.2\t35.2\n",
        ["Depth [m]", "Temp", "Sal"], [("1", "5.5", "35"), ("2", "5.4", "35.1"), ("3", "5.2", "35.2")],
        ["its first 3 lines were left out"]),
    "names and values before a blank line": (
        "Station,7\nUnits,m\n\nx,y\n1,2\n3,4\n5,6\n", ["x", "y"], [("1", "2"), ("3", "4"), ("5", "6")],
        ["its first 3 lines were left out ('Station,7')"]),
    "two columns of one name": ("a,b,a\n1,2,x\n3,4,y\n5,6,x\n", ["a", "b", "a.1"], ABC, ["2 columns named 'a'"]),
    "the end of a text for DOS": ("a,b,y\r\n1,2,x\r\n3,4,y\r\n5,6,x\r\n\x1a", ["a", "b", "y"], ABC, []),
    "carriage returns with one line feed": ("a,b,y\r1,2,x\r3,4,y\r5,6,x\n", ["a", "b", "y"], ABC, []),
    "Eurostat": (
        "unit,geo\\time\t2019 \t2018 \nPC,AT\t1.5 \t2.1 \nPC,BE\t1.2 b\t2.3 \nPC,DE\t: \t1.9 \n",
        ["unit,geo\\time", "2019", "2018"], [("PC,AT", "1.5 ", "2.1 "), ("PC,BE", "1.2 b", "2.3 "), ("PC,DE", ": ", "1.9 ")],
        []),
}  # fmt: skip

# The same, of which nothing is left out: at most something is told.
PLAIN: dict[str, tuple[str, list[str], Rows, list[str]]] = {
    "a column called #": (
        "#,Name,Total\n1,Bulbasaur,318\n2,Ivysaur,405\n3,Venusaur,525\n", ["#", "Name", "Total"],
        [("1", "Bulbasaur", "318"), ("2", "Ivysaur", "405"), ("3", "Venusaur", "525")], []),
    "a column called #, above blank cells": ("#,T\n:,\n1.5,\n", ["#", "T"], [(":", None), ("1.5", None)], []),
    "a column called #, above a gap": ("#,T\n:,;\n,1.5\n", ["#", "T"], [(":", ";"), (None, "1.5")], []),
    "a short row behind a blank line": ("a,b\nx,y\nx,z\nu,v\n\nw\n", ["a", "b"],
                                        [("x", "y"), ("x", "z"), ("u", "v"), ("w", None)],
                                        ["ends with a row of 1 cells where the others have 2"]),
    "cells that begin with a hash": ("tag,n\n#love,5\n#hate,3\n#joy,4\n", ["tag", "n"],
                                     [("#love", "5"), ("#hate", "3"), ("#joy", "4")], []),
    "no header, and a hash in each row": ("#love,5\n#hate,3\n#joy,4\n", ["column_1", "column_2"],
                                          [("#love", "5"), ("#hate", "3"), ("#joy", "4")], ["has no header"]),
    "a percent sign in the first name": ("% change,n\n1.5,5\n2.5,3\n3,4\n", ["% change", "n"],
                                         [("1.5", "5"), ("2.5", "3"), ("3", "4")], []),
    "a level called Total": (
        "sex,year,n\nFemale,2019,5\nTotal,2019,11\nFemale,2020,5\nTotal,2020,5\n", ["sex", "year", "n"],
        [("Female", "2019", "5"), ("Total", "2019", "11"), ("Female", "2020", "5"), ("Total", "2020", "5")], []),
    "a brand called Total": (
        "brand,price,sold\nShell,5,1\nBP,6,0\nEsso,7,1\nTotal,8,1\n", ["brand", "price", "sold"],
        [("Shell", "5", "1"), ("BP", "6", "0"), ("Esso", "7", "1"), ("Total", "8", "1")],
        ["may end with a total ('Total,8,1'); --skip-footer 1 leaves it out"]),
    "rows that are short": ("a,b,c\n1\n1,2\nnote\n", ["a", "b", "c"],
                            [("1", None, None), ("1", "2", None), ("note", None, None)], []),
    "a last row that is cut off": ("a,b,c\n1,2,3\n4,5,6\n7,8,9\n10,1", ["a", "b", "c"],
                                   [("1", "2", "3"), ("4", "5", "6"), ("7", "8", "9"), ("10", "1", None)],
                                   ["ends with a row of 2 cells where the others have 3"]),
    "blank rows at the end": ("a,b\n1,2\n3,4\n,\n,\n", ["a", "b"], [("1", "2"), ("3", "4"), (None, None), (None, None)],
                              ["ends with 2 blank rows; --skip-footer 2 leaves them out"]),
    "sentences": ("text\nI have 2 cats\nYou have 3 dogs\nWe have 4 cows\n", ["text"],
                  [("I have 2 cats",), ("You have 3 dogs",), ("We have 4 cows",)], []),
    "addresses": ("street address\nMain 5\nOak 7\nElm 12\n", ["street address"], [("Main 5",), ("Oak 7",), ("Elm 12",)],
                  ["was read as one column of texts; if blanks separate its columns, say --delimiter blanks"]),
    "names of two words between tabs": ("id\tname\tage\n1\tAnn Lee\t5\n2\tBob Ray\t6\n", ["id", "name", "age"],
                                        [("1", "Ann Lee", "5"), ("2", "Bob Ray", "6")], []),
    "thousands by blanks": ("price\n1 000\n2 500\n3 100\n", ["price"], [("1 000",), ("2 500",), ("3 100",)], []),
    "moments": ("time,v\n2020-01-01 10:00,5\n2020-01-01 11:00,6\n", ["time", "v"],
                [("2020-01-01 10:00", "5"), ("2020-01-01 11:00", "6")], []),
    "blank lines between rows": ("a,b\n\n1,x\n\n3,y\n", ["a", "b"], [("1", "x"), ("3", "y")], []),
    "the header alone is blank but for one": (",b,,\n1,2,3,4\n5,6,7,8\n", ["column_1", "b", "column_3", "column_4"],
                                               [("1", "2", "3", "4"), ("5", "6", "7", "8")], []),
    "carriage returns in cells": ('a,b\n1,"x\ry\rz\rw"\n3,4\n', ["a", "b"], [("1", "x\ry\rz\rw"), ("3", "4")], []),
    "a note among notes": ('text,label\ngood,1\n"Source: a friend",0\nbad,0\n"Note: fine",1\n', ["text", "label"],
                           [("good", "1"), ("Source: a friend", "0"), ("bad", "0"), ("Note: fine", "1")], []),
}  # fmt: skip


@pytest.mark.parametrize("name", [*FILES, *PLAIN])
def test_a_file_is_read(tmp_path: Path, name: str) -> None:
    content, columns, rows, notes = (FILES | PLAIN)[name]
    frame, findings = read(written(tmp_path, content))
    assert frame.columns == columns
    assert frame.rows() == rows
    for finding, words in zip(findings, notes, strict=True):
        assert finding.startswith("t.csv")
        assert words in finding
        assert "\n" not in finding


@pytest.mark.parametrize("name", [name for name, (content, *_) in FILES.items() if "\r" not in content])
@pytest.mark.parametrize(("encoding", "ends"), [("gb18030", "\r\n"), ("utf-16", "\n")])
def test_encoding_and_line_ends_change_nothing(tmp_path: Path, name: str, encoding: str, ends: str) -> None:
    content, columns, rows, _ = FILES[name]
    path = written(tmp_path, content.replace("\n", ends).encode(encoding))
    frame, _ = read(path, ReadOptions(encoding=encoding))
    assert (frame.columns, frame.rows()) == (columns, rows)


def test_options_say_what_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "made by hand\nin May\na,b\n// one\n1,2\n3,4\nTotal,6\nsource,us\n")
    options = ReadOptions(skip_rows=2, skip_footer=2, comment="//")
    frame, findings = read(path, options)
    assert (frame.columns, frame.rows()) == (["a", "b"], [("1", "2"), ("3", "4")])
    assert findings == []


def test_nothing_is_searched_for_where_an_option_says_none(tmp_path: Path) -> None:
    path = written(tmp_path, "#a,b\n1,2\n3,4\n5,6\nTotal,12\n")
    frame, findings = read(path, ReadOptions(skip_rows=0, skip_footer=0))
    assert (frame.columns, frame.height, findings) == (["#a", "b"], 4, [])


def test_comments_are_left_out_by_an_option_wherever_they_stand(tmp_path: Path) -> None:
    content = '# x\na,b\n1,2\n# it\'s 5" wide, 3, 4\n3,"# not\n# a comment"\n#\n5,6\n'
    frame, findings = read(written(tmp_path, content), ReadOptions(comment="#"))
    assert frame.rows() == [("1", "2"), ("3", "# not\n# a comment"), ("5", "6")]
    assert findings == []
    frame, _ = read(written(tmp_path, "a\n1\n# x\n3\n"), ReadOptions(comment="#"))
    assert frame.rows() == [("1",), ("3",)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ReadOptions(skip_rows=-1), "--skip-rows is a number of lines from 0, not -1"),
        (ReadOptions(skip_footer=-2), "--skip-footer is a number of lines from 0, not -2"),
        (ReadOptions(comment=""), "--comment is the sign that comment lines begin with"),
        (ReadOptions(comment="rem"), "not 'rem'"),
        (ReadOptions(skip_rows=9), "has no line behind the 9 that --skip-rows leaves out"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, options: ReadOptions, words: str) -> None:
    path = written(tmp_path, "a,b\n1,2\n3,4\n")
    for way in (read_frame, lambda source, options: list(read_batches(source, options))):
        with pytest.raises(DataError, match=words):
            way(path, options)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "a,b\n1,2\n3,4\n# x, y, z\n5,6\n7,8\n",
            "line 4 has 3 fields.* or leave out lines that begin with '#' by --comment '#'",
        ),
        (
            "some,title\na,b,c\nx,y,z\nx,u,v\n",
            "line 2 has 3 fields.*, or leave out the lines before the header by --skip-rows",
        ),
        (
            "a,b\n" + "1,2\n" * 30 + "this, and, that\n",
            "line 32 has 3 fields.*, or leave out what stands behind .* --skip-footer",
        ),
    ],
)
def test_an_error_names_the_option_that_helps(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(written(tmp_path, content))


def test_the_end_of_a_table_of_many_blocks_is_evaluated_like_that_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{i},{i * 7 % 1000},town {i % 50}\n" for i in range(40_000))
    path = written(tmp_path, f"# by hand\nid,v,town\n{rows}\nTotal,,40000\nSource: the office, of May\n")
    frame, findings = read(path)
    assert frame.height == 40_000
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", str(1 << 20))
    found: list[str] = []
    batches = list(read_batches(path, None, found))
    assert len(batches) > 1
    assert pl.concat(batches).equals(frame)
    assert found == findings
    assert len(findings) == 2
    some = pl.concat(list(read_batches(path, ReadOptions(skip_footer=30_000))))
    assert some.height == 10_002


def test_bytes_that_a_found_encoding_does_not_have_are_replaced_and_told(tmp_path: Path) -> None:
    good = "".join(f"{i},Zürich – “fein”\n" for i in range(200))
    path = written(
        tmp_path, b"id,town\n" + good.encode("cp1252") + b"200,Z\x81rich\n201,\x8d\x8f\n" + good.encode("cp1252")
    )
    frame, findings = read(path)
    assert frame["town"].to_list()[199:203] == ["Zürich – “fein”", "Z\ufffdrich", "\ufffd\ufffd", "Zürich – “fein”"]
    assert findings[-1] == (
        "t.csv: 3 bytes were replaced by \ufffd in lines 202, 203, for cp1252 does not have them; "
        "mend them, or choose another --encoding"
    )
    cut = written(tmp_path, ("姓名,城市\n" + "张三,北京\n" * 50).encode()[:-2])
    frame, findings = read(cut)
    assert frame["城市"].to_list()[48:] == ["北京", "北\ufffd"]
    assert "in line 51" in findings[-1]
    lines = [f"{i},café{i}\n".encode("latin-1" if i < 20 else "utf-8") for i in range(60)]
    mixed = written(tmp_path, b"a,b\n" + b"".join(lines))
    with pytest.raises(
        DataError, match=r"is not utf-8 in lines 2, 3, 4, 5, 6 and 6 more; save it in one encoding, or say"
    ):
        read(mixed)


def test_what_is_no_text_is_refused_in_own_words(tmp_path: Path) -> None:
    for name, content, words in (
        ("a.csv", bytes(range(256)) * 20, "a.csv holds no text; give a table as CSV"),
        ("b.csv", b'a,b\n1,x\n2,y\n3,z\n4,"x\n', r"b.csv: the quoting that starts on line 5 is broken \(it is never"),
        (
            "c.csv",
            b'a,b\n5" pipe,1\n6" pipe,y\rz\n3,4\n',
            "c.csv: line 3 holds a carriage return outside quotes; end all lines in",
        ),
        ("d.csv", b"a\rx,b\n1,2\n", "carriage return outside quotes"),
        ("e.html", b"<!DOCTYPE html>\n<html>\n", "is a page of HTML or XML; get the table itself"),
        ("f.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer of Git LFS"),
    ):
        (tmp_path / name).write_bytes(content)
        for way in (read_frame, lambda source: list(read_batches(source))):
            with pytest.raises(DataError, match=words) as caught:
                way(tmp_path / name)
            assert "universal" not in str(caught.value)
            assert "\n" not in str(caught.value)


def test_a_spreadsheet_has_titles_totals_and_columns_of_one_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import openpyxl  # type: ignore[import-untyped]

    def saved(rows: Sequence[Sequence[object]]) -> Path:
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for row in rows:
            sheet.append(list(row))
        book.save(tmp_path / "t.xlsx")
        return tmp_path / "t.xlsx"

    rows: list[list[object]] = [["a", "a", "b", "d"], [1, 2, "x", 5.5], [3, 4, "y", None], [5, 6, "x", 1.5]]
    frame, findings = read(saved([[], ["Monthly report"], [], *rows, ["Total", 12, None, None]]))
    assert (frame.columns, frame.rows()) == (
        ["a", "a.1", "b", "d"],
        [(1, 2, "x", 5.5), (3, 4, "y", None), (5, 6, "x", 1.5)],
    )
    assert len(findings) == 3
    assert "a title before its header: its first 3 lines were left out" in findings[0]
    assert "ends with a total" in findings[1]
    assert "2 columns named 'a'" in findings[2]
    path = saved([["some"], ["notes"], *rows, ["end"]])
    frame, findings = read(path, ReadOptions(skip_rows=2, skip_footer=1))
    assert (frame.columns, frame.height, len(findings)) == (["a", "a.1", "b", "d"], 3, 1)
    assert capfd.readouterr().err == ""


NAME = st.text(st.sampled_from("abTotal #é北_-"), min_size=1, max_size=6).map(str.strip).filter(bool)
CELL = st.text(alphabet='ab1 #%,;"\n\t|é北-.:T', max_size=8) | st.sampled_from(
    ["Total", "Sum", "合计", "# x", "#a", "Note", "2020-01-01", "1.5", "12", "NA", "sep=;", "Monthly report"]
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    width = draw(st.integers(2, 5))
    names = draw(st.lists(NAME, min_size=width, max_size=width, unique=True))
    numbers = st.integers(-999, 999).map(str)
    cell = [draw(st.sampled_from([CELL, numbers])) for _ in range(width)]
    rows = draw(st.lists(st.tuples(*cell).map(list), min_size=1, max_size=12))
    return names, rows


@given(table=tables(), delimiter=st.sampled_from(",;\t"), line_end=st.sampled_from(["\n", "\r\n"]))
@example(table=(["T", "TT"], [["", "1"]] * 3 + [["", ""], ["", "Total"]]), delimiter=",", line_end="\n")
@example(table=(["#", "T", "U"], [["# x", "\n", "0"], ["", '1"', "0"], ["", "", "0"]]), delimiter=",", line_end="\n")
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_ordinary_table_is_read_as_it_was_written(
    tmp_path: Path, table: tuple[list[str], list[list[str]]], delimiter: str, line_end: str
) -> None:
    """Whatever its cells hold; a row is left out only where it says that it is none, which is told."""
    names, rows = table
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=line_end).writerows([names, *rows])
    frame, findings = read(written(tmp_path, buffer.getvalue()), ReadOptions(delimiter=delimiter, header=True))
    note = " ".join(findings)
    left_out = len(rows) - frame.height
    if names[0].startswith("#") and "begins with '#'" in note:
        names = [names[0].removeprefix("#").lstrip(" "), *names[1:]]
    assert frame.columns == names
    assert [[cell or "" for cell in row] for row in frame.rows()] == rows[: len(rows) - left_out]
    assert not left_out or f"its last {'line was' if left_out == 1 else f'{left_out} lines were'} left out" in note
    assert not left_out or any(
        row[0].strip() in ("Total", "Sum", "合计") or not row[0].strip() or row[0].startswith("#")
        for row in rows[-left_out:]
    )
