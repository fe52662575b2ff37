"""Requests that are lost when a busy server is stopped: ``python -m benchmarks.drain [TRIALS]``.

In each trial a server answers 24 clients that ask without a pause until it is gone, and is sent SIGTERM in the
middle of it. Every client opens a connection for each request, or keeps one for as long as it is told it may. A
connection that is refused is the end of a client; one that breaks before the answer has come is a loss.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

import fitserve
from benchmarks.report import Bar, show

TRIALS, CLIENTS = 50, 24
# Every client has had so many answers before the server is told to stop.
WARM = 20
PATIENCE = 60.0
BODY = b'{"x": 6}'
HEAD = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % len(BODY)
REQUESTS = {"new": HEAD + b"connection: close\r\n\r\n" + BODY, "kept": HEAD + b"\r\n" + BODY}
KINDS = {"new": "a new connection for each request", "kept": "connections that are kept"}


@dataclass
class Client:
    """One client: what it has had so far."""

    port: int
    kind: str
    answers: int = 0
    lost: int = 0

    def run(self) -> None:
        """Ask until the server is gone or does not keep a promise."""
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            except OSError:
                return
            with connection:
                try:
                    while self._ask(connection) and self.kind == "kept":
                        pass
                except (OSError, EOFError):
                    self.lost += 1
                    return

    def _ask(self, connection: socket.socket) -> bool:
        """Whether the connection may be used again; raises OSError or EOFError if no whole answer comes."""
        connection.sendall(REQUESTS[self.kind])
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += self._more(connection)
        head, _, body = heard.lower().partition(b"\r\n\r\n")
        size = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < size:
            body += self._more(connection)
        assert head.startswith(b"http/1.1 200"), head
        self.answers += 1
        return b"connection: close" not in head

    def _more(self, connection: socket.socket) -> bytes:
        piece = connection.recv(65_536)
        if not piece:
            raise EOFError
        return piece


def main() -> None:
    """Print the losses for both kinds of client, with one worker and with two."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    bars = []
    with tempfile.TemporaryDirectory() as folder:
        _train(Path(folder))
        for kind, note in KINDS.items():
            for workers in (1, 2):
                lost = [_trial(Path(folder), kind, workers) for _ in range(trials)]
                name = f"{note}, workers: {workers}; lost of {trials} stops with {CLIENTS} clients"
                bars.append(Bar(name, sum(lost), 1, "at most"))
    show(*bars)


def _train(folder: Path) -> None:
    frame = pl.DataFrame({"x": list(range(100)), "y": [2.0 * x for x in range(100)]})
    fitserve.train(frame, "y", name="double", learners=["linear"], budget=10, workspace=folder)


def _trial(folder: Path, kind: str, workers: int) -> int:
    """How many clients lose an answer when the server is stopped once."""
    with _server(folder, workers) as (process, port):
        clients = [Client(port, kind) for _ in range(CLIENTS)]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()
        end = time.monotonic() + PATIENCE
        while min(client.answers for client in clients) < WARM and time.monotonic() < end:
            time.sleep(0.01)
        process.terminate()
        for thread in threads:
            thread.join(PATIENCE)
        if process.wait(PATIENCE):
            sys.exit(f"the server ended with code {process.returncode}")
    return sum(client.lost for client in clients)


@contextmanager
def _server(folder: Path, workers: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-P", "-m", "fitserve", "serve", "double", "--port", "0", "--json"]
    command += ["--workspace", str(folder), "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    try:
        with closing(process.stdout) as said:
            lines = []
            for line in said:
                lines.append(line)
                if line.rstrip() == "}":
                    break
            yield process, int(json.loads("".join(lines))["url"].rpartition(":")[2])
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
