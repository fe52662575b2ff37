"""A table is understood once: every column is inferred one time, and kinds are decided from the training rows alone."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitserve.data.understanding.choices import Choices, read_choices
from fitserve.data.understanding.kinds import infer_field
from fitserve.data.understanding.table import understand
from fitserve.data.views.table_view import view_table
from fitserve.errors import DataError, SpecError
from fitserve.features.column import Coded, Numbers, take
from fitserve.messages import render
from fitserve.schema import Kind
from fitserve.training.prepare import prepare
from fitserve.training.spec import Spec

N = 300


def visits(n: int = N) -> pl.DataFrame:
    """A log: the rows stand in the order of a date, spelled in several ways."""
    rng = np.random.default_rng(0)
    days = pl.date_range(pl.date(2021, 1, 1), pl.date(2030, 1, 1), eager=True)[:n]
    return pl.DataFrame(
        {
            "number": [str(i * 7) for i in range(n)],
            "day": days,
            "american": days.dt.strftime("%m/%d/%Y"),
            "born": days.sample(n, shuffle=True, seed=1).dt.strftime("%Y-%m-%d"),
            "person": [f"p{i % 20}" for i in range(n)],
            "weight": rng.integers(1, 4, n),
            "town": [["NA", "Ulm", "Bonn"][i % 3] for i in range(n)],
            "x": rng.normal(size=n),
            "y": rng.normal(size=n),
        }
    )


@contextmanager
def inferred() -> Iterator[Counter[str]]:
    """How often each column is inferred, in any thread."""
    counts: Counter[str] = Counter()

    def watch(frame: Any, event: str, _: object) -> None:
        if event == "call" and frame.f_code is infer_field.__code__:
            counts[frame.f_locals["series"].name] += 1

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        yield counts
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.mark.parametrize(
    ("spec", "apart"),
    [
        ({}, ()),
        ({"exclude": ["day"]}, ["day"]),
        ({"time": "american"}, ()),
        ({"time": "number"}, ()),
        ({"shuffle": True}, ()),
        ({"kinds": {"american": "datetime"}, "spellings": {"american": "month-first"}}, ()),
        ({"group": "person"}, ["person"]),
        ({"weight": "weight"}, ["weight"]),
    ],
)
def test_a_training_infers_every_column_once(spec: dict[str, Any], apart: list[str]) -> None:
    table = visits()
    with inferred() as counts:
        prepare(table, Spec("y", **spec))
    assert counts == Counter(set(table.columns) - set(apart))


@pytest.mark.parametrize("labels", [["a", "b"] * (N // 2 - 5) + ["c"] * 10, ["a", "b"] * (N // 2)])
def test_dates_that_cannot_order_the_rows_are_inferred_once(labels: list[str]) -> None:
    new_at_the_end = visits().with_columns(y=pl.Series(labels))
    nearly_a_log = pl.concat([new_at_the_end[50:], new_at_the_end[:50]])
    for table in (new_at_the_end, nearly_a_log):
        with inferred() as counts:
            prepare(table, Spec("y"))
        assert counts == Counter(table.columns)


@pytest.mark.parametrize("target", [None, "y"])
def test_a_look_at_a_table_infers_every_column_once(target: str | None) -> None:
    with inferred() as counts:
        view_table(visits(), "visits", target)
    assert counts == Counter(visits().columns)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["number", "town", "born", "x"]))
def test_kinds_are_decided_from_the_training_rows_alone(seed: int, name: str) -> None:
    rng, table = np.random.default_rng(seed), visits(60)
    learned = np.sort(rng.permutation(60)[:40])
    others = np.setdiff1d(np.arange(60), learned)
    changed = table.with_columns(table[name].scatter(others, table[name][[int(others[0])] * len(others)]))
    choices = Choices(target="y", shuffle=True)
    before, after = (understand(each, choices).columns(learned) for each in (table, changed))
    assert before.fields == after.fields
    assert before.columns.keys() == after.columns.keys() == set(table.columns) - {"y"}


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_some_rows_are_read_like_all(seed: int, n: int) -> None:
    rows = np.sort(np.random.default_rng(seed).permutation(60)[:n])
    table = understand(visits(60), Choices(target="y", shuffle=True))
    all_columns, own = table.columns(rows).columns, table.take(rows).columns(np.arange(n)).columns
    for name, column in all_columns.items():
        assert len(column) == 60
        some, other = take(column, rows), own[name]
        if isinstance(some, Numbers):
            assert isinstance(other, Numbers)
            assert np.array_equal(some.values, other.values, equal_nan=True)
        else:
            assert isinstance(other, Coded)
            assert [some.levels[i] for i in some.codes] == [other.levels[i] for i in other.codes]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=4, max_size=40))
def test_rows_that_must_not_be_divided_share_a_number(values: list[tuple[int, int]]) -> None:
    frame = pl.DataFrame({"who": [f"p{a}" for a, _ in values], "x": [b for _, b in values], "y": range(len(values))})
    alone = understand(frame, Choices(target="y", shuffle=True))
    assert len(set(alone.groups.tolist())) == len(values)
    if frame["who"].n_unique() > 1:
        grouped = understand(frame, Choices(target="y", group="who"))
        assert len(set(zip(frame["who"], grouped.groups.tolist(), strict=True))) == frame["who"].n_unique()
    twice = understand(pl.concat([frame, frame]), Choices(target="y", shuffle=True))
    if not twice.equal.combinations:
        assert twice.groups[: len(values)].tolist() == twice.groups[len(values) :].tolist()


def test_what_is_known_before_the_split() -> None:
    frame = visits().with_columns(y=pl.when(pl.int_range(N) % 10 == 0).then(None).otherwise(pl.col("y")))
    every = understand(frame, Choices(target="y", weight="weight"))
    assert every.target is not None
    table = every.take(every.target.known)
    assert (len(every), len(table)) == (N, N - N // 10)
    assert table.sha256 == every.sha256 == understand(frame, Choices(exclude=["x"])).sha256
    assert table.order is not None
    assert (table.order.name, len(table.order.moments)) == ("day", len(table))
    assert table.moments is table.order.moments
    assert table.weights is not None
    assert table.weights.tolist() == frame["weight"].gather(every.target.known).to_list()


def test_dates_that_order_the_rows_are_understood_from_all_of_them() -> None:
    table, learned = understand(visits(), Choices(target="y")), np.arange(N // 2)
    field = table.columns(learned).fields[1]
    assert (field.name, field.kind) == ("day", Kind.DATETIME)
    assert field.profile["quantiles"][-1] == table.order.moments[learned[-1]]  # type: ignore[union-attr]
    texts = understand(visits().drop("day"), Choices(target="y")).columns(learned)
    assert render(texts.fields[1].reason).startswith(f"{N} different dates")


def test_the_order_is_the_users_where_there_is_a_word_about_it() -> None:
    for choices in (Choices(target="y", shuffle=True), Choices(target="y", group="person")):
        assert understand(visits(), choices).moments is None
    by_number = understand(visits().reverse(), Choices(target="y", time="number")).moments
    assert by_number is not None
    assert by_number.tolist() == [i * 7.0 for i in reversed(range(N))]
    with pytest.raises(SpecError, match=r"column 'town' holds .* levels.*, which puts no rows in order"):
        _ = understand(visits(), Choices(target="y", time="town")).order


def test_columns_that_no_kind_fits_are_refused_with_the_reason() -> None:
    frame = visits().with_columns(odd=pl.struct("x", "y"))
    columns = understand(frame, Choices()).columns()
    assert [type(error) for error in columns.refused] == [DataError]
    assert "odd" not in columns.columns
    assert [field.name for field in columns.fields] == visits().columns
    with pytest.raises(DataError, match="column 'odd' holds Struct"):
        prepare(frame, Spec("y"))
    left_out = understand(frame, Choices(target="y", exclude=["odd"])).columns(np.arange(N))
    assert not left_out.refused
    assert [(field.name, field.used) for field in left_out.fields][-1] == ("odd", False)


def test_what_the_user_says_of_missing_values_holds_for_all_that_is_understood() -> None:
    choices = read_choices({}, {}, {"town": ["Ulm"]}, visits().columns)
    field = next(each for each in understand(visits(), choices).columns().fields if each.name == "town")
    assert field.missing == pytest.approx(1 / 3)
    assert set(field.profile["levels"]) == {"NA", "Bonn"}
