"""Headers: one line, none, or two."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitserve.data.reading.delimited import ReadOptions
from fitserve.data.reading.header import header_lines, joined_names
from fitserve.data.reading.read import read_frame


def table(text: str) -> list[list[str]]:
    return [line.split(",") for line in text.splitlines()]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a,b\n1,2\n3,4\n", 1),
        ("a,b\nx,y\nx,z\n", 1),  # nothing tells texts from names
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,virginica\n", 0),
        ("39, State-gov,77516\n50, Private,83311\n38, Private,215646\n", 0),
        ("1,2\n3,4\n5,6\n", 0),
        ("7\n8\n9\n", 0),
        ("country,2019,2020,2021\nFrance,1.5,2.5,3\nPeru,3,4,5\n", 1),  # years are names
        ("2019,2020,2021\n1.5,2.5,3\n3,4,5\n", 1),
        ("country,code,2019\nAruba,ABW,5\nPeru,PER,7\n", 1),
        ("Aruba,ABW,2019\nPeru,PER,2020\nChad,TCD,2019\n", 0),
        ("2019,2020\n2018,2021\n2017,2019\n", 0),  # years above years are values
        (",0,1,2\nx,1.5,2.5,3\ny,3,4,5\n", 1),  # and so are the numbers that a library counts columns by
        ("2019,2019,2019\n1.5,2.5,3\n3,4,5\n", 0),  # names would differ
        ("id,1st,2nd\n1,2,3\n4,5,6\n", 1),
        ("a,b\n1,2\n", 1),  # too few rows to say anything
        ("q,what do you like?,,,age\n,tea,coffee,milk,response\n1,tea,,milk,44\n2,,coffee,,31\n", 2),
        ("q,what do you like?,,,age\n1,tea,,milk,44\n2,,coffee,,31\n3,tea,,,9\n", 1),
        ("a,,,,b\nx,,,,y\nz,,,,y\n", 1),  # nothing goes on where names are blank
        ("a,,,,b\nx,u,v,w,y\nx,u,v,w,y\n", 1),  # the second line is a row like the next
    ],
)
def test_header_lines(text: str, lines: int) -> None:
    assert header_lines(table(text)) == lines


def test_two_lines_of_names_become_one() -> None:
    upper = ["id", "what do you like?", "", "", "age", "rank", ""]
    lower = ["", "tea", "coffee", "tea", "response", "first", ""]
    assert joined_names(upper, lower) == [
        "id",
        "what do you like?: tea",
        "what do you like?: coffee",
        "what do you like?: tea (2)",
        "age",
        "rank: first",
        "rank",
    ]
    assert joined_names(["", "", "group"], ["a", "b", "c"]) == ["a", "b", "group"]


def test_what_was_found_is_told_and_can_be_overridden(tmp_path: Path) -> None:
    path = tmp_path / "iris.csv"
    path.write_text("5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,virginica\n")
    findings: list[str] = []
    frame = read_frame(path, None, findings)
    assert (frame.columns, frame.height) == (["column_1", "column_2", "column_3"], 3)
    assert len(findings) == 1
    assert "has no header" in findings[0]
    assert read_frame(path, ReadOptions(header=True)).columns == ["5.1", "3.5", "setosa"]
    path.write_text("id,like?,\n,tea,milk\n1,tea,\n2,,milk\n3,tea,milk\n")
    findings.clear()
    assert read_frame(path, ReadOptions(header=True), findings).columns == ["id", "like?", "column_3"]
    assert findings == []
