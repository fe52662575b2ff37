"""``fitserve evaluate``, ``compare`` and the report of ``models show``, as their users meet them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

Command = Callable[..., Any]


@pytest.fixture
def later(home: Path) -> Path:
    table = pl.read_csv(home / "loans.csv")
    path = home / "later.csv"
    table.with_columns(who=pl.int_range(table.height) % 20)[20:].write_csv(path)
    return path


def test_people_read_intervals_baseline_and_where_it_is_bad(trained: Path, later: Path, command: Command) -> None:
    done = command("evaluate", "loans", later)
    assert done.code == 0
    head = next(line for line in done.out.splitlines() if line.startswith("score"))
    assert [head.find(each) >= 0 for each in ("here", "95 % interval", "without learning", "at training")] == [True] * 4
    assert " to " in done.out
    assert "No part of the rows" in done.out or "worse on rows with" in done.out


def test_json_holds_the_numbers_of_the_report(trained: Path, later: Path, command: Command) -> None:
    document = command("evaluate", "loans", later, "--json", "--group", "who").json
    assert document["groups"] == 20
    assert document.keys() >= {
        "scores",
        "intervals",
        "baseline",
        "slices",
        "importance",
        "robustness",
        "lead",
        "skipped",
    }
    assert "charts" not in document
    assert (
        document["intervals"]["accuracy"][0] <= document["scores"]["accuracy"] <= document["intervals"]["accuracy"][1]
    )


def test_a_page_is_written_whole_or_not_at_all(trained: Path, later: Path, command: Command) -> None:
    assert command("evaluate", "loans", later, "--html", "page.html").code == 0
    page = (trained / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "It is right on" in page
    assert "loans version 1 on" in page
    assert "is a folder; name a file in it" in command("evaluate", "loans", later, "--html", trained).message
    assert "cannot be written" in command("evaluate", "loans", later, "--html", "no/where.html").message
    assert not [path for path in trained.iterdir() if "unfinished" in path.name]
    assert "lacks the column of groups: there is no column 'whom'" in (
        command("evaluate", "loans", later, "--group", "whom").message
    )


def test_two_versions_are_compared(trained: Path, later: Path, command: Command) -> None:
    options = ("--target", "paid", "--learner", "logistic", "--exclude", "size", "--budget", "30s")
    assert command("train", "loans.csv", *options).code == 0
    done = command("compare", "loans:2", "loans:1", later, "--html", "compared.html")
    assert done.code == 0
    assert "loans:1 is better than loans:2 by" in done.out
    assert "more than chance" in done.out
    assert (trained / "compared.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    document = command("compare", "loans:2", "loans:1", later, "--json").json
    assert document["scores"]["roc_auc"]["which"] == "better"
    recorded = command("compare", "loans:1", "loans:2")
    assert "Give a table with 'paid' in it" in recorded.out
    assert "compare two models of the same target" in command("compare", "loans", "houses").message
    assert "there is no model" in command("compare", "loans", "loan").message


def test_the_report_of_a_training_and_its_card_in_chinese(trained: Path, command: Command) -> None:
    assert command("models", "show", "loans", "1", "--html", "report.html").code == 0
    assert "What it relies on" in (trained / "report.html").read_text(encoding="utf-8")
    assert command("models", "show", "loans", "champion", "--language", "zh").out.startswith("# 预测“paid”的模型")
    assert "name the version, too" in command("models", "show", "loans", "--language", "zh").message
    assert "name the version, too" in command("models", "show", "loans", "--html", "x.html").message


def test_a_report_that_is_none_is_refused_in_one_line(trained: Path, tmp_path: Path) -> None:
    from fitserve.bundle.folder import write_bundle
    from fitserve.cli.models import _card_in, _report_page
    from fitserve.errors import BundleError
    from fitserve.prediction.named import load_model

    manifest = load_model("loans", workspace=trained / "workspace").manifest
    none: tuple[Any, ...] = (
        [],
        {"scores": 3},
        {"slices": [{}], "charts": [{}]},
        "x",
        {"lead": ["x"], "scores": {"a": 1}},
    )
    for i, report in enumerate((*map(orjson.dumps, none), b'{"a":' * 5000 + b"1" + b"}" * 5000)):
        folder = tmp_path / f"bundle{i}"
        folder.mkdir()
        members = {"report.json": report, "card.md": b"", "examples.json": b"{}"}
        write_bundle(folder, manifest, members)
        with pytest.raises(BundleError, match=r"report\.json is malformed"):
            _report_page(folder, "t")
        with pytest.raises(BundleError, match=r"report\.json is malformed"):
            _card_in(folder, "zh")


def test_a_learning_curve_is_asked_for_and_replayed(home: Path, command: Command) -> None:
    options = ("--target", "price", "--learner", "ridge", "--learning-curve", "--budget", "30s")
    first = command("train", "houses.csv", *options, "--json").json
    again = command("train", "--replay", first["run"], "--json").json
    assert again["sha256"] == first["sha256"]
    refused = command("train", "--replay", first["run"], "--learning-curve").message
    assert refused == "--replay takes --learning-curve from the run; leave --learning-curve out"
