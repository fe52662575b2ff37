"""How connections get in: beside many busy ones, and when no more files may be opened."""

from __future__ import annotations

import resource
import selectors
import socket
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import httpx
import pytest

Start = Callable[..., AbstractContextManager[tuple[httpx.Client, subprocess.Popen[str]]]]
WorkersOf = Callable[[int], set[int]]
PATIENCE = 60.0
LIVE = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
BUSY, NEW = 200, 200


@pytest.mark.slow
def test_new_connections_do_not_wait_behind_busy_ones(start: Start) -> None:
    """Each busy client asks again as soon as it is answered; each of the new ones asks once."""
    answered: Counter[str] = Counter()
    with start("small") as (client, _), ExitStack() as stack, selectors.DefaultSelector() as ready:

        def ask(number: int, kind: str) -> None:
            for _ in range(number):
                connection = stack.enter_context(connected(client))
                connection.sendall(LIVE)
                ready.register(connection, selectors.EVENT_READ, kind)

        def hear_until(number: int, kind: str) -> None:
            while answered[kind] < number:
                found = ready.select(PATIENCE)
                assert found
                for key, _ in found:
                    assert isinstance(key.fileobj, socket.socket)
                    assert key.fileobj.recv(65_536).startswith(b"HTTP/1.1 200")
                    answered[key.data] += 1
                    if key.data == "busy":
                        key.fileobj.sendall(LIVE)

        ask(BUSY, "busy")
        hear_until(5 * BUSY, "busy")
        before = answered["busy"]
        ask(NEW, "new")
        hear_until(NEW, "new")
        # The new ones get in within some turns of the event loop, in each of which the busy ones are answered once.
        assert answered["busy"] - before < 25 * BUSY


def connected(client: httpx.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=PATIENCE)


@pytest.mark.slow
def test_without_files_open_connections_are_served_on(start: Start, workers_of: WorkersOf) -> None:
    log: list[str] = []
    with start("small", log=log) as (client, process), ExitStack() as stack:
        [worker] = workers_of(process.pid)
        first = stack.enter_context(connected(client))
        first.sendall(LIVE)
        assert first.recv(65_536).startswith(b"HTTP/1.1 200")
        room = len(list(Path(f"/proc/{worker}/fd").iterdir())) + 10
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (room, room))
        others = [stack.enter_context(connected(client)) for _ in range(30)]
        for connection in others:
            connection.sendall(LIVE)
        for _ in range(3):
            first.sendall(LIVE)
            assert first.recv(65_536).startswith(b"HTTP/1.1 200")
        for connection in others:  # each makes room for another one
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
            connection.close()
    assert log
    assert all("no more connections can be accepted (Too many open files)" in line for line in log)
