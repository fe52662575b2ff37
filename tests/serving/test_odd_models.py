"""Models whose fields are named like parts of the protocol, and models with thousands of fields."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.serving.endpoint import Endpoint
from fitserve.serving.openapi import openapi

Start = Callable[..., Any]
FIELDS = 1500
NAMES = [
    "prediction", "id", "model", "warnings", "", "$ref", "a/b", "~1", 'q"uote', "back\\slash", "上海", "<b>", "{x}",
    "#/components", "\u202ertl", "line\nbreak", "constructor", "__proto__", "![x](http://127.0.0.1:1/x.png)",
]  # fmt: skip
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def client(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("odd")
    rng = np.random.default_rng(0)
    x = rng.normal(size=80)
    odd = pl.DataFrame({"instances": x, "id": rng.normal(size=80), "model": x**2, "y": x * 2})
    names = pl.DataFrame({**{name: rng.normal(size=80) for name in NAMES}, "y": rng.normal(size=80)})
    names = names.with_columns(pl.Series("$ref", rng.choice(["#/a", "http://127.0.0.1:1/x", "c"], 80)))
    wide = pl.DataFrame({**{f"field {i}": rng.normal(size=60) for i in range(FIELDS)}, "y": rng.normal(size=60)})
    for name, table in (("odd", odd), ("wide", wide), ("names", names)):
        fitserve.train(table, "y", name=name, learners=["ridge"], workspace=folder, budget=30)
    with start("odd", "wide", "names", folder=folder) as (client, _):
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


def test_the_service_is_described_whatever_its_fields_are_called(client: httpx.Client) -> None:
    response = client.get("/openapi.json")
    assert response.status_code == 200
    document = response.json()
    assert client.get("/openapi.json").content == response.content
    schemas = document["components"]["schemas"]
    assert list(schemas["names.1.row"]["properties"]) == [name or "column_5" for name in NAMES]
    for model, kinds in (
        ("odd", {"one row"}),
        ("names", {"one row", "several rows"}),
        ("wide", {"one row", "several rows"}),
    ):
        path = f"/models/{model}/predict"
        operation = document["paths"][path]["post"]
        asked = operation["requestBody"]["content"]["application/json"]
        given = operation["responses"]["200"]["content"]["application/json"]
        assert set(asked["examples"]) == set(given["examples"]) == kinds
        assert ("oneOf" in asked["schema"]) == ("oneOf" in given["schema"]) == (len(kinds) == 2)
        for name, example in asked["examples"].items():
            answer = client.post(f"{path}?strict=true", json=example["value"]).json()
            assert {**answer, "id": ""} == {**given["examples"][name]["value"], "id": ""}


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium here to open the page with")
@pytest.mark.parametrize("model", ["odd", "names"])
def test_the_api_page_shows_an_operation_whatever_its_fields_are_called(
    client: httpx.Client, model: str, tmp_path: Path
) -> None:
    page = f"{client.base_url}/docs#/{model}/version.{model}.1"
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--proxy-server=127.0.0.1:9",
               "--proxy-bypass-list=127.0.0.1", f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000",
               "--enable-logging=stderr", "--dump-dom", page]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    shown = re.sub(r"<(script|style)\b.*?</\1>", "", done.stdout, flags=re.DOTALL)
    assert shown.count('class="opblock-summary-path"') == 14
    assert "errors-wrapper" not in shown
    assert "CONSOLE" not in done.stderr
    text = html.unescape(re.sub(r"<[^>]+>", "", shown))
    assert text.count("Execute") == 1
    for name in ["instances"] if model == "odd" else ["$ref", "a/b", "上海", "<b>", "{x}", "![x](http"]:
        assert f'"{name}' in text


def test_what_cannot_be_told_is_left_out(workspace: Path) -> None:
    predictor = fitserve.load("small", workspace=workspace)
    endpoints = [
        Endpoint(name, 1, replace(predictor, example=example), 100)
        for name, example in (("a b", {"nothing": 1}), ("a_b", {"a": {1, 2}}), ("{c}", {"a": 0.5}))
    ]
    document = openapi(endpoints, endpoints[0], needs_key=False)
    given = {
        path: item["post"]["responses"]["200"]["content"]["application/json"]["examples"]
        for path, item in document["paths"].items()
        if "post" in item and "versions" not in path
    }
    assert given.keys() == {"/predict", "/models/a%20b/predict", "/models/a_b/predict", "/models/%7Bc%7D/predict"}
    assert [sorted(examples) for examples in given.values()] == [[], [], [], ["one row", "several rows"]]
    assert {"a_b.1.row", "a_b.1_2.row", "_c_.1.row"} <= document["components"]["schemas"].keys()
    identities = [item["post"]["operationId"] for item in document["paths"].values() if "post" in item]
    assert len(set(identities)) == len(identities) == 7


@pytest.mark.parametrize("path", ["/models//versions/1", "/models//versions/1/predict", "/models//", "/models/odd/x/1"])
def test_paths_without_a_name(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == client.post(path, json={}).status_code == 404


def test_a_small_request_has_no_giant_answer(client: httpx.Client) -> None:
    n = 60
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
