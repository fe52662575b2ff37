"""Answers over HTTP: the same bits as in Python, and a receipt for every value that was unusual."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import fitserve

Row = dict[str, Any]
MODELS = ["houses", "text", "small"]
JSON = {"content-type": "application/json"}
ULID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
USUAL: Row = {"rooms": 5, "city": "Berlin", "built": "1984-02-27T18:00:00Z", "garden": True}


@cache
def rows_of(model: str) -> list[Row]:
    """A thousand rows for a model: most of them usual, some with gaps, unseen and odd values."""
    chance = np.random.default_rng(7)

    def house() -> Row:
        return {
            "rooms": int(chance.integers(1, 9)),
            "city": str(chance.choice(["Berlin", "Paris", "上海", "New York", "Rome"])),
            "built": f"{chance.integers(1950, 2020)}-0{chance.integers(1, 10)}-11T0{chance.integers(0, 10)}:30:00Z",
            "garden": bool(chance.random() < 0.5),
        }

    def text() -> Row:
        english = chance.choice(["great", "lovely", "awful", "boring", "film", "unheard"], chance.integers(0, 9))
        return {"title": " ".join(english), "评论": "".join(chance.choice(list("好棒坏差的电影？"), 6))}

    def number() -> Row:
        return {"a": float(chance.normal()), "b": float(chance.normal())}

    make = {"houses": house, "text": text, "small": number}[model]
    rows = [make() for _ in range(1000)]
    for row in rows[::5]:
        field = str(chance.choice(list(row)))
        row[field] = None if chance.random() < 0.5 else "0.25"
        if field == "built":
            row[field] = 0
        if field == "garden":
            row[field] = "yes"
    for row in rows[::7]:
        del row[next(iter(row))]
    return rows


def strictly(response: httpx.Response) -> Any:
    """The JSON of a response, in which NaN and infinity have no place."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in {response.text[:200]}")

    assert response.headers["content-type"].endswith("json")
    return json.loads(response.content, parse_constant=refuse)


def answer_of(document: Row, index: int | None = None) -> Row:
    """The answer to one row: what `Predictor.predict` gives for it."""
    if index is None:
        return {name: document[name] for name in ("prediction", "probabilities") if name in document}
    places = {"prediction": "predictions", "probabilities": "probabilities"}
    return {name: document[place][index] for name, place in places.items() if place in document}


@pytest.fixture(scope="module")
def expected(workspace: Path) -> dict[str, list[Row]]:
    """The answers in Python, row by row."""
    answers = {}
    for model in MODELS:
        predictor = fitserve.load(model, 1, workspace=workspace)
        answers[model] = [predictor.predict(row) for row in rows_of(model)]
        assert predictor.predict(rows_of(model)) == answers[model]
    return answers


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_batches_have_the_bits_of_python(
    client: httpx.Client, expected: dict[str, list[Row]], model: str, size: int
) -> None:
    count = min(1000, 40 * size)
    rows = rows_of(model)[:count]
    got: list[Row] = []
    for first in range(0, count, size):
        batch = rows[first : first + size]
        response = client.post(f"/models/{model}/predict", json={"instances": batch})
        document = strictly(response)
        assert response.status_code == 200, document
        assert len(document["predictions"]) == len(batch)
        got += [answer_of(document, index) for index in range(len(batch))]
    assert got == expected[model][:count]


@pytest.mark.parametrize("model", MODELS)
def test_single_rows_have_the_bits_of_python(client: httpx.Client, expected: dict[str, list[Row]], model: str) -> None:
    got = [strictly(client.post(f"/models/{model}/predict", json=row)) for row in rows_of(model)[:100]]
    assert [answer_of(document) for document in got] == expected[model][:100]


