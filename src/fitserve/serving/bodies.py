"""The bodies of requests: their types, their limits, and what happens to the rest of those that are too large."""

from __future__ import annotations

import asyncio
from time import perf_counter

from fitserve.serving.problems import HttpProblem
from fitserve.serving.routes import Headers, Message, Receive, Request

# After "too large" so many bytes of the body are still read and thrown away, so that the client, which is
# busy sending, gets to read the answer; whoever sends more has the connection closed on him.
_LINGER_BYTES = 256 << 20
_LINGER_SECONDS = 5.0


class Disconnected(Exception):  # noqa: N818 - nobody's error
    """The client has gone."""


class BodyTooLarge(HttpProblem):
    """A body with more bytes than allowed; ``unread`` if some of them are still to come."""

    def __init__(self, limit: int, *, unread: bool) -> None:
        detail = f"the body has more than {limit} bytes; send fewer rows at once"
        super().__init__(413, detail, headers=((b"connection", b"close"),))
        self.unread = unread


async def read_json_body(request: Request, limit: int) -> bytes:
    """The whole body, which may be JSON; raises HttpProblem with 413, as soon as it is known, or 415."""
    _check_head(request.scope["headers"], limit)
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if message.get("more_body") or len(body) > limit:
        body = await _rest(message, request.receive, limit)
    request.started = perf_counter()
    return body


def _check_head(headers: Headers, limit: int) -> None:
    """Raise HttpProblem with 413 or 415 if the headers announce a body that will not be read."""
    for name, value in headers:
        if name == b"content-type":
            if value != b"application/json":
                _check_type(value)
        elif name == b"content-length":
            if int(value) > limit:
                raise BodyTooLarge(limit, unread=True)
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise HttpProblem(415, "compressed bodies are not read; send the body as it is")


def _check_type(value: bytes) -> None:
    kind = value.split(b";")[0].strip().lower()
    if kind and kind != b"application/json" and not kind.endswith(b"+json"):
        sent = kind.decode("latin-1")[:80]
        raise HttpProblem(415, f"the body is {sent}; send it with 'content-type: application/json'")


async def _rest(message: Message, receive: Receive, limit: int) -> bytes:
    """A body that comes in several pieces, from the first one on."""
    parts: list[bytes] = []
    size = 0
    while True:
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > limit:
            raise BodyTooLarge(limit, unread=more)
        if not more:
            return b"".join(parts)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected


async def linger(request: Request) -> None:
    """Let a client finish sending before the connection is closed; one that asked first has not begun."""
    if any(name == b"expect" for name, _ in request.headers):
        return
    thrown_away = 0
    while thrown_away < _LINGER_BYTES:
        try:
            message = await asyncio.wait_for(request.receive(), _LINGER_SECONDS)
        except TimeoutError:
            return
        thrown_away += len(message.get("body", b""))
        if not message.get("more_body"):
            return


async def until_gone(request: Request) -> None:
    """Return when the client has gone; what is left of the body is thrown away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
