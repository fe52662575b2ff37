"""Clients that ask without a pause while the service is told to stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

Start = Callable[..., AbstractContextManager[tuple[httpx.Client, subprocess.Popen[str]]]]
PATIENCE = 60.0
CLIENTS = 24
BODY = b'{"a": 1.0, "b": 0.5}'
HEAD = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n" % len(BODY)
KEPT = HEAD + b"\r\n" + BODY
ALONE = HEAD + b"connection: close\r\n\r\n" + BODY


@dataclass
class Client:
    """Asks until nobody listens any more; ``lost`` tells what it was not answered after."""

    address: tuple[str, int]
    request: bytes
    answers: int = 0
    lost: str = ""

    def run(self) -> None:
        while not self.lost:
            try:
                connection = socket.create_connection(self.address, timeout=PATIENCE)
            except ConnectionRefusedError:
                return
            with connection:
                here = self.answers
                try:
                    while self.is_promised_another(connection):
                        pass
                except OSError as error:
                    self.lost = f"{error!r} after {self.answers - here} answers on this connection"

    def is_promised_another(self, connection: socket.socket) -> bool:
        """Ask once; whether the connection may be used again."""
        connection.sendall(self.request)
        heard = b""
        while not heard.endswith(b"}"):
            piece = connection.recv(65_536)
            if not piece:
                raise ConnectionResetError("end of file")
            heard += piece
        assert heard.startswith(b"HTTP/1.1 200")
        self.answers += 1
        return b"connection: close" not in heard


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("request_", [ALONE, KEPT], ids=["alone", "kept"])
def test_no_answer_is_lost_when_the_service_stops(start: Start, request_: bytes, workers: str) -> None:
    with start("small", "--workers", workers) as (service, process):
        address = (service.base_url.host, service.base_url.port or 80)
        clients = [Client(address, request_) for _ in range(CLIENTS)]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()
        eventually(lambda: all(client.answers >= 10 or client.lost for client in clients))
        process.terminate()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
    assert [client.lost for client in clients if client.lost] == []


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it does not become so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def sockets(pid: int) -> set[str]:
    links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_whoever_is_connected_when_the_service_stops_is_answered(
    start: Start, workers_of: Callable[[int], set[int]], workers: str
) -> None:
    """New connections that no worker has seen yet, and old ones between two requests."""
    with start("small", "--workers", workers) as (service, process):
        client = Client((service.base_url.host, service.base_url.port or 80), KEPT)
        old = [socket.create_connection(client.address, timeout=PATIENCE) for _ in range(CLIENTS)]
        assert all(client.is_promised_another(connection) for connection in old)
        busy = workers_of(process.pid)
        for worker in busy:
            os.kill(worker, signal.SIGSTOP)
        new = [socket.create_connection(client.address, timeout=PATIENCE) for _ in range(CLIENTS)]
        process.terminate()
        for connection in (*new, *old):
            connection.sendall(KEPT)
        # The supervisor lets go of the listening socket when it has told every worker to stop.
        eventually(lambda: not any(sockets(process.pid) & sockets(worker) for worker in busy))
        for worker in busy:
            os.kill(worker, signal.SIGCONT)
        for connection in (*new, *old):
            with connection:
                heard = b"".join(iter(lambda it=connection: it.recv(65_536), b""))  # type: ignore[misc]
            answers = heard.count(b"HTTP/1.1 200 OK")
            assert (answers, heard.count(b"connection: close")) == (1, 1)