def test_rows_of_many_connections_are_not_mixed_up(client: httpx.Client, expected: dict[str, list[Row]]) -> None:
    connections, each = 32, 12
    rows = {model: rows_of(model) for model in MODELS}

    async def ask(guest: httpx.AsyncClient, number: int) -> list[tuple[str, int, Row]]:
        found = []
        for turn in range(each):
            model, index = MODELS[(number + turn) % 3], number * each + turn
            response = await guest.post(f"/models/{model}/predict", json=rows[model][index])
            found.append((model, index, strictly(response)))
        return found

    async def ask_all() -> list[list[tuple[str, int, Row]]]:
        limits = httpx.Limits(max_connections=connections)
        async with httpx.AsyncClient(base_url=client.base_url, timeout=60, limits=limits) as guest:
            return await asyncio.gather(*(ask(guest, number) for number in range(connections)))

    answered = [entry for entries in asyncio.run(ask_all()) for entry in entries]
    assert len(answered) == connections * each
    for model, index, document in answered:
        assert answer_of(document) == expected[model][index]
        assert document["model"] == model
    assert len({document["id"] for _, _, document in answered}) == len(answered)


def test_a_long_body_is_answered_like_a_short_one(client: httpx.Client, expected: dict[str, list[Row]]) -> None:
    row = rows_of("small")[0]
    document = strictly(client.post("/models/small/predict", content=json.dumps(row) + " " * 100_000, headers=JSON))
    assert answer_of(document) == expected["small"][0]


def test_the_default_path_and_the_pinned_version(client: httpx.Client) -> None:
    answers = [
        strictly(client.post(path, json=USUAL))
        for path in ("/predict", "/models/houses/predict", "/models/houses/versions/1/predict")
    ]
    assert [(a["model"], a["version"], a["prediction"], a["warnings"]) for a in answers] == [
        ("houses", 1, answers[0]["prediction"], [])
    ] * 3
    assert isinstance(answers[0]["prediction"], float)


def test_no_rows_get_no_answers(client: httpx.Client) -> None:
    for model in MODELS:
        document = strictly(client.post(f"/models/{model}/predict", json={"instances": []}))
        assert document["predictions"] == document["warnings"] == []


def test_labels_keep_their_type(client: httpx.Client) -> None:
    answer = client.post("/models/small/predict", json={"a": 2.0, "b": 2.0})
    assert b'"prediction":13,' in answer.content
    assert list(answer.json()["probabilities"]) == ["10", "11", "12", "13"]
    many = client.post("/models/small/predict", json={"instances": [{"a": 2, "b": 2}, {"a": -2, "b": -2}]})
    assert b'"predictions":[13,10]' in many.content
    text = strictly(client.post("/models/text/predict", json={"title": "great lovely", "评论": "好喜欢"}))
    assert text["prediction"] == "good"
    assert sum(text["probabilities"].values()) == pytest.approx(1)


def test_ids_are_ulids_that_sort_by_time(client: httpx.Client) -> None:
    ids = [client.post("/predict", json=USUAL).json()["id"] for _ in range(200)]
    assert len(set(ids)) == 200
    assert all(re.match(ULID, each) for each in ids)
    times = [each[:10] for each in ids]  # of the same millisecond, any order
    assert times == sorted(times)
    assert times[0] < times[-1]


def warnings_of(client: httpx.Client, changes: Row, without: Sequence[str] = (), path: str = "/predict") -> list[Row]:
    row = {name: value for name, value in {**USUAL, **changes}.items() if name not in without}
    response = client.post(path, json=row)
    document = strictly(response)
    assert response.status_code == 200, document
    warnings: list[Row] = document["warnings"]
    assert all(warning["message"] for warning in warnings)
    return [{name: value for name, value in warning.items() if name != "message"} for warning in warnings]


CITIES = ["Berlin", "Paris", "上海", "New York"]
RANGE = [1.0, 8.0]


