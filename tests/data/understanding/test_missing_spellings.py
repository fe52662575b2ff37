"""Texts such as "NA": missing values in one column, a country, an answer or a label in another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.data.understanding.kinds import Gaps, infer_field
from fitserve.data.understanding.missing_spellings import GapSpellings
from fitserve.data.understanding.target import decide_target
from fitserve.evaluation.evaluate import evaluate_model
from fitserve.features.missing import read_said
from fitserve.schema import Kind

COUNTRIES = ["DE", "US", "FR", "NA", "CN"]
N = 200


def levels(name: str, table: pl.DataFrame) -> set[str]:
    return set(infer_field(table[name], gaps=Gaps(GapSpellings(table)))[0].profile["levels"])


@pytest.mark.parametrize("n", [50, 500])  # columns of a few rows are read in another way
@pytest.mark.parametrize(
    ("values", "others", "kept"),
    [
        (COUNTRIES, ["x", "y"], True),  # made like the other levels
        (["Smith", "Null", "Jones", "Miller"], ["x", "y"], True),
        (["Nan", "Phuket", "Krabi"], ["x", "y"], True),
        (["nan", "Phuket", "Krabi"], ["x", "y"], False),  # as libraries write it
        (["basic", "NA", None], ["x", "y"], True),  # gaps are left blank
        (["basic", "NA", "pro"], ["x", None], True),
        (["basic", "NA", "pro"], ["x", "y"], False),
        (["basic", "NA", "null", None], ["x", "y"], False),  # spelled in several ways
        (COUNTRIES, ["1", "2", "NA"], False),  # numbers spell their gaps so
        (["+", "-"], ["x", "y"], True),
        (["a", "-", "b"], ["x", None], False),
        (["a", "?", "b"], ["x", None], False),
    ],
)
def test_a_text_is_a_gap_or_a_level_by_its_column(
    values: list[str | None], others: list[str], kept: bool, n: int
) -> None:
    table = pl.DataFrame({"c": (values * n)[:n], "o": (others * n)[:n]})
    markers = {"NA", "Null", "Nan", "nan", "null", "-", "?"} & set(filter(None, values))
    found = levels("c", table)
    assert (markers <= found) is kept
    assert set(filter(None, values)) - markers <= found


def test_numbers_dates_and_yes_and_no_have_no_such_levels() -> None:
    for values in (["1", "2", "NA"], ["yes", "no", "NA"], ["2024-01-01", "2024-01-02", "NA"]):
        table = pl.DataFrame({"c": [*values * 30, None]})
        field, _ = infer_field(table["c"], gaps=Gaps(GapSpellings(table)))
        assert field.kind in (Kind.NUMBER, Kind.BOOLEAN, Kind.DATETIME)
        assert field.missing == pytest.approx(31 / 91)


def test_labels_keep_a_text_that_is_as_frequent_as_a_label() -> None:
    often = pl.DataFrame({"y": ["yes", "no", "NA"] * 30, "x": range(90)})
    assert decide_target(often, "y").counts == {"yes": 30, "no": 30, "NA": 30}
    rare = pl.DataFrame({"y": ["yes", "no"] * 40 + ["NA"] * 3, "x": range(83)})
    assert decide_target(rare, "y").counts == {"yes": 40, "no": 40}
    marks = pl.DataFrame({"y": ["?", "!"] * 30 + ["!"] * 20})
    assert decide_target(marks, "y").counts == {"!": 50, "?": 30}
    assert decide_target(pl.DataFrame({"y": ["a", "b"] * 30 + ["?"] * 9, "x": [None, *range(68)]}), "y").counts == {
        "a": 30,
        "b": 30,
    }
    assert decide_target(pl.DataFrame({"y": ["None", "mild", "NONE"] * 30}), "y").counts["None"] == 30


def table() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    country = rng.choice(COUNTRIES, N)
    age = np.where(rng.random(N) < 0.2, 999, rng.integers(18, 80, N))
    hidden = (country == "NA") * 4.0 + np.where(age == 999, 0, age / 20) + rng.normal(0, 0.3, N)
    return pl.DataFrame({"country": country, "age": age, "y": hidden})


def test_what_is_a_level_in_training_is_one_everywhere(tmp_path: Path) -> None:
    run = fitserve.train(table(), "y", name="m", learners=["ridge"], budget=20, workspace=tmp_path)
    assert any("'NA' (" in finding and "'country'" in finding for finding in run.findings)
    model = run.predictor()
    namibia, none = model.answer({"country": "NA", "age": 30}), model.answer({"country": None, "age": 30})
    assert namibia[1] == []
    assert [problem.code for problem in none[1]] == ["missing_value"]
    assert namibia[0]["prediction"] > none[0]["prediction"] + 2
    assert model.predict(pl.DataFrame({"country": ["NA"], "age": [30]})) == [namibia[0]]


def test_the_user_says_what_means_that_there_is_none(tmp_path: Path) -> None:
    said = {"country": ["NA"], "age": ["999"]}
    run = fitserve.train(table(), "y", name="m", learners=["ridge"], budget=20, missing=said, workspace=tmp_path)
    model = run.predictor()
    for field, value in (("country", "NA"), ("country", " na "), ("age", 999), ("age", "999"), ("age", 999.0)):
        row = {"country": "DE", "age": 40}
        assert model.answer({**row, field: value})[0] == model.answer({**row, field: None})[0], (field, value)
        frame = pl.DataFrame([{**row, field: value}])
        assert model.predict(frame) == [model.answer({**row, field: None})[0]]
    kept = fitserve.train(
        table(), "y", name="k", learners=["ridge"], budget=20, missing={"age": []}, workspace=tmp_path
    )
    assert kept.predictor().answer({"country": "DE", "age": 999})[1] == []


@pytest.mark.parametrize("spelled", ["999", "999.0", "9.99e2"])
def test_a_number_that_means_none_does_so_in_every_spelling_and_way_in(tmp_path: Path, spelled: str) -> None:
    run = fitserve.train(
        table(), "y", name="m", learners=["ridge"], budget=20, missing={"age": [spelled]}, workspace=tmp_path
    )
    model = run.predictor()
    none = model.answer({"country": "DE", "age": None})[0]
    for value in (999, "999", 999.0, "999.0"):
        assert model.answer({"country": "DE", "age": value})[0] == none
        assert model.answer({"country": "DE", " age ": value})[0] == none
        assert model.predict(pl.DataFrame({"country": ["DE"], "age": [value]})) == [none]
    nines = next(field for field in run.manifest.schema() if field.name == "age").missing
    assert nines == pytest.approx((table()["age"] == 999).sum() / table().height, abs=0.1)


def test_a_code_that_means_none_is_no_number() -> None:
    assert read_said(["007", " N/A "]) == {"007", "n/a"}
    assert read_said(["-1.0"]) == {"-1.0", "-1"}


def test_a_target_that_means_none_does_so_in_evaluation(tmp_path: Path) -> None:
    rows = table().with_columns(y=pl.when(pl.int_range(N) % 5 == 0).then(-999.0).otherwise(pl.col("y")))
    run = fitserve.train(
        rows, "y", name="m", learners=["ridge"], budget=20, missing={"y": ["-999"]}, workspace=tmp_path / "numbers"
    )
    assert evaluate_model(run.predictor(), rows).rows == N - N // 5
    labels = rows.with_columns(y=pl.when(pl.col("y") == -999).then(pl.lit("unknown")).when(pl.col("y") > 2).then(
        pl.lit("high")).otherwise(pl.lit("low")))  # fmt: skip
    run = fitserve.train(
        labels, "y", name="m", learners=["tree"], budget=20, missing={"y": ["unknown"]}, workspace=tmp_path / "labels"
    )
    evaluated = evaluate_model(run.predictor(), labels)
    assert (evaluated.rows, evaluated.unknown_labels) == (N - N // 5, 0)


def test_a_long_text_that_looks_like_a_gap_is_a_text() -> None:
    rng = np.random.default_rng(0)
    words = np.array(["late", "paid", "again", "never", "twice", "soon"])
    texts = [" ".join(rng.choice(words, 4)) for _ in range(N)] + ["NA"] * 20
    field, _ = infer_field(pl.Series("said", texts), Kind.TEXT)
    assert (field.missing, field.profile) == (0.0, {})


def test_a_text_that_training_never_took_for_a_gap_is_noted(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    plan = [str(p) if u > 0.1 else None for p, u in zip(rng.choice(["basic", "pro"], N), rng.random(N), strict=True)]
    frame = pl.DataFrame({"plan": plan, "x": rng.normal(size=N), "y": rng.normal(size=N)})
    model = fitserve.train(frame, "y", learners=["ridge"], budget=20, workspace=tmp_path).predictor()
    assert [problem.code for problem in model.answer({"plan": "n/a", "x": 0})[1]] == ["read_as_missing"]
    assert model.answer({"plan": None, "x": 0})[1] == []
