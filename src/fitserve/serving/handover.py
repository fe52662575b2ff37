"""Hands requests over to the manager, by HTTP/1.1 over a Unix socket, and gives its answers back as they come.

Each request has a connection of its own. It is closed here, for an end that closes while there is something that it has
not read takes back what it has said last.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

import httptools

from fitserve.serving.bodies import Disconnected
from fitserve.serving.problems import HttpProblem
from fitserve.serving.routes import Headers, Request, Response

_PIECE = 65_536
# What concerns one connection alone (RFC 9110, section 7.6.1), and what frames the body, which is framed anew.
_OF_ONE_CONNECTION = frozenset(
    [b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect"]
)
_NOT_THERE = "the manager of this server does not answer at present; predictions do, try again"


class HandOver:
    """Answers requests by asking the manager that listens at a path."""

    def __init__(self, socket_path: str) -> None:
        self._path = socket_path

    async def __call__(self, request: Request) -> Response:
        """The manager's answer; raises HttpProblem with 503 if there is none."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
        except OSError:
            raise _unavailable() from None
        answer = _Answer(reader, writer)
        sending = asyncio.ensure_future(_send(request, writer))
        try:
            await answer.read_head()
        except (OSError, EOFError, httptools.HttpParserError):
            await answer.aclose()
            if sending.done() and isinstance(sending.exception(), Disconnected):
                raise Disconnected from None
            raise _unavailable() from None
        except BaseException:
            await answer.aclose()
            raise
        finally:
            # Whoever answers before the body has ended does not read the rest of it.
            sending.cancel()
            await asyncio.wait((sending,))
        return Response(answer.status, answer, _of_the_message(answer.headers))


def _unavailable() -> HttpProblem:
    return HttpProblem(503, _NOT_THERE, headers=((b"retry-after", b"1"),))


def _of_the_message(headers: Headers) -> Headers:
    """The headers that are meant for the other end."""
    named = {name.strip().lower() for key, value in headers if key == b"connection" for name in value.split(b",")}
    return [(key, value) for key, value in headers if key not in _OF_ONE_CONNECTION and key not in named]


async def _send(request: Request, writer: asyncio.StreamWriter) -> None:
    """Send a request on; raises Disconnected, and breaks the connection off, if its client goes meanwhile."""
    headers = list(_of_the_message(request.headers))
    chunked = any(key == b"transfer-encoding" for key, _ in request.headers)
    if chunked:
        headers.append((b"transfer-encoding", b"chunked"))
    target = request.scope["raw_path"] + (b"?" + request.query if request.query else b"")
    lines = (b"%s: %s\r\n" % header for header in headers)
    writer.write(b"".join([request.method.encode(), b" ", target, b" HTTP/1.1\r\n", *lines, b"\r\n"]))
    more = True
    with suppress(ConnectionError):  # the manager has gone, or has answered already: reading tells which
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                writer.transport.abort()
                raise Disconnected
            body, more = message.get("body", b""), message.get("more_body", False)
            if body:
                writer.write(b"%x\r\n%b\r\n" % (len(body), body) if chunked else body)
            if chunked and not more:
                writer.write(b"0\r\n\r\n")
            await writer.drain()


class _Answer(AsyncIterator[bytes]):
    """The manager's answer: first its head, then, piece by piece, its body."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: deque[bytes] = deque()
        self._has_head = self._has_ended = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    async def read_head(self) -> None:
        """Read until status and headers are known; raises OSError, EOFError or HttpParserError if they do not come."""
        while not self._has_head:
            await self._read_on()

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._has_ended:
                raise StopAsyncIteration
            await self._read_on()
        return self._pieces.popleft()

    async def aclose(self) -> None:
        """Break the connection off."""
        self._writer.transport.abort()

    async def _read_on(self) -> None:
        data = await self._reader.read(_PIECE)
        if not data:
            raise EOFError("the manager has broken off its answer")
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._has_ended = True
