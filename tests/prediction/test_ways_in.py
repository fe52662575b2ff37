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
    huge = [1.7e308 if i % 2 else -1.7e308 * (i % 5) / 5 for i in range(N)]
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
        "numbers at the end of floats": (pl.DataFrame({"h": huge, "y": ["u" if i % 2 else "v" for i in range(N)]}), "logistic", {}),
        "constants with gaps": (pl.DataFrame(gaps), "ridge", {}),
        "whole numbers as levels": (pl.DataFrame(levels), "ridge", {"k": "category"}),
        "unsigned and small types": (
            pl.DataFrame({"a": pl.Series(range(N), dtype=pl.UInt64), "s": pl.Series([i % 5 for i in range(N)], dtype=pl.Int8),
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
