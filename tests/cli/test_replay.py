"""``fitserve train --replay``: the same data give the same bits, other data are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fitserve.store import Workspace

Command = Callable[..., Any]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "target", "options"),
    [
        ("houses.csv", "price", ("--learner", "ridge", "--learner", "linear")),
        (
            "loans.csv",
            "paid",
            ("--learner", "logistic", "--learner", "tree", "--weight", "size", "--class-weight", "balanced"),
        ),
        ("loans.csv", "paid", ("--budget", "30s", "--seed", "7", "--metric", "log_loss", "--kind", "size=category")),
    ],
)
def test_a_replay_gives_the_same_bits(
    home: Path, command: Command, process: Command, table: str, target: str, options: tuple[str, ...]
) -> None:
    first = command("train", table, "--target", target, *options, "--json").json
    again = process("train", "--replay", first["run"], "--json").json
    assert again["version"] == 2
    assert again["sha256"] == first["sha256"]
    assert (again["scores"], again["learner"], again["model"]) == (first["scores"], first["learner"], first["model"])
    (home / "elsewhere.csv").write_bytes((home / table).read_bytes())
    moved = command("train", "elsewhere.csv", "--replay", first["run"], "--name", "moved", "--json").json
    assert (moved["model"], moved["version"], moved["sha256"]) == ("moved", 1, first["sha256"])
    third = command("train", "--replay", again["run"], "--json").json
    assert third["sha256"] == first["sha256"]


@pytest.mark.parametrize(("flag", "value"), [("--weight", "size"), ("--class-weight", "balanced")])
def test_weights_are_taken_from_the_run(home: Path, command: Command, flag: str, value: str) -> None:
    run = command("train", "loans.csv", "--target", "paid", "--learner", "logistic", "--json").json["run"]
    refused = command("train", "--replay", run, flag, value)
    assert refused.message == f"--replay takes {flag} from the run; leave {flag} out"


def test_changed_data_are_refused(home: Path, command: Command) -> None:
    run = command("train", "loans.csv", "--target", "paid", "--learner", "logistic", "--json").json["run"]
    whole = (home / "loans.csv").read_text()
    changes = [
        whole.replace("yes", "no", 1),
        whole.rstrip("\n").rpartition("\n")[0] + "\n",
        whole.replace("size", "Size", 1),
    ]
    for changed in changes:
        assert changed != whole
        (home / "loans.csv").write_text(changed)
        assert command("train", "loans.csv", "--replay", run).message.startswith("the data are not those of the run")
    (home / "loans.csv").unlink()
    assert "there is no file" in command("train", "loans.csv", "--replay", run).message
    assert len(Workspace.open(home / "workspace").versions("loans")) == 1
    assert len(Workspace.open(home / "workspace").runs()) == 1
    again = command("train", "--replay", run, "--json").json  # the workspace has kept the table
    assert again["version"] == 2
    assert len({version.sha256 for version in Workspace.open(home / "workspace").versions("loans")}) == 1


def test_without_a_kept_table_the_file_is_read_again(home: Path, command: Command) -> None:
    train = ("train", "loans.csv", "--target", "paid", "--learner", "logistic", "--no-keep", "--json")
    run = command(*train).json["run"]
    assert command("datasets", "--json").json["datasets"] == []
    assert command("train", "--replay", run, "--no-keep", "--json").json["version"] == 2
    (home / "loans.csv").unlink()
    assert "there is no file" in command("train", "--replay", run).message
