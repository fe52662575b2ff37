"""Tables from several files, a pattern, standard input, a database, an address: trained on, evaluated, predicted."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fitserve.store import Workspace

Command = Callable[..., Any]
TRAIN = ("--target", "price", "--learner", "ridge", "--json")


@pytest.fixture
def parts(home: Path) -> Path:
    """The houses in three files of different formats, and in a database."""
    houses = pl.read_csv(home / "houses.csv")
    houses[:40].write_csv(home / "part-1.csv", separator=";")
    houses[40:80].write_parquet(home / "part-2.parquet")
    houses[80:].write_ndjson(home / "part-3.jsonl")
    with closing(sqlite3.connect(home / "houses.db")) as connection, connection:
        connection.execute("CREATE TABLE houses (size integer, town text, price real)")
        connection.executemany("INSERT INTO houses VALUES (?, ?, ?)", houses.rows())
    return home


def test_several_files_and_a_pattern_give_the_same_model(parts: Path, command: Command) -> None:
    first = command("train", "part-1.csv", "part-2.parquet", "part-3.jsonl", *TRAIN).json
    assert (first["model"], first["evaluation"]["rows"]) == ("part-1", 24)
    second = command("train", "part-*", *TRAIN, "--name", "houses").json
    assert (second["model"], second["sha256"]) == ("houses", first["sha256"])
    again = command("train", "--replay", second["run"], "--json").json
    assert (again["version"], again["sha256"]) == (2, first["sha256"])
    result = command("evaluate", "houses", "part-1.csv", "part-3.jsonl", "--json").json
    assert result["rows"] == 80
    predicted = command("predict", "houses", "part-*", "-o", "out.csv", "--json").json
    assert predicted["rows"] == pl.read_csv(parts / "out.csv").height == 120


def test_a_database_is_a_source(parts: Path, command: Command) -> None:
    url, query = f"sqlite:///{parts / 'houses.db'}", "select size, town, price from houses"
    trained = command("train", url, "--sql", query, *TRAIN).json
    assert trained["model"] == "houses"
    assert command("evaluate", "houses", url, "--sql", f"{query} limit 30", "--json").json["rows"] == 30
    predicted = command("predict", "houses", url, "--sql", "select size, town from houses", "-o", "out.parquet")
    assert predicted.code == 0
    assert pl.read_parquet(parts / "out.parquet").columns == ["size", "town", "prediction"]
    again = command("train", "--replay", trained["run"], "--json").json
    assert again["sha256"] == trained["sha256"]


def test_standard_input_is_a_source(home: Path, command: Command) -> None:
    training = [sys.executable, "-m", "fitserve", "train", "-", "--name", "houses", "--workspace", "w", "--no-keep",
                *TRAIN]  # fmt: skip
    done = subprocess.run(training, cwd=home, input=(home / "houses.csv").read_bytes(), capture_output=True, check=True)
    assert b'"version": 1' in done.stdout
    run = Workspace.open(home / "w").runs()[0]
    assert "was trained from memory or a stream" in command("train", "--replay", run.id, "--workspace", "w").message
    assert command("train", "houses.csv", "--replay", run.id, "--workspace", "w", "--json").json["version"] == 2


def test_what_was_found_out_about_a_file_is_told_everywhere(home: Path, command: Command) -> None:
    rows = "".join(f"{i},{'Köln' if i % 2 else 'Bonn'},{i * 3 + i % 2}\n" for i in range(40))
    (home / "latin.csv").write_bytes(f"größe,ort,price\n{rows}".encode("latin-1"))
    finding = (
        "latin.csv was read as cp1252, found out from its bytes (sure: it gives words such as 'größe'); "
        "--encoding chooses another"
    )
    assert finding in command("train", "latin.csv", *TRAIN).json["findings"]
    assert finding in command("evaluate", "latin", "latin.csv", "--json").json["findings"]
    assert finding in command("predict", "latin", "latin.csv", "-o", "out.csv", "--json").json["findings"]
    for arguments in (("evaluate", "latin", "latin.csv"), ("predict", "latin", "latin.csv", "-o", "out.csv")):
        assert f"- {finding}" in command(*arguments).out.splitlines()
    assert command("evaluate", "latin", "latin.csv", "--encoding", "latin-1", "--json").json["findings"] == []


def test_what_stands_around_a_table_is_left_out_everywhere_and_again(home: Path, command: Command) -> None:
    """Found out or said by options: the same model, the same rows, and a replay that knows the options."""
    plain = (home / "houses.csv").read_text()
    n = plain.count("\n") - 1
    (home / "report.csv").write_text(f"Monthly report\n\n{plain}Total,,{n}\nSource: the office\n")
    (home / "odd.csv").write_text(f"Monthly, report\nof May\n{plain}// a note,\nx,y,z\n")
    expected = command("train", "houses.csv", *TRAIN, "--name", "plain").json
    found = command("train", "report.csv", *TRAIN).json
    assert found["evaluation"] == expected["evaluation"]
    assert [finding for finding in found["findings"] if finding.startswith("report.csv ")] == [
        "report.csv has a title before its header: its first 2 lines were left out ('Monthly report'); --skip-rows 0 keeps all lines",
        f"report.csv ends with a total and notes: its last 2 lines were left out ('Total,,{n}'); --skip-footer 0 keeps all lines",
    ]
    options = ("--skip-rows", "2", "--skip-footer", "1", "--comment", "//")
    said = command("train", "odd.csv", *TRAIN, *options).json
    assert said["evaluation"] == expected["evaluation"]
    assert command("train", "--replay", said["run"], "--json").json["sha256"] == said["sha256"]
    for arguments in (("report.csv",), ("odd.csv", *options)):
        predicted = command("predict", "plain", *arguments, "-o", "out.csv", "--json").json
        assert predicted["rows"] == pl.read_csv(home / "out.csv").height == n
    assert command("evaluate", "plain", "report.csv", "--json").json["rows"] == n


def test_a_target_that_is_named_twice_is_told(home: Path, command: Command) -> None:
    rows = "".join(f"{i},{i % 7},{i * 2 + i % 3},{i % 5}\n" for i in range(60))
    (home / "twice.csv").write_text(f"a,b,price,price\n{rows}")
    trained = command("train", "twice.csv", *TRAIN).json
    note = "twice.csv has 2 columns named 'price': the second is called 'price.1', and 'price' means the first"
    assert note in trained["findings"]
    assert note in command("data", "twice.csv", "--target", "price", "--json").out


def test_files_whose_types_cannot_be_joined_are_refused(home: Path, command: Command) -> None:
    command("train", "houses.csv", *TRAIN)
    pl.DataFrame({"size": [50, 60], "town": ["Ulm", "Bonn"], "note": [1, 2]}).write_parquet(home / "a.parquet")
    pl.DataFrame({"size": [50, 60], "town": ["Ulm", "Bonn"], "note": ["x", "y"]}).write_parquet(home / "b.parquet")
    for output in ("out.csv", "out.parquet"):
        message = command("predict", "houses", "a.parquet", "b.parquet", "-o", output).message
        assert "columns of different types" in message
        assert message.endswith("predict the files one by one")
        assert not (home / output).exists()
    assert command("predict", "houses", "b.parquet", "a.parquet", "-o", "out.csv", "--json").json["rows"] == 4
