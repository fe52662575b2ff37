"""What a training says of its model where there is no test part, of groups, of learners, of more rows, and in Chinese."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.errors import SpecError
from fitserve.evaluation.page import report_page
from fitserve.evaluation.spoken import spoken
from fitserve.messages import Message, render
from fitserve.training.card import card
from fitserve.training.card_words import WORDS


def rows(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    town = rng.choice(["Ulm", "Bonn"], n)
    return pl.DataFrame({"x": x, "town": town, "price": x + (town == "Ulm") + rng.normal(0, 0.3, n)})


def train(table: pl.DataFrame, folder: Path, **options: Any) -> tuple[Any, dict[str, Any]]:
    options = {"learners": ["ridge"], "budget": 30.0, **options}
    run = fitserve.train(table, "price", name="m", workspace=folder, **options)
    return run, spoken(json.loads((run.folder / "report.json").read_bytes()))


@pytest.mark.parametrize("copies", [1, 12])
def test_without_a_test_part_held_out_rows_tell(tmp_path: Path, copies: int) -> None:
    run, report = train(pl.concat([rows(20)] * copies) if copies > 1 else rows(20), tmp_path)
    assert run.manifest.evaluation["on"] in ("leave-one-out", "5-fold cross-validation")
    assert report["rows"] == run.manifest.evaluation["rows"]
    for name, value in run.manifest.scores.items():
        ends = run.manifest.intervals[name]
        assert report["scores"][name] == pytest.approx(value, rel=1e-4)
        assert ends is None or ends[0] <= value <= ends[1]
    assert run.manifest.intervals["rmse"] is not None
    assert "rows that the model has seen" in report["asked_note"]
    assert {each["name"] for each in report["charts"]} >= {"predicted_actual", "importance", "learners"}
    assert report_page(report, "few")


def test_groups_of_the_split_are_those_of_the_intervals(tmp_path: Path) -> None:
    table = pl.concat([rows(60)] * 5).with_columns(who=pl.int_range(300) % 60)
    _, report = train(table, tmp_path, group="who")
    assert report["groups"] == report["rows"] / 5


def test_learners_are_compared_on_the_same_rows(tmp_path: Path) -> None:
    run, report = train(rows(300), tmp_path, learners=["ridge", "linear"], metric="mae")
    found = {each["learner"]: each for each in report["learners"]}
    assert found.keys() == {"ridge", "linear", "baseline"}
    assert not found["baseline"]["within_chance"]
    assert [each.get("within_chance") for each in report["learners"]][:2] == [None, True]
    best = {trial["learner"]: trial["scores"]["mae"] for trial in report["candidates"][::-1]}
    assert {name: each["score"] for name, each in found.items()} == pytest.approx(best, rel=1e-4)
    assert "within chance: " in (run.folder / "card.md").read_text(encoding="utf-8")


def test_a_learning_curve_is_made_on_request(tmp_path: Path) -> None:
    _, report = train(rows(300), tmp_path)
    assert "learning_curve" not in report
    run, report = train(rows(300), tmp_path, learning_curve=True)
    points = report["learning_curve"]["points"]
    assert [point["rows"] for point in points] == [24, 48, 96, 168, 240]
    assert points[-1]["score"] == pytest.approx(run.manifest.scores["rmse"], rel=1e-3)
    assert "training rows, rmse changes by" in report["learning_curve"]["note"]
    assert "learning_curve" in [each["name"] for each in report["charts"]]
    _, report = train(rows(20), tmp_path, learning_curve=True)
    assert report["skipped"]["learning_curve"] == "there is no test part to evaluate on"
    with pytest.raises(SpecError, match="learning_curve cannot be 3; give true or false"):
        train(rows(20), tmp_path, learning_curve=3)


def test_a_learning_curve_of_rare_labels_has_all_of_them_from_the_start(tmp_path: Path) -> None:
    label = np.where(np.arange(400) % 40 == 0, "rare", np.where(rows(400)["price"].to_numpy() > 0, "a", "b"))
    table = rows(400).drop("price").with_columns(label=pl.Series(label))
    options: dict[str, Any] = {"learners": ["lightgbm"], "budget": 30.0, "workspace": tmp_path, "learning_curve": True}
    run = fitserve.train(table, "label", name="m", **options)
    report = json.loads((run.folder / "report.json").read_bytes())
    assert len(report["learning_curve"]["points"]) == 5


def test_the_card_in_chinese_says_the_same(tmp_path: Path) -> None:
    table = rows(600).with_columns(pl.col("price") + pl.when(pl.col("x") > 1).then(pl.int_range(600) % 7).otherwise(0))
    run, report = train(table, tmp_path)
    english, chinese = (card(run.manifest, report, language) for language in ("en", "zh"))
    assert english == (run.folder / "card.md").read_text(encoding="utf-8")
    numbers = re.compile(r"[0-9][0-9.,]*[0-9]")
    head = "## What it was trained on", "## 训练数据"
    assert numbers.findall(english.split(head[0])[0].replace("95 %", "95%")) == numbers.findall(
        chinese.split(head[1])[0]
    )
    assert report["slices"]
    assert "测试集" in chinese
    assert not re.search(r"over|up to|elsewhere", chinese.split("## 训练数据")[0])


def test_both_languages_have_the_same_words() -> None:
    english, chinese = WORDS["en"], WORDS["zh"]
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        names = [{name for _, name, _, _ in Formatter().parse(each) if name} for each in (text, chinese[key])]
        assert names[0] == names[1], key


def test_parts_of_rows_are_told_in_both_languages() -> None:
    between = {"column": "a", "value": "1", "end": "2", "length": False}
    assert render(Message("part.between", between), "zh") == "`a` 大于 1 且不超过 2 "
    up_to = Message("part.up_to", {"column": "a", "value": "2", "end": "", "length": True})
    assert render(up_to, "zh") == "`a` 的长度不超过 2 "
    assert render(up_to, "en") == "length of `a` up to 2"
    assert render("something else", "zh") == "something else"
    assert render(Message("part.over", {**between, "end": ""}), "en") == "`a` over 1"
