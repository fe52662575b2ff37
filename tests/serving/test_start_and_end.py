"""How a service starts, refuses to start, and ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fitserve.store import published

Started = tuple[httpx.Client, subprocess.Popen[str]]
Start = Callable[..., AbstractContextManager[Started]]
Launch = Callable[..., subprocess.Popen[str]]
WorkersOf = Callable[[int], set[int]]

USUAL: dict[str, Any] = {"rooms": 5, "city": "Berlin", "built": "1984-02-27T18:00:00Z", "garden": True}
PATIENCE = 60.0


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it does not become so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def refused(process: subprocess.Popen[str]) -> str:
    """The one line with which a service refuses to start."""
    try:
        said, complaint = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 2, complaint
    assert said == ""
    assert re.fullmatch(r"fitserve: [^\n]+\n", complaint), complaint
    return complaint


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (["smal"], "did you mean 'small'?"),
        (["zzz"], "houses, small, text"),
        (["small:7"], "no version '7'"),
        (["small:best"], "no version 'best'"),
        (["small", "small:1"], "named twice"),
        (["small", "--host", "0.0.0.0"], "fitserve keys create LABEL"),
        (["small", "--host", "::"], "needs an API key"),
        (["small", "--require-key"], "leave --require-key out"),
        (["small", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
        (["small", "--host", "no.such.host.invalid"], "cannot listen on no.such.host.invalid"),
        (["small", "--host", "127.0.0.1.invalid"], "cannot listen"),
        (["small", "--host", "x" * 100], "cannot listen"),
        (["small", "--host", ""], "cannot listen"),
        (["small", "--workers", "0"], "give 1 or more"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_line(launch: Launch, arguments: list[str], note: str) -> None:
    assert note in refused(launch(*arguments))


def test_a_wrong_setting_is_refused_in_one_line(launch: Launch) -> None:
    assert "FITSERVE_BODY_LIMIT='much'" in refused(launch("small", environment={"FITSERVE_BODY_LIMIT": "much"}))
    assert "99999 is no port" in refused(launch("small", port=99_999))


def test_a_port_that_is_taken(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        notes = refused(launch("small", "--workers", "2", port=taken.getsockname()[1]))
    assert "Address already in use" in notes
    assert "choose another --port" in notes


def test_of_two_services_that_want_one_port_one_starts(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    both = [launch("small", port=port) for _ in range(2)]
    eventually(lambda: any(process.poll() is not None for process in both))
    [loser] = [process for process in both if process.poll() is not None]
    assert "Address already in use" in refused(loser)
    [winner] = set(both) - {loser}
    eventually(lambda: answers(port))
    winner.terminate()
    assert winner.communicate(timeout=PATIENCE)[1] == ""
    assert winner.returncode == 0


def answers(port: int | None) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
    except httpx.ConnectError:
        return False


def flip(bundle: Path) -> None:
    content = bytearray((bundle / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(content)


def forge(bundle: Path) -> None:
    manifest = (bundle / "manifest.json").read_text(encoding="utf-8")
    (bundle / "manifest.json").write_text(manifest.replace('"logistic"', '"forged"'), encoding="utf-8")


def add(bundle: Path) -> None:
    (bundle / "more.py").write_text("print('hello')")


def remove(bundle: Path) -> None:
    (bundle / "examples.json").unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tamper", "note"),
    [
        (flip, "model.onnx was changed"),
        (forge, "not the one that was registered"),
        (add, "more.py"),
        (remove, "examples.json"),
        (shutil.rmtree, "is gone"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bundle_that_was_tampered_with(
    launch: Launch, workspace: Path, tmp_path: Path, tamper: Callable[[Path], None], note: str, workers: str
) -> None:
    folder = tmp_path / "workspace"
    shutil.copytree(workspace, folder)
    tamper(published(folder).bundle("small")[1])
    assert note in refused(launch("houses", "small", "--workers", workers, folder=folder))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_and_requests_in_flight_are_answered(
    start: Start, fresh: httpx.Client, workers_of: WorkersOf, number: signal.Signals
) -> None:
    body = json.dumps(USUAL).encode()
    head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(
        body
    )
    with start("houses", "--workers", "2") as (client, process):
        workers = workers_of(process.pid)
        address = (client.base_url.host, client.base_url.port)
        idle, half, flying, silent = (socket.create_connection(address, timeout=PATIENCE) for _ in range(4))
        with idle, half, flying, silent:
            idle.sendall(head + body)
            assert idle.recv(65_536).startswith(b"HTTP/1.1 200 OK")
            half.sendall(head[:20])
            flying.sendall(head + body[:10])
            for _ in range(20):  # by now both workers have seen what was sent to them
                assert fresh.get(client.base_url.join("/livez")).status_code == 200
            os.killpg(process.pid, number)  # as a terminal and a service manager do
            eventually(lambda: not answers(client.base_url.port))
            flying.sendall(body[10:])
            heard = b"".join(iter(lambda: flying.recv(65_536), b""))
            assert heard.startswith(b"HTTP/1.1 200 OK")
            assert b"connection: close" in heard
            assert b'"warnings":[]' in heard
            assert idle.recv(1) == half.recv(1) == silent.recv(1) == b""
        assert process.wait(PATIENCE) == 0
        assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_a_client_that_never_ends_its_request_does_not_keep_the_service(start: Start, fresh: httpx.Client) -> None:
    with (
        start("small", environment={"FITSERVE_STOP_SECONDS": "0.2"}) as (client, process),
        socket.create_connection((client.base_url.host, client.base_url.port)) as connection,
    ):
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
        assert fresh.get(client.base_url.join("/livez")).status_code == 200
        process.terminate()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_service_is_ready(launch: Launch, workers_of: WorkersOf, number: signal.Signals) -> None:
    process = launch("small", "--workers", "2")
    eventually(lambda: bool(workers_of(process.pid)))
    os.killpg(process.pid, number)
    _, complaint = process.communicate(timeout=PATIENCE)
    assert (process.returncode, complaint) == (0, "")


def test_workers_follow_a_supervisor_that_was_killed(start: Start, workers_of: WorkersOf) -> None:
    with start("small", "--workers", "2") as (client, process):
        assert client.get("/livez").status_code == 200
        workers = workers_of(process.pid)
        assert len(workers) == 2
        process.kill()
        process.wait(PATIENCE)
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
