"""A worker alone, with a test for its supervisor: so its patience with clients can be short."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from fitserve.serving import shared_document
from fitserve.serving.messages import Drain, Heartbeat, Keys, Load, Message, MessageReader, Route, State, Unload, encode
from fitserve.serving.options import WorkerOptions
from fitserve.store import published

PATIENCE = 60.0
COMMAND = [sys.executable, "-P", "-m", "fitserve.serving.worker"]
WHOLE = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"


@dataclass
class Worker:
    """A worker, where it listens, and the test's end of its control socket; ``bundles`` by version of small."""

    process: subprocess.Popen[str]
    address: tuple[str, int]
    control: socket.socket
    bundles: dict[int, Path]
    log: list[str] = field(default_factory=list)

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.address[1]}", timeout=PATIENCE)

    def tell(self, message: Message) -> State:
        """Say something; how the worker is afterwards."""
        self.control.sendall(encode(message))
        return next(each for each in said(self.control) if isinstance(each, State))


@pytest.fixture
def worker(workspace: Path) -> Iterator[Worker]:
    """A worker that serves the first version of small, and bears one second of silence."""
    bundles = {version: published(workspace).bundle("small", str(version))[1] for version in (1, 2)}
    ours, theirs = socket.socketpair()
    counters, replaced = shared_document.create("counters"), shared_document.create("replaced")
    with socket.socket() as listener, ours:
        listener.bind(("127.0.0.1", 0))
        descriptors = (listener.fileno(), theirs.fileno(), counters, replaced)
        orders = WorkerOptions(
            models=[Load("small", 1, str(bundles[1]))],
            listener_fd=listener.fileno(),
            control_fd=theirs.fileno(),
            counters_fds=[counters],
            replaced_fd=replaced,
            slot=0,
            keys=None,
            body_limit=1 << 20,
            rows_limit=100_000,
            stop_seconds=0.2,
            silent_seconds=1,
        )
        pipe = subprocess.PIPE
        process = subprocess.Popen(COMMAND, stdin=pipe, stderr=pipe, pass_fds=descriptors, text=True)
        for descriptor in (counters, replaced):
            os.close(descriptor)
        theirs.close()
        assert process.stdin is not None
        with process.stdin as stdin:
            stdin.write(json.dumps(orders.as_json()) + "\n")
        assert next(said(ours)) == State(process.pid, ready=True, served=("small:1",))
        worker = Worker(process, listener.getsockname(), ours, bundles)
        yield worker
    assert process.stderr is not None
    with process.stderr as stderr:
        logged = [line.partition(" ERROR ")[2] or line.partition(" WARNING ")[2] for line in stderr]
    assert [line.strip() for line in logged] == worker.log
    assert process.wait(PATIENCE) == 0


def said(control: socket.socket) -> Iterator[Message]:
    """What a worker says on its control socket."""
    reader = MessageReader()
    while data := control.recv(65_536):
        yield from reader.feed(data)


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
    address = worker.address
    words_of_each = (b"", WHOLE[:20], WHOLE, WHOLE + WHOLE[:20], POST % 10 + b"{")
    connections = [socket.create_connection(address, timeout=PATIENCE) for _ in words_of_each]
    for connection, words in zip(connections, words_of_each, strict=True):
        connection.sendall(words)
    for connection, words in zip(connections, words_of_each, strict=True):
        with connection:
            assert heard_on(connection).count(b"HTTP/1.1 200 OK") == words.count(WHOLE)


@pytest.mark.parametrize("more", [b"", b"connection: close\r\n"])
def test_a_client_that_does_not_read_its_answer_loses_it(worker: Worker, more: bytes) -> None:
    process, address = worker.process, worker.address
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
    process, address = worker.process, worker.address
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


# What a worker is told


def versions(client: httpx.Client, *paths: str) -> list[int]:
    """Which version answers at each path; 0 where nothing is."""
    answers = [client.post(path, json={"a": 1.0, "b": 0.5}) for path in paths]
    return [answer.json()["version"] if answer.status_code == 200 else 0 for answer in answers]


