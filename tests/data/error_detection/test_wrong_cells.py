"""Wrong cells: found where the table itself gives them away, and only there."""

from __future__ import annotations

import datetime as dt
import os
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitserve.data.error_detection.spelling_variants import edit_distance, find_spellings
from fitserve.data.error_detection.wrong_cells import WrongCell, find_wrong_cells
from fitserve.data.reading.read import read_frame

CITIES = ("Birmingham", "Sheffield", "Boaz", "Gadsden", "Florence", "Opp", "Dothan", "Cullman", "Jasper", "Selma")
PER_CITY = 12


def addresses() -> pl.DataFrame:
    """Ten cities with zip, county and phone, each twelve times; prices that nothing determines."""
    rows = [
        {
            "zip": f"35{city:03}",
            "city": CITIES[city],
            "county": f"{CITIES[city // 2][::-1].lower()} county",
            "price": str((city * 7 + i * 13) % 23),
        }
        for city in range(len(CITIES))
        for i in range(PER_CITY)
    ]
    return pl.DataFrame(rows)


def changed(frame: pl.DataFrame, *cells: tuple[int, str, str | None]) -> pl.DataFrame:
    """The frame with other values in these cells."""
    columns = {name: frame[name].to_list() for name in frame.columns}
    for row, column, value in cells:
        columns[column][row] = value
    return pl.DataFrame(columns, schema=frame.schema)


def places(cells: list[WrongCell]) -> dict[tuple[int, str], str | None]:
    return {(cell.row, cell.column): cell.suggestion for cell in cells}


def test_a_table_in_order_gives_nothing() -> None:
    assert find_wrong_cells(addresses()) == []


def test_what_others_determine_is_found_and_suggested() -> None:
    wrong = changed(addresses(), (3, "city", "Bxrminghxm"), (40, "county", "another county"), (77, "zip", "35xx6"))
    cells = find_wrong_cells(wrong)
    assert places(cells) == {(3, "city"): "Birmingham", (40, "county"): "dleiffehs county", (77, "zip"): "35006"}
    assert all(cell.score > 0.8 and not cell.missing for cell in cells)
    assert cells[0].value == "Bxrminghxm"
    assert "of 12 rows with zip '35000' that have a city 11 say 'Birmingham'" in cells[0].reason


def test_a_value_of_another_group_is_found_where_it_does_not_belong() -> None:
    assert places(find_wrong_cells(changed(addresses(), (50, "city", "Selma")))) == {(50, "city"): "Florence"}


def test_an_empty_cell_is_a_finding_of_its_own_sort() -> None:
    cells = find_wrong_cells(changed(addresses(), (5, "city", None), (30, "county", " n/a ")))
    assert places(cells) == {(5, "city"): "Birmingham", (30, "county"): "dleiffehs county"}
    assert [(cell.missing, cell.value) for cell in cells] == [(True, None), (True, " n/a ")]


def test_no_majority_no_finding() -> None:
    """Two addresses in half of the zips, each many times: zip does not determine street."""
    frame = addresses().with_columns(
        street=pl.Series([f"{row // PER_CITY} {'High' if row % PER_CITY < 7 else 'Low'} St" for row in range(120)])
    )
    assert find_wrong_cells(frame) == []


def test_a_dependency_that_mostly_holds_by_chance_is_none() -> None:
    """Nearly all say yes, whatever the zip."""
    frame = addresses().with_columns(served=pl.Series(["no" if row % 29 == 0 else "yes" for row in range(120)]))
    assert find_wrong_cells(frame) == []


def test_exceptions_that_another_column_explains_are_none() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(140)]
    holiday = {days[i] for i in (0, 23, 44, 65, 101)}
    rows = [
        {
            "date": str(day),
            "shift": shift,
            "week": f"week {i // 7}",
            "holiday": str(day in holiday),
            "open": "closed" if day in holiday or i % 70 == 69 else "open",
        }
        for i, day in enumerate(days)
        for shift in ("early", "late", "night")
    ]
    assert find_wrong_cells(pl.DataFrame(rows)) == []


