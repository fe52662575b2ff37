"""The same row has the same bits whichever way it comes in: a mapping, a list, frames of all libraries, files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fitserve
from fitserve.evaluation.bulk import predict_file
from fitserve.prediction import Predictor

N = 200
LATEST = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)


def moments() -> list[dt.datetime | None]:
    start = dt.datetime(2020, 1, 1)
    known = [start + dt.timedelta(days=i, hours=i % 24, microseconds=i * 7919) for i in range(N)]
    return [LATEST if i % 9 == 0 else None if i % 7 == 0 else moment for i, moment in enumerate(known)]


def tables() -> dict[str, tuple[pl.DataFrame, str, dict[str, str]]]:
    """Tables on which ways in have differed, with a target and kinds."""
    noise = np.random.default_rng(0).normal(size=N)
    ramp = noise + np.arange(N) / 20
    dated = pl.DataFrame({"d": moments(), "x": noise, "y": ramp})
    early = dated.with_columns(d=pl.when(pl.col("d").dt.year() < 9000).then("d"))
    zoned = early.with_columns(pl.col("d").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Shanghai"))
    huge = [1.7e308 if i % 2 else -1.7e308 * ((i % 5) / 5) for i in range(N)]
    gaps = {
        "c": [dt.date(2026, 1, 31) if i % 3 else None for i in range(N)],
        "b": [True if i % 4 else None for i in range(N)],
        "y": [float(i % 3) * 3 + (i % 4 > 0) + i / N for i in range(N)],
    }
    levels = {
        "k": [[1, 2, 3, None][i % 4] for i in range(N)],
        "x": noise,
        "y": [[5.0, 1, 9, 0][i % 4] + i / N for i in range(N)],
    }
    return {
        "late moments": (dated, "ridge", {}),
        "moments as levels": (dated, "ridge", {"d": "category"}),
        "moments as texts": (dated, "ridge", {"d": "text"}),
        "moments with a zone": (zoned, "ridge", {}),
        "numbers at the end of floats": (pl.DataFrame({"h": huge, "x": noise, "y": ["u" if i % 2 else "v" for i in range(N)]}), "logistic", {}),
        "constants with gaps": (pl.DataFrame(gaps), "ridge", {}),
        "whole numbers as levels": (pl.DataFrame(levels), "ridge", {"k": "category"}),
        "unsigned and small types": (
            pl.DataFrame({"a": pl.Series([i * i for i in range(N)], dtype=pl.UInt64), "s": pl.Series([i % 5 for i in range(N)], dtype=pl.Int8),
                          "y": ramp}),
            "ridge", {"s": "category"},
        ),
    }  # fmt: skip


TABLES = tables()


@pytest.fixture(scope="module", params=TABLES)
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Predictor, pl.DataFrame, list[dict[str, Any]]]:
    frame, learner, kinds = TABLES[request.param]
    workspace = tmp_path_factory.mktemp("ways")
    run = fitserve.train(frame, "y", name="m", learners=[learner], kinds=kinds, budget=20.0, workspace=workspace)
    assert run.manifest.learner == learner
    rows = frame.drop("y")
    predictor = run.predictor()
    return predictor, rows, [predictor.answer(row)[0] for row in rows.to_dicts()]


def test_a_list_of_rows(trained: tuple[Predictor, pl.DataFrame, list[dict[str, Any]]]) -> None:
    predictor, rows, expected = trained
    assert predictor.predict(rows.to_dicts()) == expected


@pytest.mark.parametrize("way", ["polars", "lazy", "arrow", "pandas", "nullable", "object"])
def test_a_frame(trained: tuple[Predictor, pl.DataFrame, list[dict[str, Any]]], way: str) -> None:
    predictor, rows, expected = trained
    frames: dict[str, Any] = {
        "polars": lambda: rows,
        "lazy": rows.lazy,
        "arrow": rows.to_arrow,
        "pandas": rows.to_pandas,
        "nullable": lambda: rows.to_pandas().convert_dtypes(),
        "object": lambda: rows.to_pandas().astype(object),
    }
    assert predictor.predict(frames[way]()) == expected


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_a_file(trained: tuple[Predictor, pl.DataFrame, list[dict[str, Any]]], ending: str, tmp_path: Path) -> None:
    predictor, rows, expected = trained
    path = tmp_path / f"rows.{ending}"
    if ending == "csv":
        rows.write_csv(path)
    else:
        rows.write_parquet(path) if ending == "parquet" else rows.write_ipc(path)
    predict_file(predictor, path, tmp_path / "out.parquet")
    found = pl.read_parquet(tmp_path / "out.parquet")["prediction"].to_list()
    assert found == [answer["prediction"] for answer in expected]


def test_no_value_is_no_value_however_it_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({
        "n": [None if i % 5 == 0 else float(i % 11) for i in range(N)], "c": [["a", "b", None][i % 3] for i in range(N)],
        "b": [[True, False, None][i % 3] for i in range(N)], "t": [[f"w{i % 7} z", None][i % 2] for i in range(N)],
        "d": [dt.date(2026, 1, 1 + i % 28) if i % 4 else None for i in range(N)], "y": rng.normal(size=N),
    })  # fmt: skip
    kinds = {"t": "text"}
    model = fitserve.train(frame, "y", learners=["ridge"], kinds=kinds, budget=20.0, workspace=tmp_path).predictor()
    row = frame.drop("y").to_dicts()[1]
    for field in row:
        expected = model.answer({**row, field: None})
        for nothing in (float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), "", "NaN"):
            assert model.answer({**row, field: nothing}) == expected, (field, nothing)
            assert model.predict(pd.DataFrame([{**row, field: nothing}], dtype=object)) == [expected[0]]


def test_columns_that_the_model_does_not_read_may_hold_anything(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": list(range(40)), "y": [i * 2.0 for i in range(40)]})
    model = fitserve.train(frame, "y", learners=["ridge"], budget=20.0, workspace=tmp_path).predictor()
    expected = model.predict(frame)
    odd = frame.to_pandas()
    odd["note"], odd["arrays"], odd["sets"] = pd.array(["a", None] * 20, dtype="string"), [np.zeros(2)] * 40, [{1}] * 40
    assert model.predict(odd) == expected
    nested = frame.with_columns(s=pl.struct("x"), l=pl.concat_list("x"), wide=pl.col("x").cast(pl.Int128))
    assert model.predict(nested) == expected
    wrong = model.predict(frame.with_columns(x=pl.struct("x")))
    assert wrong == [model.answer({"x": None})[0]] * 40
    shanghai = dt.datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert model.predict(pd.DataFrame({"x": [shanghai]})) == [model.answer({"x": shanghai})[0]]


def test_an_integer_keeps_every_digit(tmp_path: Path) -> None:
    authors = [740245381351497728 + i for i in range(4)]
    frame = pl.DataFrame({
        "author": [authors[i % 4] for i in range(N)], "x": np.random.default_rng(0).normal(size=N),
        "y": [i % 4 * 3.0 + (i % 7) / 9 for i in range(N)],
    })  # fmt: skip
    predictions = set()
    for ending in ("csv", "parquet", "jsonl"):
        path = tmp_path / f"t.{ending}"
        write: dict[str, Any] = {"csv": frame.write_csv, "parquet": frame.write_parquet, "jsonl": frame.write_ndjson}
        write[ending](path)
        run = fitserve.train(path, "y", name=ending, learners=["ridge"], budget=20.0, workspace=tmp_path / "w")
        model = run.predictor()
        step = next(step for step in run.manifest.steps if step["field"] == "author")
        assert sorted(step["levels"]) == [str(author) for author in authors]
        for author in authors:
            row = {"author": author, "x": 0.5}
            expected, problems = model.answer(row)
            assert problems == []
            assert model.answer({**row, "author": str(author)})[0] == expected
            assert model.predict(pl.DataFrame([row])) == model.predict(pd.DataFrame([row])) == [expected]
            predictions.add(round(expected["prediction"]))
        [unseen] = model.answer({"author": authors[-1] + 1, "x": 0.5})[1]
        assert (unseen.code, unseen.sent) == ("unseen_category", authors[-1] + 1)
    assert len(predictions) == 4


def test_names_are_read_alike_on_every_way_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({" lead": rng.normal(size=N), "trail ": rng.normal(size=N), "x.y": rng.normal(size=N)})
    frame = frame.with_columns(y=pl.col(" lead") * 3 + pl.col("trail "))
    frame.write_csv(tmp_path / "t.csv")
    for source in (tmp_path / "t.csv", frame, frame.to_pandas()):
        model = fitserve.train(source, "y", learners=["ridge"], budget=20.0, workspace=tmp_path / "w").predictor()
        plain = model.answer({"lead": 1.0, "trail": 2.0, "x.y": 0.5})
        assert plain[1] == []
        assert model.answer({" lead": 1.0, "trail ": 2.0, " x.y": 0.5}) == plain
        assert model.predict(pl.DataFrame({" lead": [1.0], "trail": [2.0], "x.y": [0.5]})) == [plain[0]]


def test_of_a_field_that_is_there_twice_the_exact_name_counts(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=N), "x.y": rng.normal(size=N)})
    frame = frame.with_columns(y=pl.col("a") * 3 + pl.col("x.y"))
    model = fitserve.train(frame, "y", name="m", learners=["ridge"], budget=20.0, workspace=tmp_path).predictor()
    plain = model.answer({"a": 1.0, "x.y": 0.5})
    rows: list[dict[str, Any]] = [
        {"x": {"y": 99.0}, "a": 1.0, "x.y": 0.5},
        {" x.y": 0.5, "x.y ": 99.0, "a": 1.0},
        {"x": {"y": 0.5, " y": 99.0}, "a": 1.0},
    ]
    for row in rows:
        answer, problems = model.answer(row)
        assert (answer, [(p.code, p.field) for p in problems]) == (plain[0], [("duplicate_field", "x.y")])
    both = {" a": 99.0, "a": 1.0, "x.y": 0.5}
    answer, problems = model.answer(both)
    assert (answer, [(p.code, p.field) for p in problems]) == (plain[0], [("extra_field", " a")])
    for made in (pl.DataFrame, pd.DataFrame):
        assert model.predict(made([both])) == [plain[0]]
        assert model.predict(made([rows[0]])) == [plain[0]]


def test_of_unknown_fields_without_end_the_first_are_named(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x.y": np.arange(N) * 7 % N / 4, "y": np.arange(N) * 7 % N / 2})
    model = fitserve.train(frame, "y", name="m", learners=["ridge"], budget=20.0, workspace=tmp_path).predictor()
    problems = model.answer({"x": {"y": 1.0, **{f"z{i}": 0 for i in range(5000)}}})[1]
    assert len(problems) == 1001
    assert problems[-1].message == "and 4000 more that are not fields of this model; ignored"


def test_nested_rows_are_read_alike_on_every_way_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cities = [str(city) for city in rng.choice(["Oslo", "Rome"], N)]
    rows: list[dict[str, Any]] = [
        {"customer": {"age": int(age), "address": {"city": city}}, "x": float(i % 5)}
        for i, (age, city) in enumerate(zip(rng.integers(18, 80, N), cities, strict=True))
    ]
    truth = [row["customer"]["age"] / 10 + (row["customer"]["address"]["city"] == "Rome") * 5 for row in rows]
    frame = pl.DataFrame(rows).with_columns(y=pl.Series(truth))
    frame.write_ndjson(tmp_path / "t.jsonl")
    frame.write_parquet(tmp_path / "t.parquet")
    for source in (tmp_path / "t.jsonl", tmp_path / "t.parquet", frame, frame.to_arrow()):
        model = fitserve.train(source, "y", learners=["ridge"], budget=20.0, workspace=tmp_path / "w").predictor()
        assert {step.field for step in model.encoder.steps} == {"customer.age", "customer.address.city", "x"}
        answer, problems = model.answer(rows[0])
        assert problems == []
        flat = {"customer.age": rows[0]["customer"]["age"], "customer.address.city": cities[0], "x": 0.0}
        assert model.answer(flat) == (answer, [])
        assert (
            model.answer({"customer": {"age": flat["customer.age"]}, "customer.address.city": cities[0], "x": 0.0})[0]
            == answer
        )
        for made in (pl.DataFrame, pd.DataFrame):
            assert model.predict(made(rows[:3])) == model.predict(rows[:3])
        for ending, write in (("jsonl", "write_ndjson"), ("parquet", "write_parquet")):
            getattr(frame.drop("y").head(3), write)(tmp_path / f"in.{ending}")
            predict_file(model, tmp_path / f"in.{ending}", tmp_path / "out.parquet", alone=True)
            found = pl.read_parquet(tmp_path / "out.parquet")["prediction"].to_list()
            assert found == [each["prediction"] for each in model.predict(rows[:3])]
        codes = [(p.code, p.field) for p in model.answer({"customer": {"age": 30, "size": 4}, "x": 0})[1]]
        assert codes == [("missing_field", "customer.address.city"), ("extra_field", "customer.size")]


def test_an_infinite_value_is_missing_and_told(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": [float(i % 11) for i in range(N)], "y": [i % 11 * 2.0 + i / N for i in range(N)]})
    model = fitserve.train(frame, "y", learners=["ridge"], budget=20.0, workspace=tmp_path).predictor()
    missing = model.answer({"n": None})[0]
    for value in (float("inf"), -float("inf"), "inf", "-Infinity", 10**400, "1e999"):
        answer, problems = model.answer({"n": value})
        assert answer == missing
        assert "infinite_value" in [problem.code for problem in problems]
    assert model.predict(pl.DataFrame({"n": [float("inf")]})) == [missing]


def test_labels_have_one_type_everywhere(tmp_path: Path) -> None:
    for labels, types in (
        ([1, "a"], {str}),
        ([1, 0.5], {float}),
        ([True, "no"], {str}),
        ([3, 4], {int}),
        ([True, False], {bool}),
        ([2**64, 2**64 + 1], {str}),
    ):
        table = pd.DataFrame(
            {"x": range(0, 3 * N, 3), "z": np.arange(N) % 7, "y": [labels[i % 7 > 3] for i in range(N)]}
        )
        table["y"] = table["y"].astype(object)
        run = fitserve.train(table, "y", learners=["tree"], budget=20.0, workspace=tmp_path / "w", name="m")
        model = run.predictor()
        alone = [model.answer({"x": 1, "z": z})[0]["prediction"] for z in range(7)]
        assert {type(label) for label in alone} == types
        pl.DataFrame({"x": [1] * 7, "z": range(7)}).write_parquet(tmp_path / "in.parquet")
        predict_file(model, tmp_path / "in.parquet", tmp_path / "out.parquet")
        found = pl.read_parquet(tmp_path / "out.parquet")["prediction"].to_list()
        assert [(type(label), label) for label in found] == [(type(label), label) for label in alone]
