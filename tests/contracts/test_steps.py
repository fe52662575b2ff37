"""What every step promises, tested over all of them."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitserve.blocks import FLOAT32_MAX, Arrays, Ragged
from fitserve.features.base import Notes
from fitserve.features.column import Coded, Column, Numbers, coded, column_of
from fitserve.features.encoder import Encoder, fit_encoder
from fitserve.features.registry import step_names, steps_for
from fitserve.schema import Field, Kind

SPELLED = ["", " ", "?", "NA", "nan", "null", "none", "1", "1.0", " 2 ", "007", "+3", ".5", "5.", "1e3", "1e999", "-inf",
           "1_000", "0x10", "١", "yes", "No", "是", "否", "TRUE", "2020-02-29", "2021-02-29", "2020/1/5", "1999-12-31 23:59",
           "2020-01-01T00:00:00.25+02:00", "0001-01-01", "red", "Red", " red ", "你好世界", "hello hello world", "naïve café", "\ud800",
           "1.234,56", "1,234", "1,5", "€ 5", "12 %", "(3)", "31/12/2020", "1/2/2020", "2018年5月11日", "Jan 3, 1791 3:05 PM",
           "EOW: Monday, January 3, 1791"]  # fmt: skip
NUMERIC = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**40), 10**40), st.floats(), st.floats(-1e6, 1e6), st.integers(-5, 5)
)
ANYTHING = st.one_of(
    NUMERIC,
    st.sampled_from(SPELLED),
    st.text(max_size=20),
    st.datetimes(),
    st.dates(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
KINDS = sorted(kind for kind in Kind if steps_for(kind))


def one_step(kind: Kind, training: Sequence[object], *, ordered: bool = False) -> Encoder:
    ordered_by = "field" if ordered else None
    return fit_encoder([Field("field", kind, "test")], {"field": coded(training)}, ordered_by=ordered_by)


def bits(arrays: Arrays) -> list[bytes]:
    text = arrays.text or Ragged(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    # The signs of NaN and of 0 mean nothing: 0.0 and -0.0 are one level of a column.
    dense = np.where(np.isnan(arrays.dense), np.float32(np.nan), arrays.dense + np.float32(0))
    parts: list[Any] = [dense, arrays.codes, text.ids, text.rows, text.weights]
    return [part.tobytes() for part in parts]


def by_rows(encoder: Encoder, values: Sequence[object]) -> Arrays:
    notes: Notes = []
    return encoder.rows([{"field": value} for value in values], notes)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(
    training=st.lists(ANYTHING, min_size=1, max_size=12), values=st.lists(ANYTHING, max_size=12), ordered=st.booleans()
)
def test_a_row_and_a_column_have_the_same_bits(
    kind: Kind, training: list[object], values: list[object], ordered: bool
) -> None:
    encoder = one_step(kind, training, ordered=ordered)
    for seen in (training, values):
        column = encoder.columns({"field": coded(seen)}, len(seen))
        assert bits(by_rows(encoder, seen)) == bits(column)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(training=st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=12), values=st.lists(st.floats(), max_size=12))
def test_a_column_of_floats_has_the_bits_of_its_rows(kind: Kind, training: list[float], values: list[float]) -> None:
    encoder = fit_encoder([Field("field", kind, "test")], {"field": Numbers(np.array(training))})
    column: Column = Numbers(np.array(values, dtype=np.float64))
    assert bits(by_rows(encoder, values)) == bits(encoder.columns({"field": column}, len(values)))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(training=st.lists(ANYTHING, min_size=1, max_size=8), values=st.lists(ANYTHING, max_size=8))
def test_the_state_is_json_and_complete(kind: Kind, training: list[object], values: list[object]) -> None:
    encoder = one_step(kind, training)
    stored = json.loads(json.dumps(encoder.as_json()))
    again = Encoder.from_json(stored, encoder.arrays())
    assert bits(by_rows(again, values)) == bits(by_rows(encoder, values))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(training=st.lists(ANYTHING, min_size=1, max_size=8), values=st.lists(ANYTHING, min_size=1, max_size=8))
def test_a_row_does_not_depend_on_its_neighbours(kind: Kind, training: list[object], values: list[object]) -> None:
    encoder = one_step(kind, training)
    together = encoder.columns({"field": coded(values)}, len(values))
    for i, value in enumerate(values):
        assert bits(encoder.columns({"field": coded([value])}, 1)) == bits(together.take(np.array([i])))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(training=st.lists(ANYTHING, min_size=1, max_size=8), value=ANYTHING)
def test_arrays_are_finite_or_missing_and_codes_in_range(kind: Kind, training: list[object], value: object) -> None:
    encoder = one_step(kind, training)
    arrays = by_rows(encoder, [value])
    assert not np.isinf(arrays.dense).any()
    for step, codes in zip(encoder.codes, arrays.codes.T, strict=True):
        assert ((codes >= 0) & (codes < step.n_codes)).all()
    if arrays.text is not None:
        assert ((arrays.text.ids >= 0) & (arrays.text.ids < encoder.n_terms)).all()
        assert np.isfinite(arrays.text.weights).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_column_and_an_absent_one(kind: Kind) -> None:
    encoder = one_step(kind, ["a", "b", None])
    assert len(encoder.columns({}, 0)) == 0
    assert bits(encoder.columns({}, 3)) == bits(by_rows(encoder, [None, None, None]))


def test_every_registered_step_is_reached_by_a_kind() -> None:
    reached = {state["step"] for kind in KINDS for state in one_step(kind, ["a", "b"]).as_json()}
    assert reached == set(step_names())


TABLE_FIELDS = [Field("n", Kind.NUMBER, ""), Field("c", Kind.CATEGORY, ""), Field("m", Kind.NUMBER, "")]
TABLE_ROWS = [{"n": float(i), "c": "abc"[i % 3], "m": i * 10} for i in range(12)]


@settings(max_examples=200, deadline=None)
@given(
    n=st.one_of(st.floats(-20, 20), st.integers(-20, 20), ANYTHING),
    c=st.one_of(st.sampled_from("abcd"), ANYTHING),
    m=st.one_of(st.integers(0, 110), ANYTHING),
    extra=st.booleans(),
)
def test_the_short_way_of_usual_rows_has_the_bits_of_the_long_one(n: object, c: object, m: object, extra: bool) -> None:
    table = {name: column_of([row[name] for row in TABLE_ROWS]) for name in ("n", "c", "m")}
    encoder = fit_encoder(TABLE_FIELDS, table)
    row = {"n": n, "c": c, "m": m} | ({"other": 1} if extra else {})
    notes: Notes = []
    dense, codes, _ = encoder.row(row, notes)
    slow: list[Notes] = [[], [], []]
    long_dense: list[float] = []
    long_codes: list[int] = []
    for step, value, own in zip(encoder.dense, (n, m), slow[:2], strict=True):
        step.row(value, long_dense, own)
    encoder.codes[0].row(c, long_codes, slow[2])
    assert np.array(dense, np.float32).tobytes() == np.array(long_dense, np.float32).tobytes()
    assert codes == long_codes
    said = [note for own in slow for note in own]
    assert [p for p in notes if p.code != "extra_field"] == said or any(isinstance(v, float) for v in (n, c, m))


class TestNumbers:
    def test_long_integers_keep_their_digits(self) -> None:
        ids = [1_700_000_000 + i for i in range(100)]
        encoder = fit_encoder([Field("field", Kind.NUMBER, "")], {"field": column_of(np.array(ids))})
        values = encoder.columns({"field": column_of(np.array(ids))}, 100).dense[:, 0]
        assert (np.diff(values) == 1).all()

    @given(st.floats(allow_nan=False))
    def test_nothing_overflows(self, value: float) -> None:
        encoder = one_step(Kind.NUMBER, [1.0, 2.0, 1e308, -1e308])
        found = by_rows(encoder, [value]).dense[0, 0]
        assert np.isnan(found) if math.isinf(value) else abs(found) <= FLOAT32_MAX


class TestMoments:
    @given(st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)))
    def test_calendar_parts_are_those_of_the_calendar(self, moment: dt.datetime) -> None:
        encoder = one_step(Kind.DATETIME, ["2019-01-01", "2020-02-03T04:05"])
        found: list[float] = []
        encoder.dense[0].row(moment, found, [])
        expected = {"year": moment.year, "month": moment.month, "day": moment.day, "weekday": moment.weekday(),
                    "hour": moment.hour, "minute": moment.minute}  # fmt: skip
        parts = encoder.as_json()[0]["parts"]
        assert dict(zip(parts, found[1:], strict=True)) == {part: expected[part] for part in parts}


class TestTexts:
    def test_chinese_texts_share_their_pairs_of_characters(self) -> None:
        encoder = one_step(Kind.TEXT, ["我想取消订单", "怎么取消订单", "退款多久到账"])
        first, second = by_rows(encoder, ["取消订单吧"]), by_rows(encoder, ["退款到账"])
        assert first.text is not None
        assert second.text is not None
        assert set(first.text.ids.tolist()).isdisjoint(second.text.ids.tolist())
        assert len(first.text.ids) >= 7  # four characters and three pairs of them

    def test_weights_have_unit_length(self) -> None:
        encoder = one_step(Kind.TEXT, ["a red house", "a blue house", "the red car"])
        text = by_rows(encoder, ["red house house"]).text
        assert text is not None
        assert math.isclose(float((text.weights.astype(float) ** 2).sum()), 1.0, rel_tol=1e-6)


def test_levels_that_differ_in_type_alone_are_one_level() -> None:
    read: Callable[[object], int] = lambda value: int(by_rows(encoder, [value]).codes[0, 0])  # noqa: E731
    encoder = one_step(Kind.CATEGORY, [1, 1, 2, 2, True, True])
    assert read(1) == read(1.0) == read("1") == read(" 1 ")
    assert read(True) == read("true") != read(1)
    assert isinstance(coded([1, True, 1.0]), Coded)
    assert len(coded([1, True, 1.0]).levels) == 3
