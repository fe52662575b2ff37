"""Clients that send their next requests before they have read an answer."""

from __future__ import annotations

import itertools
import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from select import select

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fitserve

Start = Callable[..., AbstractContextManager[tuple[httpx.Client, subprocess.Popen[str]]]]
PATIENCE = 60.0
MEGABYTE = 1 << 20
LIVE = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /predict HTTP/1.1\r\nhost: x\r\n%s\r\n\r\n"


def posted(body: bytes, chunks: int = 0) -> bytes:
    """A request to predict, its body as a whole or in so many chunks."""
    if not chunks:
        return POST % (b"content-length: %d" % len(body)) + body
    size = -(-len(body) // chunks)
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return POST % b"transfer-encoding: chunked" + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in [*pieces, b""])


def row(rooms: int, padding: bytes = b"") -> bytes:
    return b'{"rooms": %d, "city": "Berlin"}' % rooms + padding


# What several requests look like on the wire, and for each the status of its answer and, if it predicts, its rooms.
paddings = st.sampled_from([b"", b"\r\n\r\n" * 40, b" " * 5000])
predictions = st.builds(
    lambda rooms, padding, chunks: (posted(row(rooms, padding), chunks), 200, rooms),
    st.integers(1, 8),
    paddings,
    st.sampled_from([0, 1, 3]),
)
others = st.sampled_from(
    [
        (LIVE, 200, None),
        (LIVE.replace(b"GET", b"HEAD"), 200, None),
        (LIVE.replace(b"livez", b"nothing"), 404, None),
        (posted(b"{"), 400, None),
        (posted(LIVE * 600), 400, None),
        (posted(b"1" * 40_000, chunks=3).replace(b"/predict", b"/livez"), 405, None),
        (posted(b"{}").replace(b"\r\n\r\n", b"\r\ncontent-type: text/plain\r\n\r\n", 1), 415, None),
    ]
)
requests = st.tuples(st.one_of(predictions, others), st.sampled_from([1, 1, 2, 40])).map(
    lambda pair: [pair[0]] * pair[1]
)


@pytest.fixture(scope="module")
def prices(service: tuple[httpx.Client, object]) -> dict[int, float]:
    """The predicted price by number of rooms."""
    return {rooms: service[0].post("/predict", content=row(rooms)).json()["prediction"] for rooms in range(1, 9)}


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(requests, min_size=1, max_size=12), cuts=st.lists(st.integers(0, 20_000), max_size=8))
def test_every_request_gets_its_own_answer(
    service: tuple[httpx.Client, object],
    talk: Callable[..., bytes],
    prices: dict[int, float],
    groups: list[list[tuple[bytes, int, int | None]]],
    cuts: list[int],
) -> None:
    asked = [request for group in groups for request in group]
    wire = b"".join(said for said, _, _ in asked)
    places = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    heard = talk(service[0], *(wire[a:b] for a, b in itertools.pairwise(places)))
    found = list(answers_in(heard, [said.startswith(b"HEAD") for said, _, _ in asked]))
    assert [status for status, _ in found] == [status for _, status, _ in asked]
    for (_, body), (_, _, rooms) in zip(found, asked, strict=True):
        if rooms is not None:
            assert json.loads(body)["prediction"] == prices[rooms]


def answers_in(heard: bytes, headless: list[bool]) -> Iterator[tuple[int, bytes]]:
    """Status and body of the answers on a connection; of which requests the answer has no body is given."""
    for is_head in headless:
        head, end, heard = heard.partition(b"\r\n\r\n")
        assert end
        size = 0 if is_head else int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        yield int(head.split()[1]), heard[:size]
        heard = heard[size:]
    assert heard == b""


@pytest.fixture(scope="module")
def guarded(start: Start, workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, int]]:
    """A service that asks for a key: host, port and supervisor."""
    folder = tmp_path_factory.mktemp("guarded") / "workspace"
    shutil.copytree(workspace, folder)
    fitserve.Workspace.open(folder).add_key("nobody's")
    with start("small", "--require-key", folder=folder) as (client, process):
        yield client.base_url.host, client.base_url.port or 80, process.pid


@pytest.mark.parametrize(
    ("request_", "status", "number"),
    [
        (LIVE, b"200", 10_000),
        (b"GET / HTTP/1.1\r\n\r\n", b"401", 10_000),
        (posted(b"{}"), b"401", 10_000),
        (posted(b"\r\n\r\n" * 100), b"401", 5_000),
        (b"GET /livez HTTP/1.1\r\n" + b"a:\r\n" * 250 + b"\r\n", b"200", 3_000),
    ],
    ids=["probe", "shortest", "post", "body-like-heads", "many-fields"],
)
def test_requests_whose_answers_are_not_read_take_no_memory(
    guarded: tuple[str, int, int], workers_of: Callable[[int], set[int]], request_: bytes, status: bytes, number: int
) -> None:
    host, port, supervisor = guarded
    [worker] = workers_of(supervisor)
    before = most_resident(worker)
    unsent = memoryview(request_ * number)
    answers, tail = 0, b""
    with socket.create_connection((host, port)) as connection:
        connection.setblocking(False)
        while unsent and select([], [connection], [], 0.5)[1]:  # until the service takes no more
            unsent = unsent[connection.send(unsent) :]
        while answers < number:
            readable, writable, _ = select([connection], [connection] if unsent else [], [], PATIENCE)
            assert readable or writable
            if writable:
                unsent = unsent[connection.send(unsent) :]
            if readable:
                tail += connection.recv(MEGABYTE)
                answers += tail.count(b"HTTP/1.1 " + status)
                tail = tail[-11:]
    assert answers == number
    assert most_resident(worker) - before < 8 * MEGABYTE


def most_resident(pid: int) -> int:
    """The most bytes that a process has had resident so far."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
