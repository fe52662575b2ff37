"""Numbers of rows: found out by how they go along with the rows, and never used by a model unless asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fitserve
from fitserve.data.understanding.kinds import infer_field
from fitserve.data.understanding.running_numbers import counts_up, numbers_rows
from fitserve.data.understanding.target import decide_target
from fitserve.data.views.table_view import view_table
from fitserve.errors import DataError
from fitserve.messages import render
from fitserve.schema import Kind
from fitserve.training.prepare import prepare
from fitserve.training.spec import Spec

N = 150


def test_the_number_of_a_row_in_a_sorted_table_is_no_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    species = np.repeat(["setosa", "versicolor", "virginica"], N // 3)
    x = rng.normal(size=N) + np.repeat([0.0, 1.0, 2.0], N // 3)
    for name, number in {
        "Unnamed: 0": np.arange(N),
        "order": 10_000 + 10 * np.arange(N),
        "left": np.arange(N, 0, -1),
        "time": np.arange(N) / 50,
        "code": np.array([f"S-{i:04d}" for i in range(N)]),
        "number": np.arange(N)[rng.permutation(N)],  # the table was sorted once
    }.items():
        run = fitserve.train(
            pl.DataFrame({name: number, "x": x, "species": species}), "species", name="m", learners=["tree"], budget=20,
            workspace=tmp_path / "w",
        )  # fmt: skip
        assert [step["field"] for step in run.manifest.steps] == ["x"], name
        assert (run.scores["accuracy"] or 0) < 0.95
        assert any(repr(name) in finding and "not used" in finding for finding in run.findings)
        assert (name == "number") or any("stand in the order of the target" in finding for finding in run.findings)
        asked = prepare(
            pl.DataFrame({name: number, "x": x, "species": species}), Spec("species", kinds={name: "category"})
        )
        assert {step.field for step in asked.encoder.steps} == {"x", name}


def test_names_with_a_number_are_running_numbers_in_any_order() -> None:
    order = np.random.default_rng(5).permutation(300)
    field, _ = infer_field(pl.Series("id", [f"id-{i:04d}" for i in order]))
    assert (field.kind, field.profile.get("running")) == (Kind.IDENTIFIER, True)
    field, _ = infer_field(pl.Series("id", [f"{'abcdefg'[i % 7]}-{i:04d}" for i in order]))
    assert field.profile.get("running") is None


def test_a_table_with_nothing_but_a_number_of_rows_is_refused() -> None:
    table = pl.DataFrame({"id": range(N), "y": ["a", "b"] * (N // 2)})
    with pytest.raises(DataError, match="no column is left to predict from but 'id', which numbers the rows; --kind"):
        prepare(table, Spec("y"))
    alone = prepare(pl.DataFrame({"x": range(40), "y": [2.0 * i for i in range(40)]}), Spec("y"))
    assert "kept as the only column" in render(alone.fields[0].reason)


@pytest.mark.parametrize("n", [12, 40, 400])
def test_rows_in_the_order_of_the_target_are_told_at_any_size(n: int) -> None:
    rng = np.random.default_rng(1)
    x, half = rng.normal(size=n), n // 2

    def codes(y: list[Any]) -> set[str]:
        return {finding.code for finding in view_table(pl.DataFrame({"x": x, "y": y}, strict=False), "t", "y").findings}

    assert "sorted_by_target" in codes(["a"] * half + ["b"] * half)
    assert "sorted_by_target" in codes(sorted(rng.normal(size=n).tolist()))
    assert "sorted_by_target" not in codes([str(label) for label in rng.permutation(["a", "b"] * half)])
    assert "sorted_by_target" not in codes(rng.normal(size=n).tolist())


def test_a_few_sorted_labels_are_chance() -> None:
    table = pl.DataFrame({"x": [1.5, 2.25, 9.0, 4.5], "y": ["a", "a", "b", "b"]})
    assert "sorted_by_target" not in {finding.code for finding in view_table(table, "t", "y").findings}


@given(st.integers(-1000, 1000), st.sampled_from([-7, -1, 1, 2, 100]), st.integers(20, 60), st.integers(0, 5))
def test_what_counts_up_still_does_when_rows_are_left_out(start: int, step: int, n: int, left_out: int) -> None:
    values = np.delete(start + step * np.arange(n), np.arange(left_out) * 3)
    assert counts_up(values)
    assert not counts_up(values[np.random.default_rng(n).permutation(len(values))])
    assert not counts_up(np.append(values, values[-1]))


def test_names_of_columns_that_number_rows() -> None:
    for name in ("", "Unnamed: 0", "index", "id", "ID", "row_id", "No.", "#", "序号", "rownum", "s.no"):
        assert numbers_rows(name), name
    for name in ("price", "number of rooms", "idle", "area", "customer_id", "norm"):
        assert not numbers_rows(name), name


@pytest.mark.parametrize(
    ("values", "advised"),
    [
        ([str(i) for i in range(3000)], "--task regression if they are amounts"),
        ([f"k{i * 7 % 3000}" for i in range(3000)], "--task classification if they are"),
    ],
)
def test_a_target_of_too_many_levels_says_what_it_may_be_after_all(values: list[str], advised: str) -> None:
    with pytest.raises(DataError, match=advised):
        decide_target(pl.DataFrame({"y": values}), "y")
