"""Every finding has a table that has it and one that nearly has it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fitserve
from fitserve.data.checks.finding import Finding
from fitserve.data.views.table_view import view_table
from fitserve.errors import DataError
from fitserve.messages import LANGUAGES, render, stored
from fitserve.messages.catalogue import template_of
from fitserve.messages.rendering import render_strictly
from fitserve.messages.template import fields_of
from fitserve.training.prepare import prepare
from fitserve.training.spec import Spec

N = 400
CHECKS = Path(fitserve.__file__).parent / "data" / "checks"
Table = dict[str, Any]
Made = tuple[Table, str | None]


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def plain(n: int = N, **more: Any) -> Table:
    """Two columns of numbers and one of levels in which nothing is wrong, and a target that they tell a little of."""
    r = rng()
    x, z, level = r.normal(50, 10, n), r.normal(0, 1, n), r.integers(0, 4, n)
    hidden = x + 5 * z + 4 * level + r.normal(0, 10, n)
    return {"x": x, "z": z, "level": [f"l{k}" for k in level], "y": hidden.round(2), **more}


def labels(n: int = N, share: float = 0.5) -> list[str]:
    return ["yes" if u < share else "no" for u in rng().random(n)]


def with_some(values: np.ndarray, instead: float, count: int) -> np.ndarray:
    changed = values.copy()
    changed[rng().choice(len(values), count, replace=False)] = instead
    return changed


def gaps(values: Any, rows: Any) -> list[Any]:
    missing = set(np.asarray(rows).tolist())
    return [None if i in missing else value for i, value in enumerate(values)]


def spread(n: int = N) -> np.ndarray:
    return rng().normal(100, 15, n)


def target_copy() -> tuple[Made, Made]:
    table = plain()
    y = np.asarray(table["y"])
    return ({**table, "again": y}, "y"), ({**table, "again": y + rng().normal(0, 0.5, N)}, "y")


def target_sum() -> tuple[Made, Made]:
    r = rng()
    a, b = r.integers(0, 300, N), r.integers(0, 900, N)
    table = {"a": a, "b": b, "x": r.normal(size=N)}
    return ({**table, "y": a + b}, "y"), ({**table, "y": a + b + (r.random(N) < 0.3) * r.integers(1, 9, N)}, "y")


def telling_gaps() -> tuple[Made, Made]:
    y = labels()
    boat = [str(i % 20) if label == "yes" else None for i, label in enumerate(y)]
    now_and_then = gaps([str(i % 20) for i in range(N)], rng().choice(N, N // 2, replace=False))
    return ({**plain(), "boat": boat, "y": y}, "y"), ({**plain(), "boat": now_and_then, "y": y}, "y")


def known_after() -> tuple[Made, Made]:
    y = labels()
    code = [("a1", "a2", "a3")[i % 3] if label == "yes" else ("b1", "b2")[i % 2] for i, label in enumerate(y)]
    noisy = [
        label if u < 0.8 else ("b1", "a1")[i % 2]
        for i, (label, u) in enumerate(zip(code, rng().random(N), strict=True))
    ]
    return ({**plain(), "code": code, "y": y}, "y"), ({**plain(), "code": noisy, "y": y}, "y")


def missing_target() -> tuple[Made, Made]:
    table = plain()
    return ({**table, "y": gaps(table["y"], [3, 5])}, "y"), (table, "y")


def rare_classes() -> tuple[Made, Made]:
    y = labels()
    return ({**plain(), "y": ["odd"] * 4 + y[4:]}, "y"), ({**plain(), "y": ["odd"] * 15 + y[15:]}, "y")


def imbalance() -> tuple[Made, Made]:
    return ({**plain(), "y": labels(share=0.04)}, "y"), ({**plain(), "y": labels(share=0.2)}, "y")


def conflicting_targets() -> tuple[Made, Made]:
    first = [*labels()[: N - 1]]
    table = {"a": [*range(N - 1), 0]}
    other = "no" if first[0] == "yes" else "yes"
    return ({**table, "y": [*first, other]}, "y"), ({**table, "y": [*first, first[0]]}, "y")


def groups() -> tuple[Made, Made]:
    patient = rng().integers(0, 40, N)
    return ({**plain(), "patient_id": patient}, "y"), ({**plain(), "score": patient}, "y")


def dates() -> tuple[Made, Made]:
    day = [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(N)]
    return ({**plain(), "day": day}, "y"), ({**plain(), "day": [f"2024-{1 + i % 12:02d}" for i in range(N)]}, "y")


def log() -> tuple[Made, Made]:
    days = [f"2024-{1 + i // 40:02d}-{1 + i % 28:02d}" for i in range(N)]
    return ({**plain(), "day": sorted(days)}, "y"), ({**plain(), "day": [*sorted(days)[1:], min(days)]}, "y")


def sorted_by_target() -> tuple[Made, Made]:
    table = plain()
    return ({**table, "y": sorted(table["y"])}, "y"), (table, "y")


def drift() -> tuple[Made, Made]:
    n = 1000
    later = np.arange(n) > n / 2
    table = plain(n)
    return ({**table, "t": spread(n) + 15 * later}, "y"), ({**table, "t": spread(n) + 1 * later}, "y")


def few_rows() -> tuple[Made, Made]:
    return (plain(60), "y"), (plain(100), "y")


def more_columns_than_rows() -> tuple[Made, Made]:
    r = rng()
    wide = {f"c{i}": r.normal(size=40) for i in range(41)}
    return ({**wide, "y": labels(40)}, "y"), ({**dict(list(wide.items())[:40]), "y": labels(40)}, "y")


def duplicate_rows() -> tuple[Made, Made]:
    frame = pl.DataFrame(plain())
    changed = frame.head(3).with_columns(pl.col("x") + 1)
    return (pl.concat([frame, frame.head(3)]).to_dict(), "y"), (pl.concat([frame, changed]).to_dict(), "y")


def near_duplicate_rows() -> tuple[Made, Made]:
    r = rng()
    table = {f"c{i}": r.normal(size=N) for i in range(4)} | {"name": [f"Person {i}, Anna-{i * 7}" for i in range(N)]}
    frame = pl.DataFrame(table)
    respelled = frame.head(4).with_columns(pl.col("name").str.to_uppercase())
    other = frame.head(4).with_columns(pl.col("c0") + 1, pl.col("c1") - 1, name=pl.lit("Somebody else"))
    return (pl.concat([frame, respelled]).to_dict(), None), (pl.concat([frame, other]).to_dict(), None)


def mostly_missing() -> tuple[Made, Made]:
    many, some = rng().permutation(N)[: int(0.6 * N)], rng().permutation(N)[: int(0.4 * N)]
    return ({**plain(), "t": gaps(spread(), many)}, "y"), ({**plain(), "t": gaps(spread(), some)}, "y")


def missing_values() -> tuple[Made, Made]:
    return ({**plain(), "t": gaps(spread(), [1, 2, 3])}, "y"), ({**plain(), "t": spread()}, "y")


def missing_together() -> tuple[Made, Made]:
    rows, others = rng().permutation(N)[:30], rng().permutation(N)[20:50]
    table = {**plain(), "s": gaps(spread(), rows)}
    return ({**table, "t": gaps(spread() + 1, rows)}, "y"), ({**table, "t": gaps(spread() + 1, others)}, "y")


def zero_means_missing() -> tuple[Made, Made]:
    pressure = spread()
    visits = rng().poisson(3.0, N)
    return ({**plain(), "p": with_some(pressure, 0, 30)}, "y"), ({**plain(), "p": visits}, "y")


def placeholder() -> tuple[Made, Made]:
    age = rng().integers(18, 80, N).astype(float)
    return ({**plain(), "age": with_some(age, 999, 8)}, "y"), ({**plain(), "age": with_some(age, 99, 8)}, "y")


def outliers() -> tuple[Made, Made]:
    income = np.exp(rng().normal(10, 1, N))
    return ({**plain(), "t": with_some(spread(), 5000, 1)}, "y"), ({**plain(), "t": income}, "y")


def mixed_types() -> tuple[Made, Made]:
    mixed = [str(i) if i % 3 else f"about {i}" for i in range(N)]
    return ({**plain(), "t": mixed}, "y"), ({**plain(), "t": [f"about {i % 50}" for i in range(N)]}, "y")


def unreadable() -> tuple[Made, Made]:
    numbers = [f"{value:.3f}" for value in spread()]
    return ({**plain(), "t": ["see note", *numbers[1:]]}, "y"), ({**plain(), "t": ["unknown", *numbers[1:]]}, "y")


def doubtful_spelling() -> tuple[Made, Made]:
    thousands = [f"{i % 9 + 1},{100 + i}" for i in range(N)]
    return ({**plain(), "t": thousands}, "y"), ({**plain(), "t": [*thousands[1:], "1,234.5"]}, "y")


def constant() -> tuple[Made, Made]:
    return ({**plain(), "t": ["same"] * N}, "y"), ({**plain(), "t": ["same", "other"] * (N // 2)}, "y")


def nearly_constant() -> tuple[Made, Made]:
    n = 2000
    rare, less_rare = ["same"] * (n - 2) + ["other"] * 2, ["same"] * (n - 40) + ["other"] * 40
    return ({**plain(n), "t": rare}, "y"), ({**plain(n), "t": less_rare}, "y")


def identifier() -> tuple[Made, Made]:
    codes = [f"{chr(97 + i * 7 % 26)}{i * 7919 % 9973}x" for i in range(N)]
    return ({**plain(), "code": codes}, "y"), ({**plain(), "code": [codes[i // 2] for i in range(N)]}, "y")


def running_number() -> tuple[Made, Made]:
    return ({**plain(), "row": list(range(N))}, "y"), ({**plain(), "row": [i // 2 for i in range(N)]}, "y")


def label_spellings() -> tuple[Made, Made]:
    y = labels()
    variants = [label.upper() if i % 7 == 0 else label for i, label in enumerate(y)]
    blanks = [f" {label} " if i % 7 == 0 else label for i, label in enumerate(y)]
    return ({**plain(), "y": variants}, "y"), ({**plain(), "y": blanks}, "y")


def infinite() -> tuple[Made, Made]:
    return ({**plain(), "t": with_some(spread(), np.inf, 3)}, "y"), (
        {**plain(), "t": with_some(spread(), 1e30, 3)},
        "y",
    )


def texts_for_gaps() -> tuple[Made, Made]:
    plan = [["basic", "pro", "NA"][i % 3] for i in range(N)]
    return ({**plain(), "plan": plan}, "y"), ({**plain(), "plan": [None if p == "NA" else p for p in plan]}, "y")


def levels_like_gaps() -> tuple[Made, Made]:
    region = [["EU", "AS", "SA", "AF", "NA"][i * 7 % 5] for i in range(N)]
    other = ["NO" if r == "NA" else r for r in region]
    return ({**plain(), "region": region}, "y"), ({**plain(), "region": other}, "y")


def duplicate_columns() -> tuple[Made, Made]:
    table = plain()
    same = [{"l0": "north", "l1": "east", "l2": "south", "l3": "west"}[level] for level in table["level"]]
    nearly = ["west", *same[1:]] if same[0] != "west" else ["north", *same[1:]]
    return ({**table, "side": same}, "y"), ({**table, "side": nearly}, "y")


def wrong_cells() -> tuple[Made, Made]:
    city = [
        f"{['north', 'south', 'east', 'west', 'middle', 'upper', 'lower', 'outer', 'inner', 'old', 'new', 'far'][k]}ville"
        for k in range(12)
    ]
    places = rng().integers(0, 12, N)
    names = [city[k] for k in places]
    table = {**plain(), "zip": [f"{k * 7:03d}" for k in places]}
    wrong = ["xxxthville" if i == 7 else name for i, name in enumerate(names)]
    return ({**table, "city": wrong}, "y"), ({**table, "city": names}, "y")


def spellings() -> tuple[Made, Made]:
    states = ["California", "Oregon", "Washington", "Nevada", "Arizona"]
    right = [states[k] for k in rng().integers(0, 5, N)]
    variants = ["california", "Californai", "CALIFORNIA"]
    return ({**plain(), "s": [*variants, *right[3:]]}, "y"), (
        {**plain(), "s": ["Utah", "Idaho", "Iowa", *right[3:]]},
        "y",
    )


CASES: dict[str, Callable[[], tuple[Made, Made]]] = {
    make.__name__: make
    for make in (
        target_copy, target_sum, telling_gaps, known_after, missing_target, rare_classes, imbalance,
        conflicting_targets, groups, dates, log, sorted_by_target, drift, few_rows, more_columns_than_rows, duplicate_rows,
        near_duplicate_rows, mostly_missing, missing_values, missing_together, zero_means_missing, placeholder,
        outliers, wrong_cells, spellings, mixed_types, unreadable, doubtful_spelling, constant, nearly_constant, identifier, duplicate_columns,
        running_number, label_spellings, infinite, texts_for_gaps, levels_like_gaps,
    )
}  # fmt: skip


def found(table: Table, target: str | None) -> list[Finding]:
    return view_table(pl.DataFrame(table, strict=False), "t", target).findings


@pytest.mark.parametrize("code", CASES)
def test_a_table_that_has_it_is_told(code: str) -> None:
    has = found(*CASES[code]()[0])
    own = [finding for finding in has if finding.code == code]
    assert own, [finding.code for finding in has]
    assert all(finding.message and "\n" not in finding.sentence for finding in own)


@pytest.mark.parametrize("code", CASES)
def test_a_finding_is_data_and_has_words_in_every_language(code: str) -> None:
    for finding in found(*CASES[code]()[0]):
        for message in (finding.found, finding.proposed):
            again = json.loads(json.dumps(message.as_json()))
            assert render(again) == render_strictly(message)
            assert all(render_strictly(message, language) is not None for language in LANGUAGES)
            template = template_of(message.code, "en")
            assert template is not None
            assert fields_of(template) <= message.arguments.keys()
        assert json.loads(json.dumps(finding.as_json()))["arguments"] == stored(finding.arguments)


@pytest.mark.parametrize("code", CASES)
def test_a_table_that_nearly_has_it_is_not(code: str) -> None:
    assert code not in [finding.code for finding in found(*CASES[code]()[1])]


def test_a_target_has_outliers_too() -> None:
    y = rng().normal(10, 3, N)
    for value in (60.0, 1e12):
        notes = [each for each in found({**plain(), "y": with_some(y, value, 1)}, "y") if each.code == "outliers"]
        assert [each.columns for each in notes] == [["y"]]
    assert "outliers" not in [finding.code for finding in found({**plain(), "y": y}, "y")]


def test_every_finding_has_its_tables() -> None:
    written = [path.read_text(encoding="utf-8") for path in CHECKS.glob("*.py")]
    codes = {code for text in written for code in re.findall(r"(?:stop|warn|note)\)?\(\s*\"([a-z_]+)\"", text)}
    assert codes - {"check_failed"} == set(CASES)  # no table makes a check fail: see test_failing_checks.py


def test_nothing_is_told_of_a_table_in_which_nothing_is_wrong() -> None:
    assert found(plain(), "y") == []


@pytest.mark.parametrize("make", [target_copy, target_sum])
def test_a_training_stops_where_the_target_is_given_away_unless_forced(make: Callable[[], tuple[Made, Made]]) -> None:
    (table, target), (honest, _) = make()
    assert target is not None
    with pytest.raises(DataError, match=r"--exclude .*--force"):
        prepare(pl.DataFrame(table), Spec(target))
    assert prepare(pl.DataFrame(table), Spec(target, force=True)).findings
    assert prepare(pl.DataFrame(honest), Spec(target)).fields


def test_what_gives_the_target_away_may_be_excluded() -> None:
    table, _ = target_sum()[0]
    assert prepare(pl.DataFrame(table), Spec("y", exclude=["a"])).fields


def test_the_parts_of_a_sum_are_named_with_their_signs() -> None:
    r = rng()
    gross, tax, more = (r.integers(1, 10_000, N) for _ in range(3))
    sums = [
        f for f in found({"gross": gross, "tax": tax, "more": more, "y": gross - tax}, "y") if f.code == "target_sum"
    ]
    assert "gross - tax" in sums[0].message
    assert set(sums[0].columns) == {"gross", "tax"}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_table_can_be_looked_at(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 40))
    cell = st.one_of(st.none(), st.text(max_size=5), st.sampled_from(["1", "2", "1e400", "-5", "nan", "2024-02-30"]))
    table = {
        name: data.draw(st.lists(cell, min_size=n, max_size=n))
        for name in data.draw(st.sets(st.text(max_size=3), min_size=1, max_size=4))
    }
    view = view_table(pl.DataFrame(table, schema=dict.fromkeys(table, pl.String)), "t")
    assert len(view.columns) == len(table)
    assert view.to_html().startswith("<!doctype html>")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(width=64)), min_size=2, max_size=60), st.data())
def test_any_numbers_can_be_looked_at(numbers: list[float | None], data: st.DataObject) -> None:
    target = data.draw(st.lists(st.sampled_from(["a", "b"]), min_size=len(numbers), max_size=len(numbers)))
    frame = pl.DataFrame({"t": pl.Series(numbers, dtype=pl.Float64), "y": target})
    if len(set(target)) == 2:
        assert view_table(frame, "t", "y").as_json()["columns"][0]["name"] == "t"
