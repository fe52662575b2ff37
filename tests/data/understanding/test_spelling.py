"""How columns spell their numbers and dates: found out, told, and read alike in training, in files and over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fitserve
from fitserve import schema
from fitserve.data.understanding.kinds import infer_field
from fitserve.data.views.table_view import view_table
from fitserve.errors import Problem, SpecError
from fitserve.evaluation.bulk import predict_file
from fitserve.features.encoder import fit_encoder
from fitserve.features.moment import calendar_parts, fit_moment
from fitserve.features.number import fit_number
from fitserve.features.spelling import NumberReader, find_day_first, find_number_spelling
from fitserve.messages import render
from fitserve.schema import Kind

N = 240
VALUES = [(i * 7919 % 99_991) / 100 + i for i in range(N)]


def grouped(value: float, group: str, decimal: str) -> str:
    return f"{value:,.2f}".replace(",", "_").replace(".", decimal).replace("_", group)


NUMBERS: dict[str, tuple[Callable[[float], str], str]] = {
    "1,234.56": (lambda v: grouped(v * 50, ",", "."), "spelled like 1,234.56"),
    "1.234,56": (lambda v: grouped(v * 50, ".", ","), "spelled like 1.234,56"),
    "decimal comma": (lambda v: f"{v:.2f}".replace(".", ","), "spelled like 1.234,56"),
    "1 234,56": (lambda v: grouped(v * 50, "\u00a0", ","), "spelled like 1 234,56"),
    "1'234.56": (lambda v: grouped(v * 50, "\u2019", "."), "spelled like 1'234.56"),
    "euro": (lambda v: f"€ {grouped(v * 50, '.', ',')}", "spelled like 1.234,56, as '€ number'"),
    "dollar": (lambda v: f"${v:,.2f}", "as '$ number'"),
    "percent": (lambda v: f"{v:.1f}%", "as 'number %'"),
    "unit": (lambda v: f"{v:.1f} km/h", "as 'number km/h'"),
    "yuan": (lambda v: f"{v:.0f}元", "as 'number 元'"),
    "accounting": (lambda v: f"({v:,.2f})" if v % 2 < 1 else f"{v * 100:,.2f}", "spelled like 1,234.56"),
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("n", [60, N])
def test_a_spelling_of_numbers_is_found_and_told(name: str, n: int) -> None:
    spell, reason = NUMBERS[name]
    texts = [spell(value) for value in VALUES[:n]]
    texts[3:5] = ["", "n/a"]
    field, column = infer_field(pl.Series("x", texts))
    assert field.kind is Kind.NUMBER
    assert reason in render(field.reason)
    assert "in doubt" not in render(field.reason)
    assert field.missing == 2 / n
    encoder = fit_encoder([field], {"x": column})
    dense = encoder.columns({"x": column}, n).dense
    notes: list[Problem] = []
    rows = encoder.rows([{"x": text} for text in texts], notes)
    assert rows.dense.tobytes() == dense.tobytes()
    assert not [note for note in notes if note.code != "missing_value"]
    [step] = encoder.dense
    assert step.column(column).shape == (n, 1)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        ([f"Q{i % 4 + 1}" for i in range(N)], Kind.CATEGORY),
        ([f"{i % 9} - {i % 9 + 4} yrs" for i in range(N)], Kind.CATEGORY),
        ([f"030 {i + 100} {i + 200}" for i in range(N)], Kind.IDENTIFIER),
        ([f"192.168.{i % 7}.{i}" for i in range(N)], Kind.IDENTIFIER),
        ([f"00{i % 50},{i % 10}" for i in range(N)], Kind.CATEGORY),
        ([["3 km", "4 m", "5 kg"][i % 3] for i in range(N)], Kind.CATEGORY),
        ([f"{i % 12}:{i % 60:02d}" for i in range(N)], Kind.CATEGORY),
    ],
)
def test_codes_are_no_numbers(texts: list[str], kind: Kind) -> None:
    assert infer_field(pl.Series("x", texts))[0].kind is kind or infer_field(pl.Series("x", texts))[0].kind is Kind.TEXT


def test_thousands_alone_are_in_doubt() -> None:
    field, column = infer_field(pl.Series("x", [f"{i % 9 + 1},{i % 900 + 100}" for i in range(N)]))
    assert field.kind is Kind.NUMBER
    assert "in doubt: 1,234 is taken for a thousand" in render(field.reason)
    assert field.profile["quantiles"][0] >= 1000
    assert fit_encoder([field], {"x": column}).dense[0].width == 1
    assert "in doubt" not in render(
        infer_field(pl.Series("x", [f"{i % 9 + 1},{i % 90 + 10}" for i in range(N)]))[0].reason
    )


@given(
    value=st.floats(0.01, 1e9).map(lambda v: round(v, 2)),
    style=st.sampled_from(
        [("1,234.56", ",", "."), ("1.234,56", ".", ","), ("1 234,56", " ", ","), ("1'234.56", "'", ".")]
    ),
    minus=st.booleans(),
)
def test_what_a_style_spells_it_reads(value: float, style: tuple[str, str, str], minus: bool) -> None:
    text = ("-" if minus else "") + grouped(value, style[1], style[2])
    assert NumberReader(style[0]).read(text) == (-value if minus else value)
    assert NumberReader(style[0], "€", "%").read(f"€ {text} %".replace("€ -", "-€ ")) == (-value if minus else value)


def test_plain_numbers_have_no_spelling_of_their_own() -> None:
    for texts in (["1", "2.5", "1e3"], ["1.234", "2.345"], ["-5", "+3"], ["x", "y"], ["1"], [], ["a1", "a2"]):
        assert find_number_spelling(texts) is None


MOMENT = dt.datetime(2018, 5, 11, 14, 30, 15)
DATES = {
    "2018-05-11T14:30:15Z": MOMENT,
    "2018/5/11 14:30:15": MOMENT,
    "2018.05.11": MOMENT.replace(hour=0, minute=0, second=0),
    "2018年5月11日": MOMENT.replace(hour=0, minute=0, second=0),
    "2018年05月11日 14:30": MOMENT.replace(second=0),
    "11 May 2018": MOMENT.replace(hour=0, minute=0, second=0),
    "11-May-2018 14:30": MOMENT.replace(second=0),
    "11th May, 2018": MOMENT.replace(hour=0, minute=0, second=0),
    "May 11, 2018": MOMENT.replace(hour=0, minute=0, second=0),
    "Friday, May 11, 2018": MOMENT.replace(hour=0, minute=0, second=0),
    "Fri 11 May 2018 02:30:15 PM": MOMENT,
    "Sept. 11 2018": dt.datetime(2018, 9, 11),
    "13/05/2018": dt.datetime(2018, 5, 13),
    "05/13/2018 12:05 am": dt.datetime(2018, 5, 13, 0, 5),
    "2018-05-11 14:30:15 +02:00": MOMENT - dt.timedelta(hours=2),
    "2018-05-11 14:30:15 UTC": MOMENT,
}


@pytest.mark.parametrize("text", DATES)
def test_dates_in_many_spellings(text: str) -> None:
    assert schema.read_moment(text) == DATES[text].replace(tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "1/2/2018",
        "2018-13-01",
        "30 February 2018",
        "Foo 1, 2018",
        "13:05 pm",
        "2018-05-11 13:05 pm",
        "1/2/18",
        "20180511",
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        schema.read_moment(text)


@pytest.mark.parametrize(
    ("texts", "day_first", "doubtful"),
    [
        (["1/2/2018", "13/2/2018"], True, False),
        (["1/2/2018", "1/13/2018"], False, False),
        (["1/2/2018", "3/4/2018"], False, True),
        (["1.2.2018", "3.4.2018"], True, True),
        (["13/2/2018", "2/13/2018"], True, True),
        (["2018-01-02"], True, False),
    ],
)
def test_day_or_month_first(texts: list[str], day_first: bool, doubtful: bool) -> None:
    assert find_day_first(texts) == (day_first, doubtful)


@pytest.mark.parametrize("behind", ["", " 14:30", " 3:05 PM"])
def test_an_order_of_day_and_month_in_doubt_is_told(behind: str) -> None:
    texts = [f"{i % 12 + 1}/{i * 7 % 11 + 1}/{1990 + i % 30}{behind}" for i in range(N)]
    field = infer_field(pl.Series("x", texts))[0]
    assert field.kind is Kind.DATETIME
    assert "month first; in doubt" in render(field.reason)

    shown = infer_field(pl.Series("x", [*texts, f"1/31/2018{behind}"]))[0]
    assert "month first" in render(shown.reason)
    assert "in doubt" not in render(shown.reason)


def test_an_order_is_not_told_of_dates_that_have_the_year_first() -> None:
    field = infer_field(pl.Series("x", [f"{1990 + i % 30}/{i % 12 + 1:02}/{i * 7 % 11 + 1:02}" for i in range(N)]))[0]
    assert field.kind is Kind.DATETIME
    assert " first" not in render(field.reason)


def test_the_order_of_a_column_is_told_and_kept() -> None:
    texts = [f"{i % 12 + 1}/{i % 28 + 1}/20{i % 20 + 10} 3:0{i % 10} PM" for i in range(N)]
    field, column = infer_field(pl.Series("sold", texts))
    assert (field.kind, field.missing) == (Kind.DATETIME, 0.0)
    encoder = fit_encoder([field], {"sold": column})
    rows, whole = encoder.rows([{"sold": text} for text in texts], []), encoder.columns({"sold": column}, N)
    assert rows.dense.tobytes() == whole.dense.tobytes()
    # 1/2/2018 alone would be in doubt; the column knows.
    january = encoder.rows([{"sold": "1/2/2018"}, {"sold": "2018-01-02"}], []).dense
    assert january[0].tobytes() == january[1].tobytes()


def test_dates_behind_a_label() -> None:
    texts = [f"EOW: Monday, January {i % 28 + 1}, {1791 + i}" for i in range(N)]
    field, column = infer_field(pl.Series("eow", texts))
    assert (field.kind, field.missing) == (Kind.DATETIME, 0.0)
    assert "each behind 'EOW:'" in render(field.reason)
    encoder = fit_encoder([field], {"eow": column})
    both = encoder.rows([{"eow": texts[5]}, {"eow": "1796-01-06"}], []).dense
    assert both[0].tobytes() == both[1].tobytes()


def test_a_model_of_spelled_columns_answers_alike_everywhere(tmp_path: Path) -> None:
    frame = pl.DataFrame({
        "price": [grouped(value * 50, ".", ",") for value in VALUES],
        "share": [f"{value:.1f} %" for value in VALUES],
        "sold": [f"{i % 28 + 1:02d}.{i % 12 + 1:02d}.2018" for i in range(N)],
        "rent": [f"€ {grouped(value * 3 + 1000, '.', ',')}" for value in VALUES],
    })  # fmt: skip
    run = fitserve.train(frame, "rent", name="m", learners=["ridge"], workspace=tmp_path / "w")
    assert run.manifest.task == "regression"
    assert (run.scores["r2"] or 0) > 0.99
    predictor = run.predictor()
    rows = frame.drop("rent")
    expected = [answer["prediction"] for answer in predictor.predict(rows.to_dicts())]
    assert max(expected) > 1000
    # Cells that would look like plain numbers, were it not for what training has seen.
    plain_looking = rows.with_columns(price=pl.Series(["1.234"] * N))
    for table in (rows, plain_looking):
        table.write_csv(tmp_path / "in.csv")
        predict_file(predictor, tmp_path / "in.csv", tmp_path / "out.parquet")
        one_by_one = [predictor.answer(row)[0]["prediction"] for row in table.to_dicts()]
        assert pl.read_parquet(tmp_path / "out.parquet")["prediction"].to_list() == one_by_one
        assert [answer["prediction"] for answer in predictor.predict(table)] == one_by_one
    thousand = {**rows.to_dicts()[0], "price": "1.234"}
    assert predictor.answer(thousand)[0] == predictor.answer({**thousand, "price": 1234})[0]
    frame.write_csv(tmp_path / "all.csv")
    result = fitserve.evaluate("m", tmp_path / "all.csv", workspace=tmp_path / "w")
    assert (result.rows, (result.scores["r2"] or 0) > 0.99) == (N, True)


def test_a_doubtful_spelling_is_a_finding(tmp_path: Path) -> None:
    frame = pl.DataFrame({"d": [f"{i % 12 + 1}/{(i * 5) % 12 + 1}/2018" for i in range(80)], "y": list(range(80))})
    run = fitserve.train(frame, "y", learners=["ridge"], workspace=tmp_path)
    [notes] = [finding for finding in run.findings if "in doubt" in finding]
    assert notes.startswith("column 'd':")
    assert "month first" in notes


def test_a_user_says_how_numbers_are_meant() -> None:
    texts = [f"{1 + i % 9},{100 + i}" for i in range(60)]
    field, column = infer_field(pl.Series("x", texts), None, "1.234,56")
    assert field.kind is Kind.NUMBER
    assert "1.234,56" in render(field.reason)
    step = fit_number("x", column)
    assert step.reader.read("1,250") == 1.25
    assert fit_number("x", infer_field(pl.Series("x", texts))[1]).reader.read("1,250") == 1250


@pytest.mark.parametrize(("spelling", "month"), [("day-first", 2), ("month-first", 1)])
def test_a_user_says_what_stands_first_in_dates(spelling: str, month: int) -> None:
    texts = [f"{1 + i % 9}/{1 + i % 7}/2024" for i in range(60)]
    field, column = infer_field(pl.Series("x", texts), None, spelling)
    assert field.kind is Kind.DATETIME
    assert spelling in render(field.reason)
    step = fit_moment("x", column)
    assert calendar_parts(int(step.reader.read("1/2/2024")))["month"] == month


def test_a_spelling_of_the_user_is_kept_by_the_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    amount = rng.integers(1000, 9000, 200)
    table = pl.DataFrame({"amount": [f"{a // 1000},{a % 1000:03d}" for a in amount], "y": amount / 500})
    run = fitserve.train(
        table, "y", budget=30.0, learners=["linear"], spellings={"amount": "1.234,56"}, workspace=tmp_path
    )
    assert run.predictor().answer({"amount": "2,500"})[0]["prediction"] == pytest.approx(5.0, abs=0.01)
    assert run.predictor().answer({"amount": 2.5})[0]["prediction"] == pytest.approx(5.0, abs=0.01)


def test_an_unknown_spelling_is_refused(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": ["1,5", "2,5"] * 20, "y": [1, 2] * 20})
    with pytest.raises(SpecError, match=r"no column is spelled '1,5'; choose from '1,234.56'"):
        fitserve.train(table, "y", spellings={"x": "1,5"}, workspace=tmp_path)
    with pytest.raises(SpecError, match="there is no column 'z'"):
        fitserve.train(table, "y", spellings={"z": "1,234.56"}, workspace=tmp_path)


@pytest.mark.parametrize("values", [["05/03/2026", "31/03/2026"], ["$1,234.50", "$7.25"], [1.5, 2.5]])
def test_what_has_no_case_is_not_spelled_in_any(values: list[object]) -> None:
    with pytest.raises(
        SpecError, match=r"column 'c' holds a (number|datetime), which has no case; leave its --spelling"
    ):
        infer_field(pl.Series("c", values * 20), spelling="any-case")


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (["N", "n", "Y", "y"], "'N' is also 'n'; 'Y' is also 'y'; if they are one, train with --spelling y=any-case"),
        (["<=50K", "<=50K.", ">50K"], "'<=50K' is also '<=50K.'; if they are one, make them one in the table"),
    ],
)
def test_labels_of_one_letter_or_with_digits_are_one_in_several_spellings(labels: list[str], note: str) -> None:
    sheet = view_table(pl.DataFrame({"x": np.arange(120) * 7 % 120, "y": labels * (120 // len(labels))}), "t", "y")
    assert any(note in finding.sentence for finding in sheet.findings)


@pytest.mark.parametrize(
    ("texts", "units"),
    [
        (["$5", "7 kg", "$12", "9 kg"], "'$' and 'kg'"),
        (["5 USD", "€7", "12 USD", "€9"], "'$' and '€'"),
        (["5.5 kg", "12.1 lbs", "7 kg", "8 lb"], "'kg' and 'lb'"),
    ],
)
def test_numbers_of_several_units_are_no_numbers_and_told(texts: list[str], units: str) -> None:
    field, _ = infer_field(pl.Series("c", [text.replace("5", str(i % 9)) for i in range(30) for text in texts]))
    assert field.kind in (Kind.TEXT, Kind.CATEGORY)
    assert f"in doubt: numbers with {units} are read as texts" in render(field.reason)


def test_one_unit_before_and_behind_the_numbers_is_one() -> None:
    field, _ = infer_field(
        pl.Series("c", [f"{sign}{i}{code}" for i in range(60) for sign, code in [("$", ""), ("", " USD")]])
    )
    assert field.kind is Kind.NUMBER


def test_a_year_behind_a_date_is_no_time_zone() -> None:
    field, _ = infer_field(pl.Series("c", [f"0{i % 9 + 1}-0{i % 7 + 1}-2021" for i in range(60)]))
    assert "time zones" not in render(field.reason)
    field, _ = infer_field(pl.Series("c", [f"2021-0{i % 9 + 1}-0{i % 7 + 1} 10:30+02:00" for i in range(60)]))
    assert "time zones" in render(field.reason)


@pytest.mark.parametrize("zone", ["+99:99", "-24:00", "+05:61"])
def test_no_time_zone_is_a_day_away(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        schema.read_moment(f"2022-01-23T00:00:00{zone}")
