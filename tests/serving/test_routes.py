"""The table of routes, responses that come in pieces, and requests that are handed over: over real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fitserve.serving.access import Access
from fitserve.serving.app import Application
from fitserve.serving.bodies import read_json_body
from fitserve.serving.connections import protocol_config
from fitserve.serving.handover import HandOver
from fitserve.serving.protocol import Connections, Protocol
from fitserve.serving.routes import ANY_METHOD, Handler, Request, Response, Route, Routes, allowed, route_of
from fitserve.serving.telemetry import Counter

PATIENCE = 60.0
Event = threading.Event


async def nothing(_request: Request) -> Response:
    return Response(204, b"")


def asked(path: str) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    return Request({"path": path, "method": "GET", "headers": []}, receive, 0.0)


def test_a_path_of_its_own_comes_before_patterns_and_braces_are_braces() -> None:
    table = Routes()
    routes = [Route("GET", nothing, Counter()) for _ in range(4)]
    table.add("/models/{name}/predict", routes[0])
    table.add_pattern("/models/{name}/predict", routes[1])
    table.add_pattern("/api/{rest:path}", routes[2])
    table.add("/api/one", routes[3])
    for path, route, parameters in (
        ("/models/{name}/predict", routes[0], {}),
        ("/models/x/predict", routes[1], {"name": "x"}),
        ("/models/a b\n上/predict", routes[1], {"name": "a b\n上"}),
        ("/api/", routes[2], {"rest": ""}),
        ("/api/a/b?\n", routes[2], {"rest": "a/b?\n"}),
        ("/api/one", routes[3], {}),
    ):
        request = asked(path)
        assert table.find(request) == {"GET": route}
        assert request.parameters == parameters
    for path in ("/models//predict", "/models/a/b/predict", "/models/x/predict/", "/api", "", "/", "x/api/"):
        assert table.find(asked(path)) is None


def test_methods() -> None:
    get, post, other = (Route(method, nothing, Counter()) for method in ("GET", "POST", ANY_METHOD))
    assert route_of({"GET": get, "POST": post}, "HEAD") is get
    assert route_of({"GET": get}, "POST") is None
    assert route_of({"POST": post}, "HEAD") is None
    assert route_of({"GET": get, ANY_METHOD: other}, "PURGE") is other
    assert (allowed({"GET": get}), allowed({"POST": post})) == (b"GET, HEAD", b"POST")


# Over sockets


class Stream:
    """A body in pieces; remembers whether somebody has closed it."""

    def __init__(self, pieces: int, *, breaks_off: bool = False) -> None:
        self.pieces = pieces
        self.breaks_off = breaks_off
        self.closed = Event()
        self.sent = 0

    async def handle(self, _request: Request) -> Response:
        return Response(200, self.body(), ((b"content-type", b"text/event-stream"), (b"x-kept", b"1")))

    async def body(self) -> AsyncIterator[bytes]:
        try:
            for i in range(self.pieces):
                yield b"%d;" % i * 1000
                self.sent += 1
            if self.breaks_off:
                raise ValueError
        finally:
            self.closed.set()


async def echo(request: Request) -> Response:
    body = await read_json_body(request, 1 << 30)
    notes = [(b"x-path", request.path.encode()), (b"x-query", request.query), (b"x-method", request.method.encode())]
    own = [(b"x-sent-" + name, value) for name, value in request.headers if name in (b"x-own", b"host", b"upgrade")]
    return Response(418, body, (*notes, *own))


class Waiting:
    """A body whose first piece comes when it is allowed to."""

    def __init__(self) -> None:
        self.allowed = Event()

    async def handle(self, _request: Request) -> Response:
        return Response(200, self.body())

    async def body(self) -> AsyncIterator[bytes]:
        await asyncio.to_thread(self.allowed.wait, PATIENCE)
        yield b"now"


@contextmanager
def served(handlers: dict[str, Handler], folder: Path) -> Iterator[Callable[[str], httpx.Client]]:
    """Two servers with the same handlers: one is asked directly, the other hands everything over to the first."""
    direct, handing = Routes(), Routes()
    for path, handler in handlers.items():
        direct.add(path, Route(ANY_METHOD, handler, Counter()))
    path = str(folder / "socket")
    handing.add_pattern("/{rest:path}", Route(ANY_METHOD, HandOver(path), Counter()))
    listeners = {"direct": socket.create_server(("127.0.0.1", 0)), "handed": socket.create_server(("127.0.0.1", 0))}
    begun, loops, ended = Event(), list[asyncio.AbstractEventLoop](), asyncio.Event()

    states: list[Connections] = []

    def protocol(routes: Routes) -> Callable[[], Protocol]:
        config = protocol_config(Application(routes, Access(), Counter()), 60)
        state = Connections()
        states.append(state)
        return lambda: Protocol(config=config, server_state=state, app_state={})

    async def run() -> None:
        loop = asyncio.get_running_loop()
        servers = [
            await loop.create_server(protocol(direct), sock=listeners["direct"]),
            await loop.create_server(protocol(handing), sock=listeners["handed"]),
            await loop.create_unix_server(protocol(direct), path),
        ]
        loops.append(loop)
        begun.set()
        await ended.wait()
        for server in servers:
            server.close()
        while any(state.connections or state.tasks for state in states):
            await asyncio.sleep(0.01)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert begun.wait(PATIENCE)
    clients = {
        name: httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=PATIENCE)
        for name, listener in listeners.items()
    }
    try:
        yield clients.__getitem__
    finally:
        for client in clients.values():
            client.close()
        loops[0].call_soon_threadsafe(ended.set)
        thread.join()


ways = pytest.mark.parametrize("way", ["direct", "handed"])


@ways
def test_a_body_in_pieces(tmp_path: Path, way: str) -> None:
    stream = Stream(300)
    with served({"/stream": stream.handle}, tmp_path) as client, client(way).stream("GET", "/stream") as answer:
        assert answer.headers["x-kept"] == "1"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert b"".join(answer.iter_raw()) == b"".join(b"%d;" % i * 1000 for i in range(300))
        assert stream.closed.wait(PATIENCE)


@ways
def test_the_head_does_not_wait_for_the_first_piece(tmp_path: Path, way: str) -> None:
    waiting = Waiting()
    with served({"/": waiting.handle}, tmp_path) as client, client(way).stream("GET", "/") as answer:
        assert answer.status_code == 200
        waiting.allowed.set()
        assert answer.read() == b"now"


@ways
def test_a_body_that_breaks_off_is_not_ended(tmp_path: Path, way: str, caplog: pytest.LogCaptureFixture) -> None:
    stream = Stream(3, breaks_off=True)
    with (
        served({"/stream": stream.handle}, tmp_path) as client,
        client(way).stream("GET", "/stream") as answer,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        answer.read()
    assert any("broke off" in record.getMessage() for record in caplog.records)
    assert stream.closed.is_set()


@ways
def test_a_client_that_goes_ends_the_body(tmp_path: Path, way: str) -> None:
    stream = Stream(10**9)
    with served({"/stream": stream.handle}, tmp_path) as client:
        with client(way).stream("GET", "/stream") as answer:
            next(answer.iter_raw())
        assert stream.closed.wait(PATIENCE)
        assert client(way).head("/stream").content == b""


@ways
def test_a_slow_client_is_waited_for(tmp_path: Path, way: str) -> None:
    stream = Stream(10**9)
    with served({"/stream": stream.handle}, tmp_path) as client:
        with client(way).stream("GET", "/stream") as answer:
            pieces = answer.iter_raw()
            next(pieces)
            sent, before = -1, -2
            while sent != before:  # until nothing more is sent, for nobody reads
                before = sent
                stream.closed.wait(0.3)
                sent = stream.sent
            assert sent < 100_000
            next(pieces)
        assert stream.closed.wait(PATIENCE)


@ways
@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
@pytest.mark.parametrize("framed", [True, False])
def test_requests_arrive_whole(tmp_path: Path, way: str, size: int, framed: bool) -> None:
    body = bytes(i * 31 % 251 for i in range(size))
    pieces = (body[i : i + 30_000] for i in range(0, size, 30_000))
    with served({"/上/x": echo}, tmp_path) as client:
        answer = client(way).put(
            "/%E4%B8%8A/x?a=%20b&c", content=body if framed else pieces, headers={"x-own": "1", "host": "some.where"}
        )
    assert (answer.status_code, answer.content) == (418, body)
    details = {name: value for name, value in answer.headers.raw if name.startswith(b"x-")}
    assert details == {
        b"x-path": "/上/x".encode(),
        b"x-query": b"a=%20b&c",
        b"x-method": b"PUT",
        b"x-sent-host": b"some.where",
        b"x-sent-x-own": b"1",
    }


def test_where_nobody_listens_the_answer_is_503(tmp_path: Path) -> None:
    with served({"/": nothing}, tmp_path) as client:
        (tmp_path / "socket").unlink()
        for method in ("GET", "POST", "HEAD"):
            answer = client("handed").request(method, "/")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", b"\x00\xff nonsense\r\n\r\n", b"HTTP/9.9 abc\r\n\r\n"])
def test_what_answers_in_no_http_is_not_there(tmp_path: Path, said: bytes) -> None:
    with served({"/": nothing}, tmp_path) as client, socket.socket(socket.AF_UNIX) as odd:
        (tmp_path / "socket").unlink()
        odd.bind(str(tmp_path / "socket"))
        odd.listen()

        def answer_oddly() -> None:
            connection, _ = odd.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(said)

        thread = threading.Thread(target=answer_oddly)
        thread.start()
        assert client("handed").get("/").status_code == 503
        thread.join()
