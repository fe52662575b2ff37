"""Reports of odd tables: nothing fails, and every number is finite or None."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fitserve
from fitserve.evaluation.evaluate import evaluate_model
from fitserve.evaluation.page import report_page
from fitserve.prediction import Predictor

N = 90
TARGETS = ("number", "two", "three")

pytestmark = [pytest.mark.xdist_group("odd"), pytest.mark.slow]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Predictor]:
    """A model of each task on a column of each kind."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    table = pl.DataFrame({
        "x": x, "days": rng.choice([3, 999, 999, 999, 999, 999], N), "town": rng.choice(["Ulm", "Bonn", "Kiel"], N),
        "yes": rng.random(N) < 0.5, "day": [f"2026-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(N)],
        "said": [f"{'bright and warm' if v > 0 else 'cold and dark'} day {i}" for i, v in enumerate(x)],
        "number": x + rng.normal(0, 0.1, N), "two": np.where(x > 0, "yes", "no"),
        "three": np.digitize(x, [-0.5, 0.5]).astype(str),
    })  # fmt: skip
    folder, found = tmp_path_factory.mktemp("odd"), {}
    for target in TARGETS:
        rows = table.drop([name for name in TARGETS if name != target])
        options: dict[str, Any] = {"learners": ["ridge" if target == "number" else "logistic"], "budget": 30.0}
        options |= {"kinds": {"said": "text"}, "workspace": folder}
        found[target] = fitserve.train(rows, target, name=target, **options).predictor()
    return found


NUMBERS = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 999.0, 1e300, -1e300, 5e-324, 1e-40, 2.0**53, math.inf, -math.inf, None]),
    st.floats(allow_nan=False, width=64), st.integers(-1000, 1000).map(float),
)  # fmt: skip
DATES = st.one_of(st.none(), st.dates().map(str), st.sampled_from(["2026-01-01", "0001-01-01", "9999-12-31", "never"]))
TEXTS = st.one_of(st.none(), st.sampled_from(["", " ", "bright", "cold and dark day", "你好"]), st.text(max_size=12))
LEVELS = st.one_of(st.none(), st.sampled_from(["Ulm", "Bonn", "Kiel", "", "elsewhere"]))
TRUTHS = {
    "number": st.one_of(st.sampled_from([0.0, 1.0, 1e300, -1e300, 1e-300]), st.floats(-5, 5)),
    "two": st.sampled_from(["yes", "no", "yes", "else"]),
    "three": st.sampled_from(["0", "1", "2", "else"]),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "x": NUMBERS, "days": st.one_of(st.sampled_from([999.0, 3.0, None]), NUMBERS), "town": LEVELS,
    "yes": st.sampled_from([True, False, None]), "day": DATES, "said": TEXTS,
}  # fmt: skip


@st.composite
def columns(draw: st.DrawFn, values: st.SearchStrategy[Any], n: int) -> list[Any]:
    """A column of n values: all alike, all but one alike, two, few, or any."""
    kinds = [draw(values) for _ in range(draw(st.sampled_from([1, 1, 2, 3, 7, 30])))]
    if draw(st.booleans()):
        return [kinds[0]] * (n - 1) + [kinds[-1]]
    picks = np.random.default_rng(draw(st.integers(0, 99))).integers(0, len(kinds), n)
    return [kinds[i] for i in picks]


@st.composite
def tables(draw: st.DrawFn, target: str) -> pl.DataFrame:
    n = draw(st.sampled_from([1, 2, 5, 39, 40, 60]))
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, unique=True))
    found = {name: draw(columns(VALUES[name], n)) for name in names}
    frame = pl.DataFrame({name: pl.Series(values, strict=False) for name, values in found.items()})
    truth = draw(columns(TRUTHS[target], n))
    if "else" in truth:
        truth[0] = "yes" if target == "two" else "0"  # a table of unknown labels alone is refused
    return frame.with_columns(pl.Series(target, truth))


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value


@pytest.mark.parametrize("target", TARGETS)
def test_no_part_of_a_report_fails_and_every_number_is_one(models: dict[str, Predictor], target: str) -> None:
    predictor = models[target]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(tables(target))
    def check(table: pl.DataFrame) -> None:
        report = evaluate_model(predictor, table).report
        assert report["faults"] == []
        assert all(math.isfinite(value) for value in numbers(report))
        page = report_page(report, "odd")
        assert "a fault of fitserve" not in page

    check()


@pytest.mark.parametrize("rows", [1, 40])
def test_an_odd_column_of_each_kind(models: dict[str, Predictor], rows: int) -> None:
    """One date, one level, no text, nearly all the largest, all missing."""
    table = pl.DataFrame({
        "x": [1e300] * rows, "days": [3.0] + [999.0] * (rows - 1), "town": [None] * rows, "yes": [True] * rows,
        "day": [str(dt.date(2026, 1, 1))] * rows, "said": [""] * rows, "number": [0.0] * rows,
    }, schema_overrides={"town": pl.String})  # fmt: skip
    report = evaluate_model(models["number"], table).report
    assert report["faults"] == []
    assert all(math.isfinite(value) for value in numbers(report))
