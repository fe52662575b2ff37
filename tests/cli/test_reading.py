"""Commands that read: one JSON document with ``--json``, a table for people without it, nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fitserve.store import Workspace

Command = Callable[..., Any]

READING: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "models": (("models",), {"models"}),
    "models list": (("models", "list"), {"models"}),
    "models show": (("models", "show", "loans"), {"model", "champion", "versions"}),
    "models show 1": (
        ("models", "show", "loans", "1"),
        {"model", "version", "sha256", "task", "target", "learner", "metric", "score", "baseline", "rows", "created",
         "run", "source", "folder"},
    ),
    "evaluate": (("evaluate", "loans", "loans.csv"), {"model", "version", "rows", "scores"}),
    "predict": (("predict", "loans", "loans.csv", "-o", "out.csv"), {"model", "version", "rows", "output"}),
    "runs": (("runs",), {"runs"}),
    "keys list": (("keys", "list"), {"keys"}),
    "models export": (("models", "export", "loans", "-o", "loans.zip"), {"model", "version", "path", "sha256"}),
}  # fmt: skip


def state(home: Path) -> tuple[object, ...]:
    opened = Workspace.open(home / "workspace")
    return (
        opened.models(),
        opened.versions("loans"),
        opened.runs(),
        opened.keys(),
        (opened.path / "serving.json").read_bytes(),
    )


@pytest.mark.parametrize("name", READING)
def test_json_is_one_document_and_alone(trained: Path, command: Command, name: str) -> None:
    arguments, keys = READING[name]
    before = state(trained)
    done = command(*arguments, "--json")
    assert done.json.keys() >= keys
    assert done.err == ""
    assert state(trained) == before
    people = command(*arguments)
    assert people.code == 0
    assert not people.out.lstrip().startswith(("{", "["))


def test_json_may_stand_before_the_subcommand(trained: Path, command: Command) -> None:
    for arguments in (("list",), ("show", "loans"), ("show", "loans", "1")):
        assert command("models", "--json", *arguments).json == command("models", *arguments, "--json").json


def test_a_run_shows_its_plan(trained: Path, command: Command) -> None:
    for run in command("runs", "--json").json["runs"]:
        assert run["status"] == "finished"
        document = command("runs", run["id"], "--json").json
        assert document["id"] == run["id"]
        assert document["plan"]["sha256"] == command("models", "show", run["model"], "1", "--json").json["sha256"]


def test_nothing_yet(home: Path, command: Command) -> None:
    assert "No models in" in command("models").out
    assert "Train one: fitserve train" in command("models").out
    assert "No trainings yet." in command("runs").out
    assert "No keys yet. Make one: fitserve keys create LABEL" in command("keys", "list").out
    for arguments, name in ((("models",), "models"), (("runs",), "runs"), (("keys", "list"), "keys")):
        assert command(*arguments, "--json").json == {name: []}
    assert "there is none yet: train or import one" in command("models", "show", "loans").message


def test_people_see_every_model_and_version(trained: Path, command: Command) -> None:
    table = command("models").out
    for word in ("houses", "regression", "price", "ridge", "rmse", "loans", "classification", "paid", "logistic"):
        assert word in table
    versions = command("models", "show", "loans").out
    assert "1 *" in versions
    assert "(* the champion: it answers)" in versions
    card = command("models", "show", "loans", "champion").out
    assert card.startswith("# A model for 'paid'")


def test_keys_are_made_listed_and_revoked(home: Path, command: Command) -> None:
    made = command("keys", "create", "phone", "--json").json
    assert made.keys() == {"label", "prefix", "key"}
    assert made["key"].startswith(made["prefix"])
    assert "it cannot be shown again" in command("keys", "create", "laptop").out
    listed = command("keys", "list", "--json").json["keys"]
    assert [key["label"] for key in listed] == ["phone", "laptop"]
    assert made["key"] not in str(listed)
    assert "there is already a key 'phone'" in command("keys", "create", "phone").message
    assert command("keys", "revoke", made["prefix"], "--json").json == {"revoked": "phone"}
    assert "Revoked laptop" in command("keys", "revoke", "laptop").out


def test_evaluate_tells_what_was_left_out(trained: Path, command: Command) -> None:
    table = pl.read_csv("loans.csv")
    paid = [None] * 5 + ["perhaps"] * 3 + table["paid"].to_list()[8:]
    table.with_columns(paid=pl.Series(paid)).drop("town").write_csv("later.csv")
    document = command("evaluate", "loans", "later.csv", "--json").json
    assert (document["rows"], document["without_target"]) == (table.height - 5, 5)
    assert (document["unknown_labels"], document["missing_columns"]) == (3, ["town"])
    notes = command("evaluate", "loans", "later.csv").out
    assert "- 5 rows without a target were left out" in notes
    assert "- 3 rows have a label that training never saw; each counts as wrong" in notes
    assert "- column 'town' is not in the file; its values count as missing" in notes
    assert "at training" in notes


def test_predict_writes_rows_with_their_answers(trained: Path, command: Command) -> None:
    document = command("predict", "loans", "loans.csv", "-o", "out.csv", "--json").json
    assert (document["model"], document["version"], document["rows"]) == ("loans", 1, 120)
    assert (document["output"], document["missing_columns"]) == ("out.csv", [])
    assert pl.read_csv("out.csv").columns == ["size", "town", "paid", "prediction", "probability_no", "probability_yes"]
    command("predict", "loans", "out.csv", "-o", "alone.parquet", "--predictions-only")
    assert pl.read_parquet("alone.parquet").columns == ["prediction", "probability_no", "probability_yes"]
    notes = command("predict", "houses", "loans.csv", "-o", "out.csv").out
    assert "Wrote 120 rows to out.csv, predicted by houses version 1" in notes
    assert pl.read_csv("out.csv").columns == ["size", "town", "paid", "prediction"]
    for name in ("loans:1", "loans:champion"):
        assert command("predict", name, "loans.csv", "-o", "again.csv", "--json").json["version"] == 1


def test_versions_are_promoted_and_deleted(trained: Path, command: Command) -> None:
    for seed in (1, 2):
        command("train", "loans.csv", "--target", "paid", "--learner", "baseline", "--seed", seed)
    assert command("models", "promote", "loans", "2", "--json").json == {
        "model": "loans",
        "alias": "champion",
        "version": 2,
    }
    assert (
        "challenger of loans is now version 3"
        in command("models", "promote", "loans", "3", "--alias", "challenger").out
    )
    assert command("models", "show", "loans", "challenger", "--json").json["version"] == 3
    assert (
        "version 2 is the champion of 'loans': promote another"
        in command("models", "delete", "loans", "2", "--yes").message
    )
    assert command("models", "delete", "loans", "1", "--yes", "--json").json == {
        "deleted": [{"model": "loans", "version": 1}]
    }
    assert [version["version"] for version in command("models", "show", "loans", "--json").json["versions"]] == [2, 3]
    assert command("train", "loans.csv", "--target", "paid", "--learner", "baseline", "--json").json["version"] == 4
    assert "Deleted loans with all its versions" in command("models", "delete", "loans", "--yes").out
    assert [model["name"] for model in command("models", "--json").json["models"]] == ["houses"]


def test_a_model_travels_as_a_zip(trained: Path, command: Command) -> None:
    exported = command("models", "export", "loans", "--json").json
    assert exported["path"] == "loans-1.zip"
    notes = command("models", "export", "loans", "1", "-o", "again.zip").out
    assert exported["sha256"] in notes
    assert (trained / "again.zip").read_bytes() == (trained / "loans-1.zip").read_bytes()
    identity = ("--sha256", exported["sha256"].upper())
    other = ("--workspace", trained / "other")
    imported = command("models", "import", "loans-1.zip", "--name", "loans", *identity, *other, "--json").json
    assert (imported["model"], imported["version"], imported["source"]) == ("loans", 1, "import")
    assert imported["sha256"] == exported["sha256"]
    command("predict", "loans", "loans.csv", "-o", "here.csv")
    command("predict", "loans", "loans.csv", "-o", "there.csv", *other)
    assert (trained / "there.csv").read_bytes() == (trained / "here.csv").read_bytes()
    again = command("models", "import", "again.zip", "--name", "loans", "--promote", *other, "--json").json
    assert again["version"] == 2
    assert command("models", "show", "loans", "--json", *other).json["champion"] == 2
    assert "as again version 1" in command("models", "import", "again.zip", *other).out
    refused = command("models", "import", "again.zip", "--sha256", "0" * 64, *other).message
    assert f"has the identity {exported['sha256']}, not {'0' * 64}; get the file again" in refused
    houses = command("models", "export", "houses", "--json").json
    assert (
        f"not {houses['sha256']}"
        in command("models", "import", "again.zip", "--sha256", houses["sha256"], *other).message
    )
    assert [m["versions"] for m in command("models", "--json", *other).json["models"]] == [1, 2]
