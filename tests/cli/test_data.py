"""``fitserve data``: what people, programs and browsers get to see of a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import fitserve
from fitserve.errors import SpecError

Command = Callable[..., Any]


def test_people_see_findings_first_then_columns(home: Path, command: Command) -> None:
    loans = pl.read_csv(home / "loans.csv").with_columns(
        paid_too=pl.col("paid").replace({"yes": "ja", "no": "vielleicht"})
    )
    loans.write_csv(home / "loans.csv")
    lines = command("data", "loans.csv", "--target", "paid").out.splitlines()
    assert lines[0] == "loans.csv: 120 rows, 4 columns, target 'paid': classification"
    assert lines[2].startswith("STOP  1 column holds the target 'paid' under another name: 'paid_too'")
    table = [line.split() for line in lines]
    head = next(i for i, words in enumerate(table) if words[:2] == ["column", "kind"])
    assert [words[:2] for words in table[head + 1 :]] == [
        ["paid", "boolean"], ["size", "number"], ["town", "category"], ["paid_too", "category"]
    ]  # fmt: skip
    assert "target" in table[head + 1]
    assert "100" in table[head + 4]


def test_a_label_that_is_a_number_is_shown_as_a_label(home: Path, command: Command) -> None:
    pl.DataFrame({"x": range(200), "y": [i % 3 for i in range(200)]}).write_csv(home / "t.csv")
    target = command("data", "t.csv", "--target", "y", "--json").json["target"]
    assert (target["kind"], target["levels"]) == ("category", [["0", 67], ["1", 67], ["2", 66]])
    target = command("data", "t.csv", "--target", "y", "--task", "regression", "--json").json["target"]
    assert (target["kind"], sum(target["bins"])) == ("number", 200)


def test_programs_get_one_document(home: Path, command: Command) -> None:
    document = command("data", "houses.csv", "--target", "price", "--json").json
    assert (document["name"], document["rows"], document["task"]) == ("houses.csv", 120, "regression")
    assert [column["name"] for column in document["columns"]] == ["size", "town"]
    assert all(
        {"code", "severity", "message", "advice", "columns"} <= finding.keys() for finding in document["findings"]
    )
    size = document["columns"][0]
    assert sum(size["bins"]) == 120
    assert 0 < size["tells"] <= 1


def test_without_a_target_nothing_is_said_of_one(home: Path, command: Command) -> None:
    done = command("data", "houses.csv")
    assert done.code == 0
    assert "target" not in done.out
    assert "tells" not in done.out


def test_a_page_is_written_whole_or_not_at_all(home: Path, command: Command) -> None:
    done = command("data", "houses.csv", "--target", "price", "--html", "page.html")
    assert done.out.endswith("The page with charts: page.html\n")
    page = (home / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>")
    assert "cannot be written" in command("data", "houses.csv", "--html", "none/page.html").message
    assert "is a folder" in command("data", "houses.csv", "--html", ".").message
    assert sorted(path.name for path in home.iterdir()) == ["houses.csv", "loans.csv", "page.html"]


def test_texts_of_a_hostile_table_are_no_markup(home: Path, command: Command) -> None:
    evil = "<script>alert(1)</script>"
    pl.DataFrame({evil: [evil, "b"] * 60, "\x1b[31mred": range(120)}).write_csv(home / "evil.csv")
    done = command("data", "evil.csv", "--html", "page.html")
    assert done.code == 0
    assert evil not in (home / "page.html").read_text(encoding="utf-8")
    assert "\x1b[31m" not in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name the file to look at: fitserve data houses.csv --target price"),
        (["nothing.csv"], "there is no file nothing.csv"),
        (["houses.csv", "--target", "prize"], "did you mean 'price' or 'size'?"),
        (["houses.csv", "--target", "price", "--task", "ranking"], "ranking"),
    ],
)
def test_mistakes_get_one_line(home: Path, command: Command, arguments: list[str], said: str) -> None:
    assert said in command("data", *arguments).message


def test_a_table_on_standard_input(home: Path, process: Command) -> None:
    done = process("data", "-", "--target", "price", "--json", given=(home / "houses.csv").read_text(encoding="utf-8"))
    assert done.json["rows"] == 120


def test_a_notebook_gets_the_same(home: Path, command: Command) -> None:
    view = fitserve.profile("houses.csv", "price")
    assert json.loads(json.dumps(view.as_json())) == command("data", "houses.csv", "--target", "price", "--json").json
    assert "What tells the target" in view._repr_html_()
    with pytest.raises(SpecError, match="did you mean 'price'"):
        fitserve.profile(pl.read_csv(home / "houses.csv"), "prize")
