"""A worker alone, with a test for its supervisor: so its patience with clients can be short."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fitserve.serving.orders import Orders, ServedVersion
from fitserve.serving.telemetry import Telemetry
from fitserve.store import published

PATIENCE = 60.0
COMMAND = [sys.executable, "-P", "-m", "fitserve.serving.worker"]
WHOLE = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"

Worker = tuple[subprocess.Popen[str], tuple[str, int]]


@pytest.fixture
def worker(workspace: Path) -> Iterator[Worker]:
    """A worker that bears one second of silence, and where it listens."""
    _, bundle = published(workspace).bundle("small")
    ours, theirs = socket.socketpair()
    counters = os.memfd_create("counters")
    os.ftruncate(counters, -(-Telemetry.size(1, 2) // 4096) * 4096)
    with socket.socket() as listener, ours:
        listener.bind(("127.0.0.1", 0))
        descriptors = (listener.fileno(), theirs.fileno(), counters)
        limits = {"keys": None, "body_limit": 1 << 20, "rows_limit": 100_000, "stop_seconds": 0.2, "silent_seconds": 1}
        served = [ServedVersion("small", 1, str(bundle))]
        orders = Orders.from_json(Orders(served, *descriptors, 0, 1, None, 0, 0, 0.0, 0).as_json() | limits)
        pipe = subprocess.PIPE
        process = subprocess.Popen(COMMAND, stdin=pipe, stderr=pipe, pass_fds=descriptors, text=True)
        theirs.close()
        os.close(counters)
        assert process.stdin is not None
        with process.stdin as stdin:
            stdin.write(json.dumps(orders.as_json()) + "\n")
        assert json.loads(ours.recv(1000)) == {"event": "ready", "pid": process.pid}
        yield process, listener.getsockname()
    assert process.stderr is not None
    with process.stderr as stderr:
        assert stderr.read() == ""
    assert process.wait(PATIENCE) == 0


def heard_on(connection: socket.socket) -> bytes:
    """All that is said on a connection until it is closed."""
    heard = b""
    while piece := connection.recv(1 << 20):
        heard += piece
    return heard


def sockets_of(pid: int) -> int:
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += str(link.readlink()).startswith("socket:")
    return count


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it does not become so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_connection_on_which_nothing_is_heard_is_closed(worker: Worker) -> None:
    _, address = worker
    said = (b"", WHOLE[:20], WHOLE, WHOLE + WHOLE[:20], POST % 10 + b"{")
    connections = [socket.create_connection(address, timeout=PATIENCE) for _ in said]
    for connection, words in zip(connections, said, strict=True):
        connection.sendall(words)
    for connection, words in zip(connections, said, strict=True):
        with connection:
            assert heard_on(connection).count(b"HTTP/1.1 200 OK") == words.count(WHOLE)


@pytest.mark.parametrize("more", [b"", b"connection: close\r\n"])
def test_a_client_that_does_not_read_its_answer_loses_it(worker: Worker, more: bytes) -> None:
    process, address = worker
    body = b'{"instances": [' + b",".join([b'{"a": 1}'] * 40_000) + b"]}"
    request = (POST % len(body)).replace(b"\r\n\r\n", b"\r\n" + more + b"\r\n") + body
    before = sockets_of(process.pid)
    with socket.socket() as deaf, socket.create_connection(address, timeout=PATIENCE) as quick:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        deaf.settimeout(PATIENCE)
        deaf.connect(address)
        deaf.sendall(request * 3)
        quick.sendall(request)
        head, _, answer = heard_on(quick).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert len(json.loads(answer)["predictions"]) == 40_000
        eventually(lambda: sockets_of(process.pid) == before)


def test_a_client_that_asks_on_and_never_reads_loses_its_connection(worker: Worker) -> None:
    process, address = worker
    before = sockets_of(process.pid)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        deaf.connect(address)
        deaf.settimeout(PATIENCE)
        with suppress(ConnectionError):
            while True:  # until the worker has had enough
                deaf.sendall(WHOLE * 10_000)
        eventually(lambda: sockets_of(process.pid) == before)


def test_a_worker_without_orders_ends_in_peace() -> None:
    done = subprocess.run(COMMAND, input="", capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == done.stderr == ""
