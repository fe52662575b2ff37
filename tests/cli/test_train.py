"""``fitserve train``: what it prints, what it registers, which version answers."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pytest

import fitserve
from fitserve.messages import render
from fitserve.store import Workspace

Command = Callable[..., Any]

LOANS = ("train", "loans.csv", "--target", "paid", "--learner", "logistic")
DOCUMENTED = {"model", "version", "task", "target", "learner", "seconds", "scores", "baseline", "sha256"}


def columns(trained: dict[str, Any], home: Path) -> dict[str, dict[str, Any]]:
    """The fields of a version's manifest, by name."""
    folder = home / "workspace" / "bundles" / trained["sha256"]
    return {field["name"]: field for field in orjson.loads((folder / "manifest.json").read_bytes())["fields"]}


def test_json_has_the_documented_keys_and_is_alone(home: Path, command: Command) -> None:
    done = command(*LOANS, "--json")
    document = done.json
    assert document.keys() >= DOCUMENTED
    assert (document["model"], document["version"], document["task"], document["target"], document["learner"]) == (
        "loans", 1, "classification", "paid", "logistic",
    )  # fmt: skip
    assert document["scores"].keys() == document["baseline"].keys()
    assert document["scores"]["roc_auc"] > document["baseline"]["roc_auc"]
    record = Workspace.open(home / "workspace").version("loans")
    assert (record.version, record.sha256, record.run) == (1, document["sha256"], document["run"])
    assert done.err == ""


def test_people_read_scores_beside_the_baseline_and_what_to_do_next(home: Path, command: Command) -> None:
    done = command(*LOANS)
    assert done.code == 0
    assert "loans version 1: logistic, predicts 'paid'" in done.out
    assert "The positive class is 'yes'." in done.out
    assert "without learning" in done.out
    assert "roc_auc *" in done.out
    assert "Serve it: fitserve serve loans" in done.out
    assert "CHAMPION" not in done.out
    assert "reading: loans.csv" in done.err
    assert "searching: " in done.err
    assert " s left)" in done.err
    assert "The scores are those of a model that has learned from 96 rows and not from the test part" in done.out
    assert "candidates were evaluated" in done.out


def test_a_second_version_waits_and_says_so_loudly(trained: Path, command: Command) -> None:
    done = command(*LOANS, "--seed", 1)
    assert done.code == 0
    assert "THE CHAMPION HAS NOT MOVED: version 1 still answers." in done.out
    assert "To let version 2 answer: fitserve models promote loans 2" in done.out
    assert command(*LOANS, "--seed", 2, "--json").json["champion"] == 1
    assert command("models", "--json").json["models"][1]["champion"] == 1
    done = command(*LOANS, "--seed", 3, "--promote")
    assert "CHAMPION" not in done.out
    assert command("models", "show", "loans", "--json").json["champion"] == 4


def test_what_has_seen_all_rows_cannot_be_evaluated_on_them(trained: Path, command: Command) -> None:
    done = command(*LOANS, "--seed", "1", "--promote-if-better")
    assert "Not promoted: 0 of the 24 rows of the test part are new to loans:1, too few to compare" in done.out
    assert "fitserve compare loans:1 loans:2 DATA" in done.out
    assert "THE CHAMPION HAS NOT MOVED" in done.out


def test_ten_rows(home: Path, command: Command) -> None:
    (home / "ten.csv").write_text("x,y\n" + "".join(f"{i},{i * 2 + 1}\n" for i in range(10)))
    done = command("train", "ten.csv", "--target", "y", "--learner", "ridge", "--learner", "linear")
    assert done.code == 0
    assert "Scores on leave-one-out, 10 rows" in done.out
    assert "So few rows leave no test part" in done.out
    assert fitserve.load("ten").predict({"x": 20})["prediction"] == pytest.approx(41)


@pytest.mark.slow
def test_five_thousand_columns(home: Path, command: Command) -> None:
    rng = np.random.default_rng(0)
    values = rng.random((40, 5000)).round(3)
    names = [f"c{i}" for i in range(5000)]
    pl.DataFrame(values, schema=names, orient="row").with_columns(y=values[:, 0] * 10).write_csv("wide.csv")
    document = command("train", "wide.csv", "--target", "y", "--learner", "ridge", "--json").json
    assert document["task"] == "regression"
    assert len(columns(document, home)) == 5000
    assert command("predict", "wide", "wide.csv", "-o", "out.csv", "--predictions-only", "--json").json["rows"] == 40
    assert pl.read_csv("out.csv").columns == ["prediction"]
    near = command("train", "wide.csv", "--target", "c5000").message
    assert near.startswith("there is no column 'c5000'; did you mean 'c500' or")


