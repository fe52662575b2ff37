"""What lies absurdly far out, and what it does not do to the range of a column."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fitserve
from fitserve.features.column import column_of
from fitserve.features.number import fit_number
from fitserve.features.outliers import usual_limits, usual_range

NONE = (-math.inf, math.inf)
RNG = np.random.default_rng(0)
ORDINARY = {
    "normal": RNG.normal(50, 10, 5000), "skewed": RNG.lognormal(0, 1, 2000), "two values": np.repeat([0.0, 1.0], 50),
    "mostly zero": np.where(RNG.random(5000) < 0.05, RNG.exponential(300, 5000), 0.0), "a code": np.arange(100.0),
    "one value": np.full(30, 7.0), "a few": np.array([1.0, 2.0, 1e9]), "none": np.empty(0),
    "a common sentinel": np.where(RNG.random(1000) < 0.05, 9999.0, RNG.normal(size=1000)),
    "an amount with a cap": np.where(RNG.random(5000) < 0.005, 99_999.0, np.where(RNG.random(5000) < 0.08, 7000.0, 0.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ORDINARY))
def test_ordinary_columns_have_nothing_far_out(name: str) -> None:
    assert usual_limits(ORDINARY[name]) == NONE


@pytest.mark.parametrize("far", [9831.3, -9999.0, 1e30, -1e300])
@pytest.mark.parametrize("n", [20, 300, 40_000])
def test_one_absurd_value_is_left_out_of_the_range(n: int, far: float) -> None:
    rain = np.where(RNG.random(n) < 0.3, RNG.exponential(2, n), 0.0)
    rain[:12] = np.arange(12)
    low, high = usual_limits(np.append(rain, far))
    assert np.isfinite([low, high]).all()
    assert not low <= far <= high
    assert usual_range(np.append(rain, far)) == (rain.min(), rain.max())


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["linear", "ridge", "mlp", "knn", "lightgbm"])
def test_one_absurd_value_spoils_no_model(learner: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 300))
    clean = pl.DataFrame({"x": x, "z": z, "y": 3 * x + z + rng.normal(size=300) * 0.1})
    wild = clean.with_columns(x=pl.when(pl.int_range(300) == 7).then(1e12).otherwise("x"))
    run = fitserve.train(wild, "y", name="wild", learners=[learner], budget=10, workspace=tmp_path)
    assert any("column 'x': 1 value lies far outside" in finding for finding in run.findings)
    score = fitserve.evaluate("wild", clean, workspace=tmp_path).scores["r2"]
    assert score is not None
    assert score > 0.7


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
def test_the_range_lies_within_the_values_and_holds_nearly_all(values: list[float]) -> None:
    known = np.array(values)
    low, high = usual_range(known)
    assert known.min() <= low <= high <= known.max()
    inside = (known >= low) & (known <= high)
    assert (~inside).sum() <= max(1, 0.01 * len(known))


@pytest.mark.parametrize("far", [9831.3, 1e300])
def test_a_step_tells_the_range_without_it_and_keeps_its_digits(far: float) -> None:
    rain = [*(i % 50 / 4 for i in range(200)), far]
    step = fit_number("rain", column_of(np.array(rain)))
    assert (step.low, step.high, step.scale) == (0.0, 12.25, 1.0)
    notes: list[Any] = []
    row: list[float] = []
    step.row(far, row, notes)
    assert [note.code for note in notes] == ["out_of_range"]
    column = step.column(column_of(np.array([far, 3.25])))
    assert column[0, 0] == np.float32(row[0])
    assert column[1, 0] == np.float32(3.25 - step.offset)
    assert row[0] == 12.25 - step.offset
