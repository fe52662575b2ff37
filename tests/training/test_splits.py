"""Splits by time and by group, and the advice to take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fitserve
from fitserve.data.split import folds, joined_groups, last_rows, split_by_time, split_rows
from fitserve.errors import SpecError
from fitserve.messages import render
from fitserve.store import Workspace
from fitserve.training.prepare import Prepared, prepare
from fitserve.training.progress import Clock, silent
from fitserve.training.run import Order, Run, replay_run
from fitserve.training.search import Search
from fitserve.training.spec import Spec

N = 300


def visits(n: int = N) -> pl.DataFrame:
    """Visits of patients, in no order: a level of each patient, and a trend."""
    rng = np.random.default_rng(4)
    patient, day = rng.integers(0, 40, n), rng.permutation(n)
    level = rng.normal(size=40)[patient]
    return pl.DataFrame({
        "patient_id": patient + 1000, "age": 20 + patient, "x": rng.normal(size=n),
        "y": level * 3 + day / 50 + rng.normal(size=n) / 5,
    }).with_columns(date=pl.date(2025, 1, 1) + pl.duration(days=pl.lit(pl.Series(day))))  # fmt: skip


def prepared(**spec: Any) -> Prepared:
    return prepare(visits(), Spec("y", **spec))


def train(workspace: Path, **spec: Any) -> Run:
    return fitserve.train(visits(), "y", name="m", learners=["ridge"], budget=20.0, workspace=workspace, **spec)


def test_by_time_the_last_rows_evaluate() -> None:
    found = prepared(time="date")
    dates = visits()["date"].to_numpy()
    assert dates[found.split.test].min() > dates[found.split.train].max()
    assert len(found.split.test) == N // 5
    search = Search(found, [], Clock(None), silent)
    assert render(search.validation) == "the last fifth of the training rows in time"
    train_dates = dates[found.split.train]
    [fold] = search.folds.parts
    assert train_dates[fold.held].min() > train_dates[fold.learned].max()
    assert len(fold.held) == len(found.split.train) // 5


@pytest.mark.parametrize("descending", [False, True])
def test_the_last_rows_of_a_log_evaluate_without_being_asked(descending: bool) -> None:
    log = visits().sort("date", descending=descending)
    dates = log["date"].to_numpy()
    found = prepare(log, Spec("y"))
    assert dates[found.split.test].min() > dates[found.split.train].max()
    assert (
        "the rows stand in the order of 'date', so the last ones are held out; --shuffle takes random ones"
        in found.findings
    )
    for table, spec in ((log, Spec("y", shuffle=True)), (log[[1, 0, *range(2, N)]], Spec("y"))):
        found = prepare(table, spec)
        assert "stratified by the target" in found.split.reason
        assert any("train with --time 'date'" in sentence for sentence in found.findings)


def test_a_log_whose_last_labels_are_new_is_shuffled() -> None:
    log = visits().sort("date").with_columns(y=pl.Series(["a", "b"] * (N // 2 - 5) + ["c"] * 10))
    assert "stratified" in prepare(log, Spec("y")).split.reason


def test_by_group_nobody_is_on_two_sides() -> None:
    found = prepared(group="patient_id")
    patients = visits()["patient_id"].to_numpy()
    assert set(patients[found.split.test]).isdisjoint(patients[found.split.train])
    assert abs(len(found.split.test) - N / 5) < 15
    search = Search(found, [], Clock(None), silent)
    own = patients[found.split.train]
    for fold in search.folds.parts:
        assert set(own[fold.held]).isdisjoint(own[fold.learned])
    assert sorted(search.folds.held) == list(range(len(own)))
    [field] = [field for field in found.fields if field.name == "patient_id"]
    assert (field.used, render(field.reason)) == (False, "names the groups of the split")


@pytest.mark.parametrize("by", ["time", "group"])
def test_a_training_tells_how_it_was_split_and_repeats(tmp_path: Path, by: str) -> None:
    run = train(tmp_path, **{by: {"time": "date", "group": "patient_id"}[by]})
    notes = run.manifest.evaluation["split"]
    assert notes == "the last rows in time" if by == "time" else "groups kept together" in notes
    assert not any("train with --" in finding for finding in run.findings)
    again = replay_run(run.id, visits(), Order("m"), Workspace.open(tmp_path))
    assert again.record.sha256 == run.record.sha256


def test_advice_is_given_where_a_random_split_is_probably_too_easy(tmp_path: Path) -> None:
    findings = train(tmp_path).findings
    assert any(f.startswith("column 'date' holds dates") and f.endswith("train with --time 'date'") for f in findings)
    notes = [f for f in findings if "train with --group 'patient_id'" in f]
    assert len(notes) == 1
    assert "7.5 times on average" in notes[0]
    once = visits().with_columns(patient_id=pl.int_range(N), date=pl.lit("x"))
    run = fitserve.train(once, "y", learners=["ridge"], budget=20.0, workspace=tmp_path / "once")
    assert not any("train with --" in finding for finding in run.findings)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"time": "dat"}, "there is no column 'dat'; did you mean 'date'?"),
        ({"group": "patient"}, "there is no column 'patient'; did you mean 'patient_id'?"),
        ({"time": "y"}, "rows cannot be split by 'y', the target or excluded"),
        ({"group": "x", "exclude": ["x"]}, "rows cannot be split by 'x', the target or excluded"),
        ({"time": "date", "group": "patient_id"}, "rows are split by --time or by --group; give one"),
        ({"time": "town"}, "column 'town' holds .*, which puts no rows in order; name another --time"),
        ({"group": "one"}, "column 'one' has one value only, which makes no groups; name another --group"),
        ({"time": 5}, "time cannot be 5; give the name of a column"),
    ],
)
def test_columns_that_split_nothing_are_refused(tmp_path: Path, spec: dict[str, Any], words: str) -> None:
    table = visits().with_columns(town=pl.lit("Ulm") + (pl.int_range(N) % 3).cast(pl.String), one=pl.lit("a"))
    with pytest.raises(SpecError, match=words):
        fitserve.train(table, "y", workspace=tmp_path, **spec)


@pytest.mark.parametrize("n_groups", [2, 3, 4, 6])
def test_few_groups_still_train(tmp_path: Path, n_groups: int) -> None:
    table = visits().with_columns(g=pl.int_range(N) % n_groups)
    run = fitserve.train(table, "y", learners=["ridge"], group="g", budget=20.0, workspace=tmp_path)
    assert run.manifest.evaluation["rows"] >= N // 6


def test_rows_of_one_moment_stay_together_and_rows_without_one_train() -> None:
    moments = np.repeat(np.arange(20.0), 10)
    moments[::7] = np.nan
    split = split_by_time(moments)
    assert set(moments[split.test]).isdisjoint(moments[split.train])
    assert np.isnan(moments[split.train]).sum() == np.isnan(moments).sum()
    assert len(split_by_time(np.repeat([1.0, 2.0], [10, 90])).test) == 0
    assert len(split_by_time(np.arange(20.0)).test) == 0


@given(
    moments=st.lists(
        st.sampled_from([1.0, 2.0, 3.5, 7.0, float("nan")]) | st.floats(-1e6, 1e6), min_size=1, max_size=80
    ),
    share=st.floats(0.05, 0.5),
)
@settings(max_examples=200, deadline=None)
def test_the_last_rows_are_later_than_all_others(moments: list[float], share: float) -> None:
    order = np.array(moments)
    last = last_rows(order, share)
    assert not np.isnan(order[last]).any()
    if last.any():
        rest = order[~last & ~np.isnan(order)]
        assert len(rest)
        assert order[last].min() > rest.max()


@given(rows=st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 6)), min_size=1, max_size=40), seed=st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_joined_groups_keep_both_kinds_together(rows: list[tuple[int, int]], seed: int) -> None:
    groups, keys = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    joined = joined_groups(np.unique(groups, return_inverse=True)[1], keys)
    for i in range(len(rows)):
        for j in range(len(rows)):
            if groups[i] == groups[j] or (keys[i] == keys[j] >= 0):
                assert joined[i] == joined[j]
    split = split_rows(joined, None, seed, named=True)
    assert set(joined[split.test]).isdisjoint(joined[split.train])
    assert (folds(joined, None, 5, seed, named=True) >= 0).all()
