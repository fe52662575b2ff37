"""What the values of a column are, why, and that every form of a table says the same."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fitserve import schema
from fitserve.data.reading.read import read_frame
from fitserve.data.understanding.choices import missing_column, parse_kinds
from fitserve.data.understanding.kinds import infer_field
from fitserve.data.understanding.series import column_of_series
from fitserve.errors import SpecError
from fitserve.features.column import Column, Numbers
from fitserve.features.encoder import fit_encoder
from fitserve.features.moment import moments_of
from fitserve.features.number import numbers_of
from fitserve.messages import render
from fitserve.schema import Kind

TOWNS = ["Ulm", "Bonn", "Kiel"]


def inferred(values: list[Any], wanted: Kind | None = None, name: str = "x") -> tuple[Kind, str, float]:
    """Kind, reason and missing share; the same for a column too long for the short way."""
    series = pl.Series(name, values)
    field, _ = infer_field(series, wanted)
    long, _ = infer_field(pl.concat([series] * (1 + 2000 // len(series))), wanted)
    if field.kind not in (Kind.IDENTIFIER, Kind.TEXT):
        assert long.kind == field.kind
        assert long.missing == pytest.approx(field.missing)
    return field.kind, render(field.reason), field.missing


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        (["1", "2.5", "-3e2", "+.5", "7."] * 5, Kind.NUMBER, "5 different numbers"),
        (["inf", "1", "-Infinity", "+inf"] * 5, Kind.NUMBER, "3 different numbers"),
        (["0", "1"] * 10, Kind.NUMBER, "2 different numbers"),
        (["2020", "2021"] * 10, Kind.NUMBER, "2 different numbers"),
        ([f"{i / 7:.6f}" for i in range(99)] + ["broken"], Kind.NUMBER, "99 different numbers; 1 other spelling"),
        (["1", "2", "3", "none"] * 5, Kind.NUMBER, "3 different numbers; 1 other spelling"),
        (["1", "2", "无"] * 5, Kind.NUMBER, "2 different numbers; 1 other spelling"),
        (["1", "unknown"] * 5, Kind.CATEGORY, "2 levels"),
        (["yes", "no"], Kind.BOOLEAN, "two words for yes and no"),
        (["Y", "n", "?"], Kind.BOOLEAN, "two words"),
        (["TRUE", "False", ""], Kind.BOOLEAN, "two words"),
        (["on", "off"], Kind.BOOLEAN, "two words"),
        (["是", "否", "是"], Kind.BOOLEAN, "two words"),
        (["真", "假"], Kind.BOOLEAN, "two words"),
        (["yes", "no", "maybe"] * 5, Kind.CATEGORY, "3 levels, each 5.0 times on average"),
        (["yes", "y"] * 5, Kind.CATEGORY, "2 levels"),
        (TOWNS * 10, Kind.CATEGORY, "3 levels, each 10.0 times on average"),
        (["none", "guarantor", "unknown"] * 10, Kind.CATEGORY, "3 levels"),
        (["01234", "98765", "00001"] * 10, Kind.CATEGORY, "with leading zeros, so not numbers"),
        (["1,5", "2,5"] * 10, Kind.NUMBER, "2 different numbers, spelled like 1.234,56"),
        (["2026-01-31", "2026/02/01", "2026.3.1"], Kind.DATETIME, "3 different dates"),
        (["2026-01-31 08:30", "2026-01-31T08:30:01.5Z", "2026-01-31 8:30:00+08:00"], Kind.DATETIME, "3 different"),
        (["2026-01-31", "2026-02-01", "none", "NA"], Kind.DATETIME, "dates"),
        (["2026-02-30", "2026-02-31"] * 5, Kind.CATEGORY, "2 levels"),
        ([f"a review of {i} words, {i * i} of them new" for i in range(40)], Kind.TEXT, "40 different texts of 9.0"),
        ([f"这家酒店的服务非常好下次还会再来{i}" for i in range(40)], Kind.TEXT, "40 different texts of 9.0 words"),
        ([f"K{i * 7 % 40:05d}" for i in range(40)], Kind.IDENTIFIER, "40 single words, each once"),
        ([str(i * 7 % 40) for i in range(40)], Kind.IDENTIFIER, "40 whole numbers, each once, as a running number would be"),
        ([str(i) for i in range(40)], Kind.IDENTIFIER, "40 numbers that count up with the rows, as a running number does"),
        ([str(i) for i in range(40, 0, -1)], Kind.IDENTIFIER, "count up with the rows"),
        ([f"{i / 10:.1f}" for i in range(40)], Kind.IDENTIFIER, "count up with the rows"),
        ([f"{i}.0" for i in range(40)], Kind.IDENTIFIER, "running number"),
        ([f"A-{i:03d}" for i in range(40)], Kind.IDENTIFIER, "single words, each once, whose numbers count the rows"),
        (["+44", "+1", "+49"] * 10, Kind.CATEGORY, "with a plus sign before each, so not numbers"),
        (["+44", "-1", "+49"] * 10, Kind.NUMBER, "3 different numbers"),
        (["740245381351497732", "740245381351497733"] * 10, Kind.CATEGORY, "with more digits than a number keeps"),
        ([740245381351497732, 740245381351497733] * 10, Kind.CATEGORY, "with more digits than a number keeps"),
        ([740245381351497732, 5, 7] * 10, Kind.NUMBER, "3 different numbers"),
        (["1.1", "1.9", "1.10"] * 10, Kind.NUMBER, "in doubt: '1.10' is read like '1.1'"),
        ([str(i * i) for i in range(40)], Kind.NUMBER, "40 different numbers"),
        (["a"] * 30, Kind.CONSTANT, "one value only"),
        (["a", None, " a "], Kind.CONSTANT, "one value only"),
        (["5"] * 30, Kind.CONSTANT, "one value only"),
        (["5", "5.0", "NA"], Kind.CONSTANT, "one value only"),
        (["", "?", "NA", "n/a", "null", "NaN", "-", "--", ".", None], Kind.CONSTANT, "no value at all"),
        ([None, None], Kind.CONSTANT, "no value at all"),
        (list(range(40)), Kind.IDENTIFIER, "running number"),
        ([2**60 + i for i in range(40)], Kind.IDENTIFIER, "40 whole numbers, each once"),
        ([i * i for i in range(40)], Kind.NUMBER, "40 different numbers"),
        ([1.5, float("nan"), None, 2.5], Kind.NUMBER, "2 different numbers"),
        ([float("nan"), None], Kind.CONSTANT, "no value at all"),
        ([True, False], Kind.BOOLEAN, "true and false"),
        ([True, None], Kind.CONSTANT, "one value only"),
        ([dt.date(2026, 1, 1), dt.date(2026, 1, 2)], Kind.DATETIME, "values of type Date"),
    ],
)  # fmt: skip
def test_a_kind_is_inferred_with_its_reason(values: list[Any], kind: Kind, reason: str) -> None:
    found, notes, _ = inferred(values)
    assert (found, notes) == (kind, notes)
    assert reason in notes


def test_a_name_tells_an_identifier() -> None:
    spread = [i * 7 % 40 * 1000 for i in range(40)]
    assert inferred(spread, name="user_id")[0] == Kind.IDENTIFIER
    assert inferred(spread, name="income")[0] == Kind.NUMBER


@pytest.mark.parametrize("spelling", sorted(schema.MISSING_SPELLINGS))
def test_every_spelling_of_missing_is_missing_in_every_kind(spelling: str) -> None:
    for known in (["1", "2"], ["yes", "no"], ["2026-01-31", "2026-02-01"]):
        kind, _, missing = inferred([*known, f" {spelling.upper()} ", None])
        assert missing == pytest.approx(0.5)
        assert kind != Kind.CONSTANT
    assert inferred([*TOWNS[:2], f" {spelling.upper()} "])[2] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("values", "wanted", "missing"),
    [
        ([1, 2, None] * 10, Kind.CATEGORY, 1 / 3),
        ([1.0, 2.5] * 10, Kind.CATEGORY, 0.0),
        (["1", "x", None], Kind.NUMBER, 2 / 3),
        ([0, 1, 5, None], Kind.BOOLEAN, 0.5),
        ([0.0, 1.0, 5.0], Kind.BOOLEAN, 1 / 3),
        (["yes", "no", "maybe"], Kind.BOOLEAN, 1 / 3),
        ([1e9, 2e9, 1e15], Kind.DATETIME, 1 / 3),
        (["2026-01-31", "x"], Kind.DATETIME, 0.5),
        (["1", "2"], Kind.TEXT, 0.0),
        ([1, 2, 3], Kind.IDENTIFIER, 0.0),
        ([True, False, None], Kind.NUMBER, 1 / 3),
        ([dt.date(2026, 1, 1)], Kind.NUMBER, 0.0),
    ],
)
def test_the_user_may_choose_the_kind(values: list[Any], wanted: Kind, missing: float) -> None:
    field, column = infer_field(pl.Series("x", values), wanted)
    assert (field.kind, render(field.reason)) == (wanted, "chosen by the user")
    encoder = fit_encoder([field], {"x": column})
    assert len(encoder.columns({"x": column}, len(values))) == len(values)
    if wanted is Kind.DATETIME and isinstance(column, Numbers):
        assert np.isnan(moments_of(column)).mean() == pytest.approx(missing)
    else:
        assert field.missing == pytest.approx(missing)


@pytest.mark.parametrize("wanted", [Kind.NUMBER, Kind.BOOLEAN, Kind.DATETIME])
def test_a_kind_that_fits_no_value_is_refused(wanted: Kind) -> None:
    with pytest.raises(SpecError, match=f"no value of column 'x' can be read as a {wanted}; leave --kind out for it"):
        infer_field(pl.Series("x", ["red", "green"]), wanted)
    assert infer_field(pl.Series("x", [None, "NA"], dtype=pl.String), wanted)[0].missing == 1.0


def test_kinds_are_parsed_or_refused() -> None:
    assert parse_kinds({"zip": "category"}, ["zip", "y"]) == {"zip": Kind.CATEGORY}
    with pytest.raises(SpecError, match="there is no kind 'categoy'; choose from number, boolean, category"):
        parse_kinds({"zip": "categoy"}, ["zip"])
    with pytest.raises(SpecError, match="there is no column 'zap'; did you mean 'zip'"):
        parse_kinds({"zap": "category"}, ["zip"])


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("pirce", ["price", "Price_2", "town"], "did you mean 'price' or 'Price_2'?"),
        ("PRICE", ["price"], "did you mean 'price'?"),
        ("price", ["median_house_price_in_usd", "town"], "did you mean 'median_house_price_in_usd'?"),
        ("价格", ["价", "城市"], "did you mean '价'?"),
        ("q", ["a", "b"], "there are 'a', 'b'"),
        ("q", [f"c{i}" for i in range(5000)], "'c11' and 4988 more"),
    ],
)
def test_a_missing_column_is_told_with_its_neighbours(name: str, known: list[str], words: str) -> None:
    assert missing_column(name, known) == f"there is no column {name!r}; {words}" or words in missing_column(
        name, known
    )


NUMBER_TEXT = st.from_regex(f"({schema.NUMBER_PATTERN})", fullmatch=True)
ANY_FLOAT = st.floats(allow_nan=False).map(repr) | st.floats(allow_nan=False).map("{:.30e}".format)
ODD_TEXT = st.sampled_from(
    ["", " ", "NA", "none", "nan", "1_000", "0x10", "١", "１", "1e", "e5", "1e400", "-1e-400", "1 2", "x"]
)
BLANK = st.sampled_from(["", " ", "\t", "\u3000", "\x1c", "\xa0"])


@given(
    cells=st.lists(
        st.tuples(BLANK, NUMBER_TEXT | ANY_FLOAT | ODD_TEXT, BLANK).map("".join) | st.none(), min_size=1, max_size=30
    ),
    numbers_alone=st.booleans(),
)
@example(
    cells=["9007199254740993", "1" * 400, "0." + "0" * 400 + "1", "4.9e-324", "2.4703282292062328e-324"],
    numbers_alone=True,
)
@example(cells=["1.7976931348623157e308", "1.7976931348623159e308", "-0", "+inf"], numbers_alone=True)
@settings(max_examples=300, deadline=None)
def test_spelled_numbers_are_those_of_the_one_reader(cells: list[str | None], numbers_alone: bool) -> None:
    if numbers_alone:
        cells = [cell for cell in cells if readable(cell)] or ["1"]
    expected = np.array([read(cell) for cell in cells])
    many = 1 + 1500 // len(cells)
    for repeated in (1, many):
        column = column_of_series(pl.Series("x", cells * repeated, dtype=pl.String), Kind.NUMBER)
        assert_same(numbers(column), np.tile(expected, repeated))


def readable(cell: str | None) -> bool:
    try:
        schema.read_number(cell)
    except ValueError:
        return False
    return True


def read(cell: str | None) -> float:
    return schema.read_number(cell) if readable(cell) else math.nan


def numbers(column: Column) -> NDArray[np.float64]:
    return column.values if isinstance(column, Numbers) else numbers_of(column, schema.read_number)


def assert_same(found: NDArray[Any], expected: NDArray[Any]) -> None:
    """The same bits, but for the sort of NaN."""
    assert found.shape == expected.shape
    if expected.dtype.kind == "f":
        assert (np.isnan(found) == np.isnan(expected)).all()
        known = ~np.isnan(expected)
        assert (found[known].view(f"u{found.itemsize}") == expected[known].view(f"u{found.itemsize}")).all()
    else:
        assert (found == expected).all()


WORDS = [
    "red",
    "green",
    "北京",
    "a,b",
    'say "x"',
    "two words",
    "x\ny",
    "01",
    "7",
    "3.5",
    "yes",
    "no",
    "2026-01-31",
    "none",
]
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "float": st.floats(),
    "int": st.integers(-(2**63), 2**63 - 1),
    "small": st.integers(0, 3),
    "bool": st.booleans(),
    "word": st.sampled_from(WORDS),
    "date": st.dates(),
    "datetime": st.datetimes(),
}


@st.composite
def typed_tables(draw: st.DrawFn) -> pl.DataFrame:
    n = draw(st.integers(1, 40))
    columns = {}
    for name in draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=2, max_size=4, unique=True)):
        columns[name] = draw(st.lists(CELLS[name] | st.none(), min_size=n, max_size=n))
        columns[name][0] = draw(CELLS[name])
    return pl.DataFrame(columns, strict=False)


@given(frame=typed_tables(), repeated=st.sampled_from([1, 60]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_says_the_same_as_csv_and_as_parquet(tmp_path: Path, frame: pl.DataFrame, repeated: int) -> None:
    frame = pl.concat([frame] * repeated)
    frame.write_csv(tmp_path / "table.csv")
    frame.write_parquet(tmp_path / "table.parquet")
    packed, plain = read_frame(tmp_path / "table.parquet"), read_frame(tmp_path / "table.csv")
    assert plain.columns == packed.columns
    for name in frame.columns:
        field, column = infer_field(packed[name])
        other, spelled = infer_field(plain[name])
        assert (other.kind, other.missing) == (field.kind, field.missing)
        if field.kind is Kind.CONSTANT:  # spelled as it comes, and left out by training
            continue
        assert other.profile == field.profile
        encoder = fit_encoder([field], {name: column})
        arrays, again = (encoder.columns({name: c}, frame.height) for c in (column, spelled))
        assert_same(again.dense, arrays.dense)
        assert_same(again.codes, arrays.codes)


def test_five_thousand_columns_are_inferred() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{i}": [f"{x:.3f}" for x in rng.random(30)] for i in range(5000)})
    assert {infer_field(series)[0].kind for series in frame} == {Kind.NUMBER}
