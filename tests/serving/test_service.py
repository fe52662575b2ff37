"""The service as a whole: its start and its end, its workers, its probes, counters, keys and pages."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

import fitserve
from fitserve.store import published

Started = tuple[httpx.Client, subprocess.Popen[str]]
Start = Callable[..., AbstractContextManager[Started]]
Launch = Callable[..., subprocess.Popen[str]]
WorkersOf = Callable[[int], set[int]]
Talk = Callable[..., bytes]

PROBES = ["/livez", "/readyz", "/ping", "/health"]
USUAL: dict[str, Any] = {"rooms": 5, "city": "Berlin", "built": "1984-02-27T18:00:00Z", "garden": True}
PATIENCE = 60.0


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it does not become so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# Probes


@pytest.mark.parametrize("path", PROBES)
def test_probes(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


# Counters

SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z0-9_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} ([0-9.e+-]+)')
LABEL = re.compile(r'([a-z0-9_]+)="((?:[^"\\]|\\.)*)"')
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def metrics(text: str) -> Series:
    """The samples of Prometheus' text format 0.0.4; every family must be told and typed before them."""
    types: dict[str, str] = {}
    series: Series = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if notes := re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line):
            if notes[1] == "TYPE":
                assert notes[2] not in types
                types[notes[2]] = notes[3]
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        family = re.sub("_(bucket|sum|count)$", "", sample[1]) if sample[1] not in types else sample[1]
        assert types[family] in ("counter", "gauge", "histogram")
        labels = [(name, value.replace('\\"', '"').replace("\\\\", "\\")) for name, value in LABEL.findall(sample[2])]
        key = (sample[1], frozenset(labels))
        assert len(dict(labels)) == len(labels)
        assert key not in series
        series[key] = float(sample[3])
    return series


def total(series: Series, name: str, **labels: str) -> float:
    return sum(value for (sample, note), value in series.items() if sample == name and labels.items() <= set(note))


def check_histograms(series: Series) -> None:
    """Buckets add up, and there is one observation for each request."""
    counted = [dict(note) for (name, note) in series if name.endswith("_count")]
    assert counted
    for of in counted:
        assert of.keys() == {"route", "task", "model", "version"}
        buckets = {
            float(dict(note)["le"]): value
            for (name, note), value in series.items()
            if name.endswith("_bucket") and of.items() <= set(note)
        }
        heights = [buckets[bound] for bound in sorted(buckets)]
        assert heights == sorted(heights)
        assert max(buckets) == float("inf")
        requests = total(series, "fitserve_requests_total", **of)
        assert heights[-1] == requests == total(series, "fitserve_request_duration_seconds_count", **of)
        assert total(series, "fitserve_request_duration_seconds_sum", **of) >= 0


def no_series_falls(before: Series, after: Series) -> None:
    assert before.keys() <= after.keys()
    assert not {key: (value, after[key]) for key, value in before.items() if after[key] < value}