def note(code: str, field: str, sent: object = None, known: object = None, nearest: str | None = None) -> Row:
    details = {"code": code, "field": field, "sent": sent, "known": known, "nearest": nearest}
    return {name: value for name, value in details.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "without", "warnings"),
    [
        ({"rooms": "5"}, [], [note("coerced", "rooms", "5")]),
        ({"garden": "yes"}, [], [note("coerced", "garden", "yes")]),
        ({"built": 5e8}, [], [note("coerced", "built", 5e8)]),
        ({}, ["city"], [note("missing_field", "city")]),
        ({"city": None}, [], [note("missing_value", "city")]),
        ({"city": "Berln"}, [], [note("unseen_category", "city", "Berln", CITIES, "Berlin")]),
        ({"city": "Nowhere at all"}, [], [note("unseen_category", "city", "Nowhere at all", CITIES)]),
        ({"pool": True}, [], [note("extra_field", "pool")]),
        ({"room": 5}, ["rooms"], [note("missing_field", "rooms"), note("extra_field", "room", nearest="rooms")]),
        ({"rooms": 500}, [], [note("out_of_range", "rooms", 500, RANGE)]),
        ({"rooms": 1e29}, [], [note("out_of_range", "rooms", 1e29, RANGE)]),
        ({"rooms": 10**29}, [], [note("out_of_range", "rooms", 1e29, RANGE), note("big_integer", "rooms", 1e29)]),
        ({"rooms": 2**64 - 1}, [], [note("out_of_range", "rooms", 2.0**64, RANGE)]),
        (
            {"rooms": -(2**63) - 1},
            [],
            [note("out_of_range", "rooms", -(2.0**63), RANGE), note("big_integer", "rooms", -(2.0**63))],
        ),
    ],
)
def test_every_unusual_value_is_named(
    client: httpx.Client, changes: Row, without: list[str], warnings: list[Row]
) -> None:
    assert warnings_of(client, changes, without) == warnings


def test_warnings_of_many_rows_name_the_row(client: httpx.Client) -> None:
    rows = [USUAL, {**USUAL, "rooms": 10**29}, USUAL, {**USUAL, "city": "Berln", "rooms": "5"}]
    warnings = strictly(client.post("/predict", json={"instances": rows}))["warnings"]
    assert sorted((w["row"], w["code"], w["field"]) for w in warnings) == [
        (1, "big_integer", "rooms"),
        (1, "out_of_range", "rooms"),
        (3, "coerced", "rooms"),
        (3, "unseen_category", "city"),
    ]


def test_a_date_outside_the_range_of_training_is_told(client: httpx.Client) -> None:
    fields = client.get("/models/houses").json()["row"]["properties"]
    low, high = fields["built"]["x-range-in-training"]
    assert f"{low} to {high} in training" in fields["built"]["description"]
    assert warnings_of(client, {"built": low}) == warnings_of(client, {"built": high}) == []
    for sent in ("2035-01-01", "1066-10-14T09:00:00Z"):
        assert warnings_of(client, {"built": sent}) == [note("out_of_range", "built", sent, [low, high])]


def test_a_number_for_a_text_is_told(client: httpx.Client) -> None:
    row = {"title": 5, "评论": True}
    response = client.post("/models/text/predict", json=row)
    notes = [(warning["code"], warning["field"], warning["sent"]) for warning in strictly(response)["warnings"]]
    assert notes == [("coerced", "title", 5), ("coerced", "评论", True)]
    assert client.post("/models/text/predict?strict=true", json=row).status_code == 422


def test_what_is_known_is_told_once_for_a_field(client: httpx.Client) -> None:
    rows = [{**USUAL, "city": f"City {i}", "rooms": 100} for i in range(20)]
    warnings = strictly(client.post("/predict", json={"instances": rows}))["warnings"]
    assert len(warnings) == 40
    assert [(w["row"], w["field"]) for w in warnings if "known" in w] == [(0, "rooms"), (0, "city")]
    assert not [w for w in warnings if "count" in w]


def test_beyond_twenty_rows_warnings_of_one_field_are_one(client: httpx.Client) -> None:
    rows: list[Row] = [{**USUAL, "rooms": 100 + i} if i % 3 == 1 else dict(USUAL) for i in range(21)]
    rows[4]["city"] = rows[20]["city"] = "Berln"
    rows[20]["rooms"] = 10**29
    del rows[7]["built"]
    warnings = strictly(client.post("/predict", json={"instances": rows}))["warnings"]
    assert all(warning.pop("message") for warning in warnings)
    several = {"count": 8, "rows": [1, 4, 7, 10, 13]}
    assert warnings == [
        {**note("out_of_range", "rooms", 101, RANGE), **several},
        {**note("unseen_category", "city", "Berln", CITIES, "Berlin"), "count": 2, "rows": [4, 20]},
        {**note("missing_field", "built"), "count": 1, "rows": [7]},
        {**note("big_integer", "rooms", 1e29), "count": 1, "rows": [20]},
    ]