def test_versions_are_loaded_routed_and_unloaded(worker: Worker) -> None:
    pid = worker.process.pid
    paths = (
        "/predict",
        "/models/small/predict",
        *(f"/models/small/versions/{i}/predict" for i in (1, 2)),
        "/models/best/predict",
    )
    with worker.client as client:
        assert versions(client, *paths) == [1, 1, 1, 0, 0]
        loaded = worker.tell(Load("small", 2, str(worker.bundles[2])))
        assert loaded == State(pid, ready=True, served=("small:1", "small:2"))
        assert versions(client, *paths) == [1, 1, 1, 2, 0]
        for name in ("best", "small", ""):
            assert worker.tell(Route(name, "small", 2)).error == ""
        assert versions(client, *paths) == [2, 2, 1, 2, 2]
        assert client.get("/models/small").json()["version"] == client.get("/models/best").json()["version"] == 2
        documented = client.get("/openapi.json").json()["paths"]
        assert {"/models/best/predict", "/models/small/versions/2/predict"} <= documented.keys()
        assert worker.tell(Unload("small", 1)) == State(pid, ready=True, served=("small:2",))
        assert versions(client, *paths) == [2, 2, 0, 2, 2]
        assert client.get("/openapi.json").json()["paths"].keys() == documented.keys() - {
            "/models/small/versions/1/predict"
        }
        samples = client.get("/metrics").text
        assert 'task="classification",model="small",version="1"' in samples  # counts never go back
        assert samples.count("fitserve_model_info{") == 1


def test_what_cannot_be_done_is_told_and_changes_nothing(worker: Worker, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(worker.bundles[2], damaged)
    (damaged / "model.onnx").write_bytes(b"nothing")
    impossible: list[tuple[Message, str]] = [
        (Load("other", 1, str(tmp_path / "nothing")), "nothing"),
        (Load("other", 1, str(damaged)), "model.onnx was changed"),
        (Unload("small", 2), "small version 2 is not served here"),
        (Unload("small", 1), "small version 1 answers /predict; route that elsewhere first"),
        (Route("best", "other", 1), "other version 1 is not served here"),
    ]
    for message, note in impossible:
        state = worker.tell(message)
        assert note in state.error
        assert (state.ready, state.served) == (True, ("small:1",))
        worker.log.append(state.error)
    with worker.client as client:
        assert versions(client, "/predict", "/models/best/predict") == [1, 0]


def test_keys_are_changed_while_it_runs(worker: Worker) -> None:
    def codes(*keys: str) -> list[int]:
        return [client.post("/predict", json={"a": 1, "b": 1}, headers={"x-api-key": key}).status_code for key in keys]

    def digests(*keys: str) -> tuple[str, ...]:
        return tuple(hashlib.sha256(key.encode()).hexdigest() for key in keys)

    with worker.client as client:
        assert codes("one", "two") == [200, 200]
        assert "security" not in client.get("/openapi.json").json()
        worker.tell(Keys(digests("one", "two")))
        assert codes("one", "two", "three") == [200, 200, 401]
        assert "security" in client.get("/openapi.json", headers={"x-api-key": "one"}).json()
        worker.tell(Keys(digests("two")))
        assert codes("one", "two") == [401, 200]
        worker.tell(Keys(()))
        assert codes("one", "two") == [401, 401]
        assert client.get("/livez").status_code == 200
        worker.tell(Keys(None))
        assert codes("one", "two") == [200, 200]


def test_it_gives_signs_of_life_and_ends_when_told(worker: Worker) -> None:
    heard = said(worker.control)
    assert [next(heard) for _ in range(3)] == [Heartbeat(worker.process.pid)] * 3
    worker.control.sendall(encode(Drain(5.0)))
    assert worker.process.wait(PATIENCE) == 0


def test_signs_of_life_are_left_out_while_nobody_reads_them(worker: Worker) -> None:
    worker.control.sendall(encode(Route("best", "small", 1)) * 1000)  # each is answered by a state; not all fit
    with worker.client as client:
        assert versions(client, "/predict") == [1]
    states = (each for each in said(worker.control) if isinstance(each, State))
    assert {next(states) for _ in range(1000)} == {State(worker.process.pid, ready=True, served=("small:1",))}
    assert worker.tell(Unload("small", 2)).error != ""
    worker.log.append("small version 2 is not served here")


def test_what_it_does_not_know_is_ignored(worker: Worker) -> None:
    worker.control.sendall(b'{"message": "dance"}\n' + encode(Heartbeat(1)))
    assert worker.tell(Keys(None)).error == ""
    worker.log.append("a message of the unknown kind 'dance' is ignored")


def test_a_supervisor_that_talks_nonsense_is_as_good_as_gone(worker: Worker) -> None:
    worker.control.sendall(b"\x00\xff\n")
    assert worker.process.wait(PATIENCE) == 0
    worker.log.append("the supervisor cannot be understood (no JSON: b'\\x00\\xff'); this process ends")