def test_counters_tell_what_happened(client: httpx.Client) -> None:
    before = metrics(client.get("/metrics").text)
    assert client.post("/models/text/predict", json={"title": "great", "extra": 1}).status_code == 200
    assert client.post("/models/text/predict", json={"instances": [{"title": "film"}] * 5}).status_code == 200
    assert client.post("/models/text/predict", json={"instances": [{"title": "film"}] * 30}).status_code == 200
    assert client.post("/models/text/predict", json={"title": {}}).status_code == 422
    assert client.post("/models/text/predict", content=b"?").status_code == 400
    assert client.get("/models/text/predict").status_code == 405
    assert client.get("/").status_code == 307
    assert client.get("/nothing").status_code == 404
    after = metrics(client.get("/metrics").text)
    no_series_falls(before, after)
    check_histograms(after)

    def grown(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    requests = {
        code: grown("fitserve_requests_total", model="text", code=code) for code in ("200", "400", "405", "422")
    }
    assert requests == {"200": 3, "400": 1, "405": 1, "422": 1}
    assert grown("fitserve_rows_total", model="text") == 36
    # A field that is missing, one too many; one missing in each of many rows, however they are told.
    assert grown("fitserve_warnings_total", model="text") == 2 + 5 + 30
    others = [("metrics", "200"), ("page", "307"), ("none", "404")]
    assert [grown("fitserve_requests_total", route=route, code=code) for route, code in others] == [1, 1, 1]
    assert grown("fitserve_requests_total", route="predict", task="classification") == 6
    assert {key for key in after if key[0] == "fitserve_model_info"} == {
        ("fitserve_model_info", frozenset(note))
        for name, learner in (("houses", "lightgbm"), ("text", "logistic"), ("small", "logistic"))
        for sha256 in [client.get(f"/models/{name}").json()["sha256"]]
        for note in [[("model", name), ("version", "1"), ("learner", learner), ("sha256", sha256)]]
    }


def test_two_workers_count_together_and_outlive_kill_9(
    start: Start, fresh: httpx.Client, workers_of: WorkersOf
) -> None:
    with start("small", "--workers", "2", quiet=False) as (client, process):
        url = client.base_url

        def scraped() -> Series:
            return metrics(fresh.get(url.join("/metrics")).text)

        def answered() -> float:
            series = scraped()
            check_histograms(series)
            return total(series, "fitserve_requests_total", model="small", code="200")

        def ask(number: int) -> None:
            row = {"a": number / 10, "b": 0.5}
            assert fresh.post(url.join("/predict"), json=row).json()["warnings"] == []

        def ask_many() -> None:
            seen = scraped()
            with ThreadPoolExecutor(8) as pool:
                for _ in pool.map(ask, range(-10, 14)):
                    now = scraped()
                    no_series_falls(seen, now)
                    seen = now

        ask_many()
        eventually(lambda: answered() == 24)
        first = workers_of(process.pid)
        assert len(first) == 2
        victim = min(first)
        os.kill(victim, signal.SIGKILL)
        for number in range(5):  # the other one answers, and nothing is forgotten
            ask(number)
            assert answered() >= 24
        eventually(lambda: len(workers_of(process.pid) - first) == 1)
        eventually(lambda: answered() == 29)
        everyone = workers_of(process.pid)
        for pid in everyone:
            os.kill(pid, signal.SIGKILL)
        ask(0)  # waits until somebody is there again
        eventually(lambda: len(workers_of(process.pid) - everyone) == 2)
        ask_many()
        eventually(lambda: answered() == 54)


# Pages


def test_openapi_describes_the_models(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    check_openapi(document)
    schemas = document["components"]["schemas"]
    assert {f"/models/{name}/predict" for name in ("houses", "text", "small")} <= set(document["paths"])
    operation = document["paths"]["/models/houses/predict"]["post"]
    assert operation["parameters"][0]["name"] == "strict"
    assert {"200", "400", "413", "415", "422"} <= set(operation["responses"])
    [row] = [schema for name, schema in schemas.items() if name.startswith("houses.") and name.endswith(".row")]
    fields = row["properties"]
    assert list(fields) == ["rooms", "city", "built", "garden"]
    assert fields["rooms"]["type"] == ["number", "null"]
    assert fields["rooms"]["x-range-in-training"] == [1, 8]
    assert "1 to 8" in fields["rooms"]["description"]
    assert set(fields["city"]["x-levels-in-training"]) == {"Berlin", "Paris", "上海", "New York"}
    assert fields["built"]["format"] == "date-time"
    assert fields["garden"]["type"] == ["boolean", "null"]
    assert "`price`" in document["info"]["description"]
    [answer] = [schema for name, schema in schemas.items() if name.startswith("small.") and name.endswith(".answer")]
    assert answer["properties"]["prediction"] == {"enum": [10, 11, 12, 13]}


def test_the_example_rows_are_answered_without_warnings(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for path, item in document["paths"].items():
        if "post" not in item:
            continue
        examples = item["post"]["requestBody"]["content"]["application/json"]["examples"]
        [operation] = item.values()
        documented = operation["responses"]["200"]["content"]["application/json"]
        for name, example in examples.items():
            answer = client.post(path, json=example["value"])
            assert (answer.status_code, answer.json()["warnings"]) == (200, [])
            shown = documented["examples"][name]["value"]
            assert {**answer.json(), "id": ""} == {**shown, "id": ""}
            known = documented["schema"]["oneOf"]
            names = [reference["$ref"].rpartition("/")[2] for reference in known]
            shapes = [document["components"]["schemas"][name] for name in names]
            assert [
                set(shape["required"]) <= answer.json().keys() <= shape["properties"].keys() for shape in shapes
            ].count(True) == 1


def check_openapi(document: dict[str, Any]) -> None:
    """The shape of OpenAPI 3.1, as far as this service uses it."""
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= document["info"].keys()
    operations = []
    for path, item in document["paths"].items():
        assert path.startswith("/")
        assert item.keys() <= {"get", "post"}
        operations += item.values()
    ids = [operation["operationId"] for operation in operations if "operationId" in operation]
    assert len(set(ids)) == len(ids)
    for operation in operations:
        assert operation["responses"]
        for status, response in operation["responses"].items():
            assert re.fullmatch("[1-5][0-9]{2}", status)
            assert response["description"]
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "query"
            assert {"name", "schema"} <= parameter.keys()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in document["components"]["schemas"])
    for reference in references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found["type"]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_the_api_page_and_what_it_loads(client: httpx.Client) -> None:
    assert client.get("/").headers["location"] == "/docs"
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>houses · fitserve</title>" in page.text
    assets = [url for url in re.findall(r'(?:href|src|url)[=:] ?"([^"]+)"', page.text) if not url.startswith("data:")]
    assert sorted(assets) == ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json"]
    kinds = {url: client.get(url).headers["content-type"].split(";")[0] for url in assets}
    assert set(kinds.values()) == {"text/javascript", "text/css", "application/json"}
    assert all(client.get(url).status_code == 200 and len(client.get(url).content) > 1000 for url in assets)


def test_models_are_listed_and_described(client: httpx.Client) -> None:
    listing = client.get("/models").json()
    assert [(m["name"], m["version"], m["task"]) for m in listing["models"]] == [
        ("houses", 1, "regression"),
        ("text", 1, "classification"),
        ("small", 1, "classification"),
    ]
    assert listing["default"] == "houses"
    notes = client.get("/models/small").json()
    assert notes == client.get("/models/small/versions/1").json()
    assert notes["labels"] == [10, 11, 12, 13]
    assert notes["row"]["properties"].keys() == notes["example"].keys() == {"a", "b"}


# What is served


def test_two_versions_of_one_model(start: Start, workspace: Path) -> None:
    row = {"a": 1.0, "b": 1.0}
    with start("small:2", "small:champion") as (client, _):
        pinned = [f"/models/small/versions/{version}/predict" for version in (2, 1)]
        paths = ["/predict", "/models/small/predict", *pinned]
        documents = [client.post(path, json=row).json() for path in paths]
        assert [document["version"] for document in documents] == [2, 2, 2, 1]
        for document in documents:
            expected = fitserve.load("small", document["version"], workspace=workspace).predict(row)
            assert document["probabilities"] == expected["probabilities"]
        check_openapi(client.get("/openapi.json").json())
        assert client.get("/models/small").json()["version"] == 2
        assert client.get("/models/small/versions/1").json()["learner"] == "logistic"
        series = metrics(client.get("/metrics").text)
        check_histograms(series)
        assert [total(series, "fitserve_rows_total", version=version) for version in "12"] == [1, 3]
        notes = client.post("/models/small/versions/3/predict", json=row).json()["detail"]
        assert "only 1, 2" in notes


def test_a_folder_with_any_name(start: Start, workspace: Path, tmp_path: Path) -> None:
    name = 'a "b" \\ 模型&<c>'
    _, bundle = published(workspace).bundle("small")
    shutil.copytree(bundle, tmp_path / name)
    with start(str(tmp_path / name)) as (client, _):
        answer = client.post(f"/models/{quote(name)}/predict", json={"a": 1, "b": 1})
        assert answer.json()["model"] == name
        check_openapi(client.get("/openapi.json").json())
        series = metrics(client.get("/metrics").text)
        assert total(series, "fitserve_rows_total", model=name) == 1
        assert "<c>" not in client.get("/docs").text


def test_the_folder_in_which_somebody_stands_holds_no_modules(start: Start, tmp_path: Path) -> None:
    for module in ("uvicorn", "random", "fitserve", "numpy"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('not this one')")
    with start("small", cwd=tmp_path) as (client, _):
        assert client.get("/readyz").status_code == 200


# Processes


def test_the_supervisor_is_thin_and_a_worker_light(start: Start, workers_of: WorkersOf) -> None:
    with start("houses", "text") as (client, process):
        assert client.get("/livez").status_code == 200
        [worker] = workers_of(process.pid)
        files = re.search("Max open files +([0-9]+) +([0-9]+)", Path(f"/proc/{worker}/limits").read_text())
        assert files
        assert files[1] == files[2]
        supervisor_maps, worker_maps = (Path(f"/proc/{pid}/maps").read_text() for pid in (process.pid, worker))

        def mapped(maps: str, *packages: str) -> set[str]:
            return {name for name in packages if re.search(rf"/{name}(?:/|\.libs/|[.-][^/]*\.so)", maps)}

        # uvicorn is Python alone: the parser and the loop that come with it are what can be seen of it.
        assert mapped(supervisor_maps, "onnxruntime", "uvicorn", "httptools", "uvloop", "sqlalchemy", "numpy") == set()
        assert mapped(worker_maps, "onnxruntime", "httptools", "uvloop", "numpy") == {
            "onnxruntime",
            "httptools",
            "uvloop",
            "numpy",
        }
        assert (
            mapped(worker_maps, "sqlalchemy", "polars", "_polars_runtime_32", "sklearn", "scipy", "lightgbm", "onnx")
            == set()
        )