def test_beyond_twenty_rows_every_error_has_its_row(client: httpx.Client) -> None:
    rows: list[Row] = [{**USUAL, "rooms": "many"} if i in (2, 3, 29) else {**USUAL, "city": "Rome"} for i in range(30)]
    problem = strictly(client.post("/predict", json={"instances": rows}))
    assert [(e["row"], e["code"]) for e in problem["errors"]] == [(i, "not_a_number") for i in (2, 3, 29)]
    strict = strictly(client.post("/predict?strict=true", json={"instances": rows}))
    assert [e["row"] for e in strict["errors"]] == list(range(30))
    assert not [e for e in strict["errors"] if "count" in e]


@pytest.mark.parametrize("row", [{}, {"price": 5}, {"nothing": 1}, {"instances of": []}, {"": None}])
def test_a_row_without_any_known_field_is_no_row(client: httpx.Client, row: Row) -> None:
    for strict in ("", "?strict=true"):
        response = client.post(f"/predict{strict}", json=row)
        problem = strictly(response)
        assert response.status_code == 422
        assert problem["detail"] == (
            "none of the model's fields was sent; it reads rooms, city, built, garden; see errors"
        )
        notes, *extra = problem["errors"]
        assert (notes["code"], notes["known"]) == ("no_known_field", ["rooms", "city", "built", "garden"])
        assert [e["code"] for e in extra] == ["unknown_field"] * (bool(row) and row != {"price": 5})


def test_of_a_row_without_any_known_field_the_nearest_names_are_told(client: httpx.Client) -> None:
    problem = strictly(client.post("/predict", json={"Rooms": 5, "citty": "Berlin", "pool": True}))
    near = {error["field"]: error.get("nearest") for error in problem["errors"][1:]}
    assert near == {"Rooms": "rooms", "citty": "city", "pool": None}
    assert client.post("/predict", json={"rooms": None}).status_code == 200
    assert client.post("/predict", json={"rooms": 5, "citty": "Berlin"}).status_code == 200


def test_rows_without_any_known_field_are_named_among_others(client: httpx.Client) -> None:
    problem = strictly(client.post("/predict", json={"instances": [USUAL, {}, USUAL, {"citty": 1}]}))
    assert problem["detail"].startswith("2 rows: none of the model's fields was sent; it reads rooms")
    notes = [(e["row"], e["code"], e["field"]) for e in problem["errors"]]
    assert notes == [(1, "no_known_field", ""), (3, "no_known_field", ""), (3, "unknown_field", "citty")]
    one = strictly(client.post("/predict", json={"instances": [*[USUAL] * 30, {}]}))
    assert one["detail"].startswith("row 30: none of the model's fields was sent")


@pytest.mark.parametrize("name", ["rows", "Instances", "inputs", "data"])
def test_rows_under_another_name_are_told_the_right_one(client: httpx.Client, name: str) -> None:
    detail = strictly(client.post("/predict", json={name: [USUAL]}))["detail"]
    assert 'several rows are sent as {"instances": [row, …]}' in detail


def test_what_was_sent_is_shown_as_json(client: httpx.Client) -> None:
    problem = strictly(client.post("/predict", json={**USUAL, "rooms": ["a", None, {"b": True}]}))
    assert problem["errors"][0]["sent"] == '["a",null,{"b":true}]'
    assert problem["detail"] == "1 value cannot be used; see errors"
    strict = strictly(client.post("/predict?Strict=yes", json={**USUAL, "rooms": ["a"], "city": "Rome", "garden": 1}))
    note = "1 value cannot be used, 2 values would be served with a warning if it were not for ?strict; see errors"
    assert strict["detail"] == note


