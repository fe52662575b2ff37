"""Models whose fields are named like parts of the protocol, and models with thousands of fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

import fitserve

Start = Callable[..., Any]
FIELDS = 1500


@pytest.fixture(scope="module")
def client(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("odd")
    rng = np.random.default_rng(0)
    x = rng.normal(size=80)
    odd = pl.DataFrame({"instances": x, "id": rng.normal(size=80), "model": x**2, "y": x * 2})
    wide = pl.DataFrame({**{f"field {i}": rng.normal(size=60) for i in range(FIELDS)}, "y": rng.normal(size=60)})
    for name, table, learner in (("odd", odd, "ridge"), ("wide", wide, "ridge")):
        fitserve.train(table, "y", name=name, learners=[learner], workspace=folder, budget=30)
    with start("odd", "wide", folder=folder) as (client, _):
        yield client


def test_a_field_may_be_called_instances(client: httpx.Client) -> None:
    row = {"instances": 0.5, "id": 0.1, "model": 0.2}
    assert client.post("/predict", json=row).json()["warnings"] == []
    assert client.post("/predict", json={**row, "instances": [row]}).status_code == 422
    for body in ('{"instances": [1, 2], "x": 1e30}', '{"instances": [1, 2], "id": 1%s}' % ("0" * 30)):
        response = client.post("/predict", content=body, headers={"content-type": "application/json"})
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "instances"
    big = client.post("/predict", json={**row, "instances": 10**30}).json()["warnings"]
    assert [(warning["code"], warning["field"]) for warning in big] == [
        ("out_of_range", "instances"),
        ("big_integer", "instances"),
    ]


@pytest.mark.parametrize("path", ["/models//versions/1", "/models//versions/1/predict", "/models//", "/models/odd/x/1"])
def test_paths_without_a_name(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == client.post(path, json={}).status_code == 404


def test_a_small_request_has_no_giant_answer(client: httpx.Client) -> None:
    n = 500
    few, many = (
        client.post("/models/wide/predict", json={"instances": [{"field 0": 0.1}] * rows}).json() for rows in (20, n)
    )
    assert len(few["warnings"]) == 10_001
    assert few["warnings"][-1]["code"] == "more"
    assert few["warnings"][-1]["message"].startswith(f"{20 * (FIELDS - 1) - 10_000} more are not listed")
    assert len(many["predictions"]) == n
    assert [warning["count"] for warning in many["warnings"]] == [n] * (FIELDS - 1)
    assert {tuple(warning["rows"]) for warning in many["warnings"]} == {(0, 1, 2, 3, 4)}


def test_any_number_of_names_that_nobody_knows_gets_a_bounded_answer(client: httpx.Client) -> None:
    rows = [{"id": 0.1, "instances": 0, "model": 0, **{f"{i}-{j}": 1 for j in range(900)}} for i in range(25)]
    answer = client.post("/models/wide/predict", json={"instances": [{**row, "field 0": 0.0} for row in rows]}).json()
    assert len(answer["warnings"]) == 10_001
    *listed, rest = answer["warnings"]
    everything = 25 * (FIELDS - 1 + 903)
    assert rest["message"].startswith(f"{everything - sum(w['count'] for w in listed)} more are not listed")


def test_an_error_is_one_however_many_warnings_stand_before_it(client: httpx.Client) -> None:
    rows: list[dict[str, Any]] = [*[{"field 0": 0.5}] * 20, {"field 7": "seven"}]
    response = client.post("/models/wide/predict", json={"instances": rows})
    assert response.status_code == 422
    assert [(error["row"], error["field"]) for error in response.json()["errors"]] == [(20, "field 7")]
    wrong = client.post("/models/wide/predict", json={"instances": [{f"field {i}": [] for i in range(FIELDS)}] * 20})
    assert wrong.status_code == 422
    *listed, more = wrong.json()["errors"]
    assert [error["code"] for error in listed] == ["not_a_number"] * 10_000
    assert more["message"].startswith(f"{20 * FIELDS - 10_000} more are not listed")


def test_a_body_of_no_length_may_be_spelled_with_zeros(
    client: httpx.Client, talk: Callable[..., bytes], tmp_path: Path
) -> None:
    del tmp_path
    for zero in (b"0", b"00", b"000"):
        for upgrade in (b"", b"upgrade: h2c\r\nconnection: upgrade\r\n"):
            head = b"POST /predict HTTP/1.1\r\nhost: x\r\n%scontent-length: %s\r\n\r\n" % (upgrade, zero)
            assert talk(client, head).startswith(b"HTTP/1.1 400 ")