def dated() -> pl.DataFrame:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(40)]
    rows = [
        {
            "date": str(day),
            "month": day.strftime("%B"),
            "weekday": day.strftime("%A"),
            "week": f"{day:week %W}",
            "n": str(k),
        }
        for day in days
        for k in range(8)
    ]
    return pl.DataFrame(rows)


def test_what_determines_others_is_blamed_if_several_do_not_fit() -> None:
    """Nothing determines the date; but with a wrong one, month, weekday and week would all be wrong."""
    [cell] = find_wrong_cells(changed(dated(), (3, "date", "2024-02-07")))
    assert (cell.row, cell.column, cell.suggestion) == (3, "date", None)
    assert "3 of the 3 columns" in cell.reason


def test_of_two_columns_that_contradict_each_other_either_may_be_wrong() -> None:
    names = [f"kind {i}" for i in range(10)]
    frame = pl.DataFrame({"code": [f"K{i % 10}" for i in range(120)], "kind": [names[i % 10] for i in range(120)]})
    cells = find_wrong_cells(changed(frame, (17, "kind", "kind 3")))
    assert {(cell.row, cell.column) for cell in cells} == {(17, "kind"), (17, "code")}
    assert all(cell.score <= 0.5 and "unless the" in cell.reason for cell in cells)


@pytest.mark.parametrize(
    ("rare", "right"), [("Birminghm", "Birmingham"), ("SHEFFIELD", "Sheffield"), ("Jasper ", "Jasper")]
)
def test_a_rare_spelling_is_found_without_any_dependency(rare: str, right: str) -> None:
    frame = pl.DataFrame({"city": [city for city in CITIES for _ in range(9)]})
    [cell] = find_wrong_cells(changed(frame, (CITIES.index(right) * 9, "city", rare)))
    assert (cell.value, cell.suggestion) == (rare, right)
    assert f"{rare!r} occurs once, {right!r} 8 times" in cell.reason


def test_a_rare_word_of_its_own_is_right() -> None:
    frame = pl.DataFrame({"where": ["INLAND"] * 600 + ["NEAR BAY"] * 300 + ["ISLAND"] * 5})
    assert find_wrong_cells(frame) == []


