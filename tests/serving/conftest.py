"""Models trained once for all tests of a run, real servers for them, and a bare socket."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

import fitserve

ROWS = 400
START_SECONDS = 60.0

# A started service: a client of it, and its supervisor.
Started = tuple[httpx.Client, subprocess.Popen[str]]
Start = Callable[..., AbstractContextManager[Started]]


def houses(chance: np.random.Generator) -> pl.DataFrame:
    rooms = chance.integers(1, 9, ROWS)
    city = chance.choice(["Berlin", "Paris", "上海", "New York"], ROWS, p=[0.4, 0.3, 0.2, 0.1])
    hours = chance.integers(0, 24 * 25_000, ROWS)
    built = [dt.datetime(1950, 1, 1) + dt.timedelta(hours=int(hour)) for hour in hours]
    garden = chance.random(ROWS) < 0.4
    price = rooms * 50_000.0 + (city == "Paris") * 80_000 + garden * 30_000 + chance.normal(0, 5_000, ROWS)
    return pl.DataFrame({"rooms": rooms, "city": city, "built": built, "garden": garden, "price": price})


def texts(chance: np.random.Generator) -> pl.DataFrame:
    words = {"good": ["great", "lovely", "excellent"], "bad": ["awful", "boring", "weak"]}
    signs = {"good": "好喜欢棒赞", "bad": "坏讨厌差烂"}
    labels = chance.choice(["good", "bad"], ROWS).tolist()
    english = [" ".join(chance.choice([*words[label], "film", "the", "and", "of"], 7)) for label in labels]
    chinese = ["".join(chance.choice([*signs[label], *"的很电影是"], 7)) for label in labels]
    return pl.DataFrame({"title": english, "评论": chinese, "label": labels})


def small(chance: np.random.Generator) -> pl.DataFrame:
    a, b = chance.normal(0, 1, ROWS), chance.normal(0, 1, ROWS)
    level = 10 + (a > 0).astype(np.int64) + 2 * (b > 0).astype(np.int64)
    return pl.DataFrame({"a": a, "b": b, "level": level})


def train_all(workspace: Path) -> None:
    chance = np.random.default_rng(20_240_229)

    def train(frame: pl.DataFrame, name: str, learner: str) -> None:
        target = frame.columns[-1]
        task = "regression" if name == "houses" else "classification"
        fitserve.train(frame, target, name=name, learners=[learner], task=task, budget=20, workspace=workspace)

    train(houses(chance), "houses", "lightgbm")
    train(texts(chance), "text", "logistic")
    train(small(chance), "small", "logistic")
    train(small(chance), "small", "baseline")


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A workspace with the models houses, text and small (of two versions); not to be changed."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder = shared / "serving-workspace"
    with (shared / "serving-workspace.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shared / "serving-workspace.done"
        if not done.exists():
            train_all(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def launch(workspace: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts ``fitserve serve`` in a process group of its own, and does not wait for anything."""

    def launched(
        *arguments: str,
        port: int = 0,
        folder: Path = workspace,
        cwd: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        options = ["--workspace", str(folder), "--port", str(port), "--json"]
        return subprocess.Popen(
            # -P, as in the installed command: the current folder holds no modules.
            [sys.executable, "-P", "-m", "fitserve", "serve", *arguments, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            process_group=0,
        )

    return launched


@pytest.fixture(scope="session")
def start(launch: Callable[..., subprocess.Popen[str]]) -> Start:
    """Starts a service, waits until it is ready, gives a client of it; in the end stops it and looks for remains.

    What it logged is appended to ``log``; without one, and if it is to be ``quiet``, it must not log anything.
    """

    @contextmanager
    def started(*arguments: str, quiet: bool = True, log: list[str] | None = None, **options: Any) -> Iterator[Started]:
        process = launch(*arguments, **options)
        try:
            ready = first_document(process)
            with httpx.Client(base_url=ready["url"], timeout=START_SECONDS) as client:
                yield client, process
            modules = ("fitserve.serving.worker", "fitserve.management.manager")
            children = set[int]().union(*(processes(process.pid, module) for module in modules))
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            said, complaint = process.communicate(timeout=START_SECONDS)
            if process.returncode != -signal.SIGKILL:
                assert process.returncode == 0, complaint
                assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
            assert said == ""
            assert "Traceback" not in complaint
            assert log is not None or not quiet or complaint == ""
            if log is not None:
                log.extend(complaint.splitlines())
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    return started


def first_document(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The first JSON document on standard output, without waiting for its end."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.rstrip() == "}":
            document: dict[str, Any] = json.loads(text)
            return document
    _, complaint = process.communicate()
    raise AssertionError(f"not ready (exit code {process.returncode}): {text}{complaint}")


def processes(parent: int, module: str) -> set[int]:
    """The ids of the child processes of a process that run a module; zombies do not count."""
    pids = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, ppid = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if int(ppid) == parent and state != "Z" and module.encode() in command:
            pids.add(int(entry.name))
    return pids


@pytest.fixture(scope="session")
def workers_of() -> Callable[[int], set[int]]:
    """The ids of the workers of a supervisor."""
    return lambda supervisor: processes(supervisor, "fitserve.serving.worker")


@pytest.fixture(scope="session")
def managers_of() -> Callable[[int], set[int]]:
    """The ids of the managers of a supervisor: of one, or none."""
    return lambda supervisor: processes(supervisor, "fitserve.management.manager")


@pytest.fixture(scope="session")
def service(start: Start) -> Iterator[Started]:
    """The service that most tests talk to, with all models and one worker; nothing may make it fail."""
    with start("houses", "text", "small:1") as (client, process):
        yield client, process
        assert client.get("/livez").status_code == 200
        assert not re.findall(r'code="500"} [1-9].*', client.get("/metrics").text)


@pytest.fixture
def client(service: Started) -> httpx.Client:
    """A client of the service that most tests talk to."""
    return service[0]


@pytest.fixture(scope="session")
def fresh() -> Iterator[httpx.Client]:
    """A client that opens a connection of its own for every request, so that any worker may accept it."""
    with httpx.Client(timeout=START_SECONDS, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        yield client


@pytest.fixture
def most_memory(service: Started, workers_of: Callable[[int], set[int]]) -> Callable[[], int]:
    """The most bytes that the service's only worker has had resident so far."""
    [pid] = workers_of(service[1].pid)

    def most() -> int:
        status = Path(f"/proc/{pid}/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])

    return most


@pytest.fixture(scope="session")
def talk() -> Callable[..., bytes]:
    """Says some bytes to a service on a bare socket and listens until the service closes the connection.

    Unless ``open_end``, the client's own direction is closed first: then a server closes as soon as it has answered.
    """

    def talked(client: httpx.Client, *pieces: bytes, open_end: bool = False) -> bytes:
        url = client.base_url
        with socket.create_connection((url.host, url.port or 80), timeout=START_SECONDS) as connection:
            for piece in pieces:
                connection.sendall(piece)
            if not open_end:
                connection.shutdown(socket.SHUT_WR)
            heard = b""
            while piece := connection.recv(65_536):
                heard += piece
        return heard

    return talked