def test_forty_rows_of_many_labels(home: Path, command: Command) -> None:
    (home / "labels.csv").write_text("x,y\n" + "".join(f"{i * i},L{i % 10:02d}\n" for i in range(40)))
    document = command("train", "labels.csv", "--target", "y", "--learner", "logistic", "--json").json
    assert document["task"] == "classification"
    assert len(fitserve.load("labels").predict({"x": 1})["probabilities"]) == 10


def csv_text(town: str = "town", delimiter: str = ",", end: str = "\n", quote: str = "") -> str:
    """A table of towns and numbers that follow from them."""
    towns = {"Zürich": 5, "Ulm": 1} if town != "城市" else {"北京": 5, "上海": 1}
    rows = [f"{quote}{name}{quote}{delimiter}{i * 0.1 + 10 * n:.1f}" for i in range(20) for name, n in towns.items()]
    return end.join([f"{quote}{town}{quote}{delimiter}y", *rows, ""])


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (csv_text().encode("latin-1"), ["--encoding", "latin-1"]),
        (csv_text("城市").encode("gb18030"), ["--encoding", "gb18030"]),
        (csv_text("城市").encode("utf-16"), ["--encoding", "utf-16"]),
        (csv_text(delimiter=";", end="\r\n").encode("utf-8-sig"), []),
        (csv_text(delimiter="\t").encode(), ["--delimiter", "tab"]),
        (csv_text(delimiter="\t").encode(), ["--delimiter", "\\t"]),
        (csv_text(delimiter=":").encode(), ["--delimiter", ":"]),
        (csv_text(quote='"').replace("Ulm", 'U,l\n""m""').encode(), []),
        (gzip.compress(csv_text(delimiter="|").encode()), []),
        (csv_text(end=",\n").encode(), []),
    ],
)
def test_text_files_of_every_sort(home: Path, command: Command, data: bytes, options: list[str]) -> None:
    """Read by train, evaluate and predict in the same way."""
    (home / "table").write_bytes(data)
    trained = command("train", "table", "--target", "y", "--learner", "ridge", "--json", *options).json
    used = [name for name, field in columns(trained, home).items() if field["used"]]
    assert used[0] == ("城市" if "城市".encode("gb18030") in data or "城市".encode("utf-16-le") in data else "town")
    scored = command("evaluate", "table", "table", "--json", *options).json
    assert (scored["rows"], scored["unknown_labels"]) == (40, 0)
    assert scored["scores"]["r2"] > 0.9
    assert command("predict", "table", "table", "-o", "out.parquet", "--json", *options).json["rows"] == 40
    assert pl.read_parquet("out.parquet").columns[0] == used[0]


def test_a_table_without_a_header(home: Path, command: Command) -> None:
    (home / "bare.csv").write_text("".join(f"{i * 7 % 40 / 4},{i * 7 % 40}\n" for i in range(40)))
    options = ("--no-header", "--json")
    train = ("train", "bare.csv", "--target", "column_2", "--task", "regression", "--learner", "ridge")
    assert list(columns(command(*train, *options).json, home)) == ["column_1"]
    assert command("evaluate", "bare", "bare.csv", *options).json["rows"] == 40
    assert command("predict", "bare", "bare.csv", "-o", "out.csv", *options).json["rows"] == 40
    assert pl.read_csv("out.csv").columns == ["column_1", "column_2", "prediction"]


def test_kinds_may_be_chosen(home: Path, command: Command) -> None:
    found = columns(command(*LOANS, "--kind", "size=category", "--kind", "town=text", "--json").json, home)
    assert (found["size"]["kind"], render(found["size"]["reason"])) == ("category", "chosen by the user")
    assert (found["town"]["kind"], render(found["town"]["reason"])) == ("text", "chosen by the user")
    (home / "equals.csv").write_text("a=b,y\n" + "".join(f"{i % 3},{i % 2}\n" for i in range(40)))
    options = ("--target", "y", "--learner", "logistic", "--kind", "a=b=category", "--json")
    assert columns(command("train", "equals.csv", *options).json, home)["a=b"]["kind"] == "category"


