"""The manager: paths below /api/ are handed over to it, and predictions do not need it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

import fitserve

Started = tuple[httpx.Client, subprocess.Popen[str]]
Start = Callable[..., AbstractContextManager[Started]]
ProcessesOf = Callable[[int], set[int]]
PATIENCE = 60.0
ROW = {"a": 1.0, "b": 0.5}


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it does not become so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_there(client: httpx.Client) -> bool:
    return client.get("/api/").status_code == 200


def private_folder(manager: int) -> Path:
    """Where a manager listens, as the kernel knows it."""
    own = {str(link.readlink()) for link in Path(f"/proc/{manager}/fd").iterdir()}
    lines = [line.split() for line in Path(f"/proc/{manager}/net/unix").read_text().splitlines()]
    [path] = {Path(line[7]) for line in lines if len(line) == 8 and f"socket:[{line[6]}]" in own}
    return path.parent


@pytest.fixture
def managed(service: Started) -> httpx.Client:
    """A client of the service that most tests talk to, whose manager is there."""
    eventually(lambda: is_there(service[0]))
    return service[0]


def test_what_there_is(managed: httpx.Client) -> None:
    listed = managed.get("/api/")
    assert (listed.status_code, listed.headers["content-type"]) == (200, "application/json")
    assert listed.json() == {"paths": []}
    assert len(listed.headers.get_list("date")) == len(listed.headers.get_list("content-length")) == 1
    head = managed.head("/api/")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "12", b"")


@pytest.mark.parametrize("path", ["/api/x", "/api/models/small", "/api//", "/api/%E4%B8%8A/%2e%2e/?a=b&c", "/api/%00"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_paths_get_a_problem_document(managed: httpx.Client, path: str, method: str) -> None:
    answer = managed.request(method, path, content=b"x" if method != "GET" else None)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["detail"]) == (404, "no such path")


def test_other_methods_are_named(managed: httpx.Client) -> None:
    answer = managed.delete("/api/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_what_only_looks_like_it_is_not_handed_over(managed: httpx.Client) -> None:
    for path in ("/api", "/apix", "/Api/"):
        assert "no such path" not in managed.get(path).json()["detail"]


@pytest.mark.parametrize("framed", [True, False])
def test_a_large_body_is_no_harm(managed: httpx.Client, framed: bool) -> None:
    body = b"x" * (40 << 20)
    pieces = (body[i : i + 65_536] for i in range(0, len(body), 65_536))
    answer = managed.post("/api/upload", content=body if framed else pieces)
    assert answer.status_code == 404
    assert is_there(managed)


def test_many_requests_on_one_connection(managed: httpx.Client, talk: Callable[..., bytes]) -> None:
    heard = talk(managed, b"GET /api/ HTTP/1.1\r\nhost: x\r\n\r\n" * 50)
    assert heard.count(b"HTTP/1.1 200 OK") == heard.count(b'{"paths":[]}') == 50


def test_headers_of_the_connection_stay_with_it(managed: httpx.Client, talk: Callable[..., bytes]) -> None:
    head = b"POST /api/x HTTP/1.1\r\nhost: x\r\nconnection: close, x-own\r\nx-own: 1\r\nexpect: 100-continue\r\n"
    for framing in (b"content-length: 3\r\n\r\nabc", b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"):
        heard = talk(managed, head + framing)
        assert b"HTTP/1.1 404 Not Found" in heard
        assert heard.endswith(b'"detail":"no such path"}')


def test_the_same_keys_as_for_predictions(start: Start, workspace: Path, tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    shutil.copytree(workspace, folder)
    _, key = fitserve.Workspace.open(folder).add_key("one")
    with start("small", "--require-key", folder=folder) as (client, _):
        assert client.get("/api/").status_code == client.get("/api/x").status_code == 401
        client.headers["x-api-key"] = key
        eventually(lambda: is_there(client))
        assert client.get("/api/x").status_code == 404


def test_a_server_without_it(start: Start, managers_of: ProcessesOf) -> None:
    with start("small", environment={"FITSERVE_MANAGER": "0"}) as (client, process):
        assert client.get("/api/").status_code == 404
        assert "there is nothing at this path" in client.get("/api/").json()["detail"]
        assert client.post("/predict", json=ROW).status_code == 200
        assert managers_of(process.pid) == set()


def test_one_that_is_killed_is_replaced_and_predictions_do_not_mind(start: Start, managers_of: ProcessesOf) -> None:
    log: list[str] = []
    with start("small", log=log) as (client, process):
        eventually(lambda: is_there(client))
        [manager] = managers_of(process.pid)
        folder = private_folder(manager)
        assert folder.stat().st_mode & 0o777 == 0o700
        os.kill(manager, signal.SIGKILL)
        eventually(lambda: managers_of(process.pid) != {manager})
        missing = client.get("/api/")
        if missing.status_code != 200:  # unless the next one is there already
            assert (missing.status_code, missing.headers["retry-after"]) == (503, "1")
            assert "predictions do" in missing.json()["detail"]
        assert client.post("/predict", json=ROW).status_code == 200
        eventually(lambda: is_there(client))
        assert managers_of(process.pid).isdisjoint({manager})
        assert 'fitserve_manager_restarts_total{reason="ended"} 1' in client.get("/metrics").text
        assert 'fitserve_worker_restarts_total{reason="ended"} 0' in client.get("/metrics").text
    assert [line.partition("ERROR ")[2].partition(";")[0] for line in log] == [f"manager {manager} ended with code -9"]
    assert not folder.exists()


def test_while_it_is_stopped_predictions_go_on(start: Start, managers_of: ProcessesOf, fresh: httpx.Client) -> None:
    with start("small", quiet=False) as (client, process):
        eventually(lambda: is_there(client))
        [manager] = managers_of(process.pid)
        os.kill(manager, signal.SIGSTOP)
        with pytest.raises(httpx.ReadTimeout):
            fresh.get(client.base_url.join("/api/"), timeout=0.5)
        for _ in range(100):
            assert client.post("/predict", json=ROW).status_code == 200
        os.kill(manager, signal.SIGCONT)
        eventually(lambda: is_there(client))


def test_it_follows_a_supervisor_that_was_killed(start: Start, managers_of: ProcessesOf) -> None:
    with start("small") as (client, process):
        eventually(lambda: is_there(client))
        [manager] = managers_of(process.pid)
        folder = private_folder(manager)
        process.kill()
        process.wait(PATIENCE)
        eventually(lambda: not Path(f"/proc/{manager}").exists())
        assert not folder.exists()