@pytest.mark.parametrize(
    "strict", ["strict=true", "strict", "strict=1", "strict=false&strict=yes", "STRICT=True&", "%73trict=%74rue"]
)
def test_strict_makes_all_warnings_errors(client: httpx.Client, strict: str) -> None:
    row = {"rooms": "5", "city": "Berln", "garden": True, "pool": 1}
    response = client.post(f"/predict?{strict}", json=row)
    problem = strictly(response)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert {(e["code"], e["field"]) for e in problem["errors"]} == {
        ("coerced", "rooms"),
        ("unseen_category", "city"),
        ("missing_field", "built"),
        ("extra_field", "pool"),
    }
    assert "4 values" in problem["detail"]
    many = strictly(client.post(f"/predict?{strict}", json={"instances": [USUAL, row, {**USUAL, "rooms": 10**29}]}))
    assert sorted(e["row"] for e in many["errors"]) == [1] * 4 + [2] * 2
    assert ("big_integer", 2) in {(e["code"], e["row"]) for e in many["errors"]}
    assert client.post(f"/predict?{strict}", json=USUAL).status_code == 200


@pytest.mark.parametrize("lenient", ["", "?", "?strict=false", "?strict=0", "?strict=NO", "?strict=off", "?&&"])
def test_without_strict_warnings_stay_warnings(client: httpx.Client, lenient: str) -> None:
    assert client.post(f"/predict{lenient}", json={"rooms": "5"}).status_code == 200


@pytest.mark.parametrize(
    ("query", "errors", "detail"),
    [
        ("strct=true", [("unknown_parameter", "strct", "strict")], "'strct'; did you mean 'strict'?"),
        ("Stricts", [("unknown_parameter", "Stricts", "strict")], "did you mean 'strict'?"),
        ("verbose=1", [("unknown_parameter", "verbose", None)], "'verbose'; 'strict' is the only one"),
        ("strict=maybe", [("wrong_parameter", "strict", None)], "strict is true or false, not 'maybe'"),
        ("strict=true&strict=2", [("wrong_parameter", "strict", None)], "not '2'"),
        (
            "a=1&strict=x&b",
            [("unknown_parameter", "a", None), ("wrong_parameter", "strict", None), ("unknown_parameter", "b", None)],
            "(and 2 more)",
        ),
        ("%E4%B8%A5=1", [("unknown_parameter", "严", None)], "'严'"),
        ("a%0Ab%1B[2J=1", [("unknown_parameter", "a\nb\x1b[2J", None)], "'a\\nb\\x1b[2J'"),
        ("=", [("unknown_parameter", "", None)], "''"),
        ("x" * 3000, [], "the query is too long"),
        ("&".join("abcdefghijklmnopqrstuvwxyz"), [], "the query is too long"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_parameters_that_nobody_knows_are_refused(
    client: httpx.Client, query: str, errors: list[tuple[str, str, str | None]], detail: str
) -> None:
    response = client.post(f"/predict?{query}", json=USUAL)
    problem = strictly(response)
    assert response.status_code == 422
    assert [(e["code"], e["parameter"], e.get("nearest")) for e in problem.get("errors", [])] == errors
    assert detail in problem["detail"]
    assert len(problem["detail"]) < 400


def test_pages_do_not_look_at_parameters(client: httpx.Client) -> None:
    for path in ("/livez", "/docs", "/models", "/metrics"):
        assert client.get(f"{path}?cache=no").status_code == 200


def test_errors_list_every_field_of_every_row_at_once(client: httpx.Client) -> None:
    wrong = {"rooms": "many", "city": ["Berlin"], "built": "yesterday", "garden": {}}
    response = client.post("/predict", json={"instances": [USUAL, wrong, {**USUAL, "rooms": []}, {"rooms": "5"}]})
    problem = strictly(response)
    assert response.status_code == problem["status"] == 422
    assert sorted((e["row"], e["code"], e["field"]) for e in problem["errors"]) == [
        (1, "not_a_boolean", "garden"),
        (1, "not_a_category", "city"),
        (1, "not_a_datetime", "built"),
        (1, "not_a_number", "rooms"),
        (2, "not_a_number", "rooms"),
    ]