def test_a_rare_spelling_that_is_usual_in_its_group_is_right() -> None:
    names = [*(f"Johnson {city}" for city in CITIES[1:]), "Jonson"]
    frame = addresses().with_columns(owner=pl.Series([names[row // PER_CITY] for row in range(120)]))
    more = pl.concat(
        [frame, frame.head(80).with_columns(owner=pl.lit("Johnson"), zip=pl.lit("36000"), city=pl.lit("Ozark"))]
    )
    assert find_wrong_cells(more) == []


def test_one_sign_in_place_of_others_is_learned() -> None:
    """'x' is shown by the cells that zip corrects; it then gives away what is too short or too varied to be checked."""
    frame = addresses().with_columns(
        state=pl.Series(["ak" if row % 10 == 9 else "al" for row in range(120)]),
        sample=pl.Series([f"{10 + row % 89} rows" for row in range(120)]),
    )
    typos = [(row, "city", frame["city"][row].replace(frame["city"][row][2], "x", 1)) for row in range(1, 120, 9)]
    cells = find_wrong_cells(
        changed(frame, *typos, (4, "state", "xl"), (8, "sample", "x8 rows"), (60, "sample", "72 rxws"))
    )
    found = places(cells)
    assert set(found) == {*((row, "city") for row, _, _ in typos), (4, "state"), (8, "sample"), (60, "sample")}
    assert (found[4, "state"], found[8, "sample"], found[60, "sample"]) == ("al", None, "72 rows")
    assert find_wrong_cells(changed(frame, (4, "state", "xl"), (60, "sample", "72 rxws"))) == []


def test_a_shape_that_the_column_does_not_have_otherwise() -> None:
    frame = pl.DataFrame(
        {"time": [f"{i % 12}:{i % 60:02} a.m." for i in range(600)], "n": [f"{i * 7}" for i in range(600)]}
    )
    [cell] = find_wrong_cells(
        changed(frame, (11, "time", "12/02/2011 6:55 a.m."), (12, "n", "-1.5e3"), (13, "n", "unknown"))
    )
    assert (cell.row, cell.column, cell.suggestion) == (11, "time", None)
    assert "'9:9 a.a.'" in cell.reason


SOURCES = ("alpha", "beta", "gamma", "delta", "copy one", "copy two", "copy three", "copy four", "copy five")


def reports(seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Flights as nine sources report them, and as they are. Five copy the same mistakes, one makes its own."""
    rng = random.Random(seed)
    truth = {f"F{i}": (f"{rng.randrange(24)}:{rng.randrange(60):02}", f"gate {rng.randrange(90)}") for i in range(60)}
    mistakes = {flight: (f"{rng.randrange(24)}:{rng.randrange(60):02}", right[1]) for flight, right in truth.items()}
    copied = {flight: mistakes[flight] if rng.random() < 0.6 else right for flight, right in truth.items()}
    said, right_rows = [], []
    for source in SOURCES:
        for flight, right in truth.items():
            own = rng.random()
            answer = copied[flight] if source.startswith("copy") else right
            if source == "delta" and own < 0.4:
                answer = (f"{rng.randrange(24)}:{rng.randrange(60):02}", f"gate {rng.randrange(90)}")
            hidden = source in ("alpha", "beta") and own < 0.1
            said.append({"source": source, "flight": flight, "time": None if hidden else answer[0], "gate": answer[1]})
            right_rows.append({"source": source, "flight": flight, "time": right[0], "gate": right[1]})
    return pl.DataFrame(said), pl.DataFrame(right_rows)


def test_sources_that_copy_each_other_do_not_outvote_the_others() -> None:
    said, right = reports()
    wrong = {
        (row, column): right[column][row]
        for column in ("time", "gate")
        for row in np.flatnonzero(said[column].ne_missing(right[column]).to_numpy()).tolist()
    }
    found = places(find_wrong_cells(said))
    hits = len(set(found) & set(wrong))
    assert hits >= 0.95 * len(wrong)
    assert hits >= 0.95 * len(found)
    assert sum(found.get(place) == value for place, value in wrong.items()) >= 0.95 * len(wrong)
    assert {cell.row for cell in find_wrong_cells(said) if cell.missing} == set(np.flatnonzero(said["time"].is_null()))


def test_sources_that_agree_give_nothing() -> None:
    assert find_wrong_cells(reports()[1]) == []


def test_months_are_no_sources() -> None:
    """People move: what most months say is not what all have to say."""
    rng = random.Random(1)
    rows = []
    for person in range(80):
        before, after = rng.sample(CITIES, 2)
        moved = rng.randrange(12)
        rows += [
            {
                "person": f"P{person}",
                "month": f"2024-{m + 1:02}",
                "city": after if m >= moved else before,
                "team": before,
            }
            for m in range(12)
        ]
    frame = pl.DataFrame(rows)
    assert [cell for cell in find_wrong_cells(frame) if cell.score > 0.9] == []


SAME = [
    {"California": 90, "california": 5, "Calif.": 7, "Californa": 2, "CALIFORNIA ": 1},
    {"Self-emp-inc": 90, "self emp inc": 3, "Selfemp-inc": 1},
    {"Zürich": 50, "Zurich": 4, "ZÜRICH": 2},
    {"Straße": 50, "Strasse": 4},
    {"high school 1": 70, "High  School 1": 2},
    {"New York": 60, "NewYork": 2, "new york": 2},
    {"Men's shoes": 40, "Mens shoes": 2},
    {"５号店": 2, "5号店": 40},
    {"Barcelona": 90, "Barcelone": 2, "Bacrelona": 1},
]
DIFFERENT = [
    {"male": 90, "female": 5},
    {"North": 90, "South": 5, "Northern": 90, "Southern": 3},
    {"Iowa": 90, "Ohio": 2, "Utah": 30},
    {"high school 1": 90, "high school 2": 2},
    {"A": 90, "a": 3, "B": 2, "A+": 9, "A-": 1},
    {"AL": 90, "AK": 1, "AZ": 2},
    {"hypertension": 90, "hypotension": 2},
    {"typical": 90, "atypical": 3},
    {"Austria": 90, "Australia": 3, "Slovakia": 50, "Slovenia": 2},
    {"<=50K": 90, ">50K": 3},
    {"1.5 mg": 90, "15 mg": 3, "-15 mg": 1},
    {"C++": 20, "C#": 3, "C": 9},
    {"stage III": 90, "stage II": 3},
    {"grade 1a": 90, "grade 1b": 2},
    {"moderate": 90, "moderated": 2, "Dominica": 3, "Dominican": 90},
    {"北京大学": 90, "南京大学": 2},
    {"2-3 days": 90, "23 days": 2},
    {"Dec.": 5, "December": 40, "Decennial": 30},
    {"100": 90, "1 00": 2},
]


@pytest.mark.parametrize("levels", SAME, ids=lambda levels: next(iter(levels)))
def test_spellings_of_one_thing(levels: dict[str, int]) -> None:
    [group] = find_spellings({**levels, "Something else": 40})
    assert levels[group.canonical] == max(levels.values())
    assert {group.canonical, *group.variants} == set(levels)
    assert all(repr(variant) in group.reason for variant in group.variants)


@pytest.mark.parametrize("levels", DIFFERENT, ids=lambda levels: next(iter(levels)))
def test_levels_that_mean_different_things(levels: dict[str, int]) -> None:
    assert find_spellings(levels) == []


def test_where_frequent_names_are_near_to_each_other_nearness_means_nothing() -> None:
    names = {f"{first}{last}": 40 for first in ("Mar", "Ker", "Hel", "Ther") for last in ("stina", "stine", "stino")}
    assert find_spellings({**names, "Helstina": 40, "Helstinu": 1}) == []
    assert [group.variants for group in find_spellings({"Helstina": 40, "Helstinu": 1})] == [("Helstinu",)]


WORDS = st.text(alphabet="abx", max_size=7)


@given(one=WORDS, other=WORDS, most=st.integers(0, 8))
def test_the_distance_is_a_distance(one: str, other: str, most: int) -> None:
    full = edit_distance(one, other, 99)
    assert full == edit_distance(other, one, 99)
    assert (full == 0) is (one == other)
    assert abs(len(one) - len(other)) <= full <= max(len(one), len(other))
    assert (edit_distance(one, other, most) > most) is (full > most)


@st.composite
def spoilt(draw: st.DrawFn) -> pl.DataFrame:
    """A table with dependencies, sources or neither, and wrong cells anywhere."""
    frame = draw(st.sampled_from([addresses(), dated(), reports()[0]]))
    place = st.tuples(st.integers(0, frame.height - 1), st.sampled_from(frame.columns))
    value = st.one_of(st.none(), st.sampled_from(["x", "Birminghan", "2024-02-07", "35001", "?", "7:7:7", ""]))
    return changed(
        frame, *((row, column, new) for (row, column), new in draw(st.lists(st.tuples(place, value), max_size=9)))
    )


@given(frame=spoilt(), seed=st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_makes_no_difference(frame: pl.DataFrame, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(frame.height)
    there = {(int(order[cell.row]), cell.column, cell.suggestion) for cell in find_wrong_cells(frame[order.tolist()])}
    assert there == {(cell.row, cell.column, cell.suggestion) for cell in find_wrong_cells(frame)}


@given(frame=spoilt())
@settings(max_examples=40, deadline=None)
def test_findings_tell_the_truth_about_the_cell(frame: pl.DataFrame) -> None:
    cells = find_wrong_cells(frame)
    assert len({(cell.row, cell.column) for cell in cells}) == len(cells)
    for cell in cells:
        assert cell.value == frame[cell.column][cell.row]
        assert cell.suggestion != cell.value
        assert cell.suggestion is None or cell.suggestion in set(frame[cell.column])
        assert 0 < cell.score <= 1
        assert cell.reason
    assert cells == find_wrong_cells(frame)
    assert {(c.row, c.column) for c in find_wrong_cells(frame, most=3)} <= {(c.row, c.column) for c in cells}
    assert len(find_wrong_cells(frame, most=3)) == min(3, len(cells))


@given(
    width=st.integers(1, 5),
    texts=st.lists(st.text(max_size=12), min_size=1, max_size=300, unique_by=lambda text: text.strip().casefold()),
)
@settings(max_examples=60, deadline=None)
def test_a_table_without_repeats_gives_nothing(width: int, texts: list[str]) -> None:
    frame = pl.DataFrame({f"c{i}": texts[i:] + texts[:i] for i in range(width)})
    assert find_wrong_cells(frame) == []


def test_columns_of_any_type_are_taken_or_left_out() -> None:
    n = 120
    frame = addresses().with_columns(
        pl.Series("real", np.random.default_rng(0).normal(size=n)),
        pl.Series("whole", [i // PER_CITY for i in range(n)]),
        pl.Series("day", [dt.date(2024, 1, 1 + i // PER_CITY) for i in range(n)]),
        pl.Series("time", [dt.time(i // PER_CITY) for i in range(n)]),
        pl.Series("span", [dt.timedelta(hours=i) for i in range(n)]),
        pl.Series("flag", [i < 60 for i in range(n)]),
        pl.Series("level", [CITIES[i // PER_CITY] for i in range(n)], dtype=pl.Categorical),
        pl.Series("list", [[i] for i in range(n)]),
        pl.Series("bytes", [b"a"] * n),
        pl.Series("nothing", [None] * n),
    )
    wrong = frame.with_columns(pl.when(pl.int_range(n) == 17).then(8).otherwise("whole").alias("whole"))
    assert places(find_wrong_cells(wrong)) == {(17, "whole"): "1"}
    assert find_wrong_cells(frame.clear()) == []
    assert find_wrong_cells(pl.DataFrame()) == []


def test_a_large_table_is_evaluated_by_a_part_and_read_as_a_whole() -> None:
    n = 150_000
    rng = np.random.default_rng(0)
    thing = rng.integers(0, 9000, n)
    frame = pl.DataFrame({"id": thing, "kind": thing % 613, "place": thing % 57, "free": rng.normal(size=n)})
    rows = rng.choice(n, 200, replace=False).tolist()
    wrong = frame.with_columns(
        pl.when(pl.int_range(n).is_in(rows)).then(pl.col("place") + 1).otherwise("place").alias("place")
    )
    found = places(find_wrong_cells(wrong))
    assert {row for row, _ in found} <= set(rows)
    assert len(found) >= 0.9 * len(rows)


DATA = Path(os.environ.get("FITSERVE_DATA", Path(__file__).parents[4] / "shared" / "data"))


def real(name: str) -> pl.DataFrame:
    path = DATA / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"the data set {name} is not there; FITSERVE_DATA names the folder of the data sets")
    return read_frame(path)


# F1 of detection by Raha with 20 labelled rows, and of repair by Baran, end to end.
@pytest.mark.parametrize(("name", "detection", "repair"), [("raha_hospital", 0.72, 0.87), ("raha_flights", 0.81, 0.67)])
def test_the_published_figures_are_reached(name: str, detection: float, repair: float) -> None:
    dirty, clean = real(f"{name}/dirty"), real(f"{name}/clean")
    wrong = {
        (row, column.name): right[row]
        for column, right in zip(dirty.get_columns(), clean.get_columns(), strict=True)
        for row in np.flatnonzero(column.ne_missing(right).to_numpy()).tolist()
    }
    found = places(find_wrong_cells(dirty))
    suggested = sum(value is not None for value in found.values())
    repaired = sum(found.get(place) == value for place, value in wrong.items())
    assert 2 * len(set(found) & set(wrong)) / (len(found) + len(wrong)) >= detection
    assert 2 * repaired / (suggested + len(wrong)) >= repair
    assert find_wrong_cells(clean) == []


@pytest.mark.parametrize(
    "name",
    [
        "adult/train",
        "titanic/train",
        "german_credit/data",
        "bike_sharing_hourly/data",
        "metro_traffic/data",
        "california_housing/data",
        "breast_cancer_wisconsin/data",
        "movielens_small/ratings",
    ],
)
def test_clean_tables_give_nothing(name: str) -> None:
    assert find_wrong_cells(real(name)) == []