def test_findings_tell_what_was_done_to_the_table(home: Path, command: Command) -> None:
    gaps = pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise(pl.col("paid"))
    table = pl.read_csv("loans.csv").with_columns(note=pl.lit("x"), paid=gaps)
    odd = pl.concat([table, table[-4:]])
    odd.write_csv("odd.csv")
    repeated = odd.drop_nulls("paid").height - odd.drop_nulls("paid").n_unique()
    train = ("train", "odd.csv", "--target", "paid", "--learner", "logistic", "--exclude", "note", "--json")
    findings = command(*train).json["findings"]
    assert any(finding.startswith("3 rows with no target 'paid' were left out") for finding in findings)
    assert any(finding.startswith(f"{repeated} rows repeat an earlier row") for finding in findings)
    assert any("'note' is not used: excluded by the user" in finding for finding in findings)


def test_names_come_from_the_file(home: Path, command: Command) -> None:
    (home / "My Loans (2026).csv").write_bytes((home / "loans.csv").read_bytes())
    arguments = ("--target", "paid", "--learner", "baseline", "--json")
    assert command("train", "My Loans (2026).csv", *arguments).json["model"] == "my-loans-2026"
    assert command("train", "loans.csv", *arguments, "--name", "credit").json["model"] == "credit"


def test_a_name_that_was_made_of_a_file_does_not_mix_models(home: Path, command: Command) -> None:
    arguments = ("--learner", "baseline", "--json")
    command("train", "loans.csv", "--target", "paid", *arguments)
    message = command("train", "loans.csv", "--target", "size", *arguments).message
    assert message == "the model 'loans' predicts 'paid'; give this one a --name of its own, such as loans-size"
    assert command("train", "loans.csv", "--target", "size", *arguments, "--name", "loans-size").json["version"] == 1
    assert command("train", "loans.csv", "--target", "size", *arguments, "--name", "loans").json["version"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("as_object", [pl.read_csv, pd.read_csv, str, Path])
def test_python_and_the_command_line_train_the_same(
    home: Path, command: Command, as_object: Callable[[Path], Any]
) -> None:
    from_python = fitserve.train(as_object(home / "loans.csv"), "paid", name="loans", learners=["logistic"])
    from_shell = command(*LOANS, "--json").json
    assert from_shell["version"] == 2
    assert from_python.as_json()["scores"] == from_shell["scores"]
    assert from_python.predictor().predict({"size": 50, "town": "Ulm"}) == fitserve.load("loans", 2).predict(
        {"size": 50, "town": "Ulm"}
    )


def test_the_workspace_is_where_the_user_says(home: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    train = ("--target", "paid", "--learner", "baseline", "--json")
    for number, arguments in enumerate(
        [
            ("--workspace", home / "w0", "train", "loans.csv", *train),
            ("train", "loans.csv", *train, "--workspace", home / "w1"),
            ("--workspace", home / "other", "train", "loans.csv", *train, "--workspace", home / "w2"),
        ]
    ):
        assert command(*arguments).json["version"] == 1
        assert [model.name for model in Workspace.open(home / f"w{number}").models()] == ["loans"]
    monkeypatch.setenv("FITSERVE_WORKSPACE", str(home / "w3"))
    assert command("train", "loans.csv", *train).json["version"] == 1
    assert command("models", "--json").json == command("--workspace", home / "w3", "models", "--json").json
    for arguments in (
        ("models", "--workspace", home / "w1", "--json"),
        ("models", "list", "--json", "--workspace", home / "w1"),
    ):
        assert [model["name"] for model in command(*arguments).json["models"]] == ["loans"]
    assert not (home / "workspace").exists()
    assert not (home / "other").exists()
    monkeypatch.setenv("HOME", str(home / "me"))
    monkeypatch.delenv("FITSERVE_WORKSPACE")
    assert command("train", "loans.csv", *train).json["version"] == 1
    assert (home / "me" / ".fitserve" / "workspace.sqlite").is_file()


def test_a_failed_training_is_listed_with_its_reason(home: Path, command: Command) -> None:
    (home / "same.csv").write_text("x,y\n" + "1,5\n" * 20)
    message = command("train", "same.csv", "--target", "y").message
    assert command("train", "houses.csv", "--target", "price", "--learner", "ridge").code == 0
    listed = command("runs").out.splitlines()
    assert listed[0].split() == ["run", "model", "status", "created", "reason"]
    assert [line.split()[1:3] for line in listed[1:]] == [["houses", "finished"], ["same", "failed"]]
    assert listed[2].endswith(message)
    finished, failed = command("runs", "--json").json["runs"]
    assert failed["reason"] == message
    assert "reason" not in finished
    shown = command("runs", failed["id"], "--json").json
    assert (shown["status"], shown["reason"], shown["plan"]["spec"]["target"]) == ("failed", message, "y")
    refused = command("train", "--replay", failed["id"]).message
    assert refused == f"run {failed['id']} is failed ({message}), which leaves nothing to repeat; train again"
