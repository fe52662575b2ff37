"""The ASGI application: one table of routes, the way of a request through it, nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from fitserve import schema
from fitserve.errors import UserError
from fitserve.serving import pages
from fitserve.serving.endpoint import Endpoint
from fitserve.serving.problems import CONTENT_TYPE, HttpProblem, problem_of
from fitserve.serving.query import is_strict
from fitserve.serving.telemetry import Telemetry

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]
Answer = tuple[int, bytes, Headers]

_JSON = (b"content-type", b"application/json")
_PROBES = frozenset(["/livez", "/readyz", "/ping", "/health"])
_METRICS = "/metrics"
# After "too large" so many bytes of the body are still read and thrown away, so that the client, which is
# busy sending, gets to read the answer; whoever sends more has the connection closed on him.
_LINGER_BYTES = 256 << 20
_log = logging.getLogger("fitserve.serving")


@dataclass(frozen=True)
class Limits:
    """What requests may cost, and whose are answered: ``keys`` holds SHA-256 of keys, None means nobody needs one."""

    body: int
    keys: frozenset[str] | None = None


@dataclass(frozen=True)
class Service:
    """Everything that is served: endpoints by path, their telemetry labels, and the rest by path."""

    endpoints: Mapping[str, tuple[Endpoint, int]]
    pages: Mapping[str, pages.Page]
    telemetry: Telemetry
    limits: Limits
    unready: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Never raises for any input."""
        if scope["type"] != "http":
            return
        started = perf_counter()
        found = self.endpoints.get(scope["path"])
        label, rows, warnings, unread = 0, 0, 0, False
        try:
            if found is None:
                self._admit(scope["headers"], scope["path"])
                answer = await self._page(scope)
            else:
                endpoint, label = found
                body = await self._prediction_body(scope, receive)
                started = perf_counter()
                query = scope["query_string"]
                strict = bool(query) and is_strict(query)
                body, rows, warnings = await endpoint.predict(body, strict=strict)
                answer = 200, body, (_JSON, (b"content-length", b"%d" % len(body)))
        except _Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - whatever happens, the client gets an answer
            answer = _failed(error, scope["path"])
            unread = isinstance(error, _BodyTooLarge) and error.unread
        status, body, headers = answer
        self.telemetry.count(label, status, perf_counter() - started, rows, warnings)
        if unread:
            await _answer_unread(answer, scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _admit(self, headers: Headers, path: str = "") -> None:
        """Raise 401 unless the request needs no key or has one."""
        keys = self.limits.keys
        if keys is None or path in _PROBES:
            return
        for name, value in headers:
            if name == b"authorization" and value[:7].lower() == b"bearer ":
                key = value[7:].strip()
            elif name == b"x-api-key":
                key = value.strip()
            else:
                continue
            # Comparing hashes of 256 random bits leaks nothing that could help to guess a key.
            if hashlib.sha256(key).hexdigest() in keys:
                return
        raise HttpProblem(
            401,
            "send a key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'; 'fitserve keys create LABEL' makes one",
            headers=((b"www-authenticate", b"Bearer"),),
        )

    async def _prediction_body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body of a request that may predict; raises 401, 405, 413 (as soon as it is known) or 415."""
        headers = scope["headers"]
        if self.limits.keys is not None:
            self._admit(headers)
        if scope["method"] != "POST":
            raise HttpProblem(405, "predictions are asked for by POST, a row as JSON", headers=((b"allow", b"POST"),))
        limit = self.limits.body
        _check_head(headers, limit)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        body: bytes = message.get("body", b"")
        if message.get("more_body") or len(body) > limit:
            return await _rest(message, receive, limit)
        return body

    async def _page(self, scope: Scope) -> Answer:
        path = scope["path"]
        page = self.pages.get(path)
        if page is None and path != _METRICS and path not in _PROBES:
            raise HttpProblem(404, self._missing(path))
        if scope["method"] not in ("GET", "HEAD"):
            hint = f"; predict by POST to {path}/predict" if f"{path}/predict" in self.endpoints else ""
            raise HttpProblem(405, f"{path} is read by GET{hint}", headers=((b"allow", b"GET, HEAD"),))
        if page is not None:
            return _sized(page.status, await page.body(), page.headers)
        if path == _METRICS:
            kind = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
            return _sized(200, self.telemetry.text().encode(), (kind,))
        if path != "/livez" and self.unready:
            raise HttpProblem(503, "; ".join(self.unready), headers=((b"retry-after", b"1"),))
        return _sized(200, b'{"status":"ok"}', (_JSON,))

    def _missing(self, path: str) -> str:
        """What to say about a path where nothing is: what it may have been meant to be."""
        versions: dict[str, set[int]] = {}
        for endpoint, _ in self.endpoints.values():
            versions.setdefault(endpoint.model, set()).add(endpoint.version)
        _, kind, name, rest, version, *_ = [*(part[:100] for part in path.split("/")), "", "", "", "", ""]
        if kind == "models" and name and name not in versions:
            near = schema.nearest(name, versions)
            hint = f"did you mean {near!r}?" if near else f"there are {_listed(sorted(versions))}"
            return f"there is no model {name!r} here; {hint}"
        if kind == "models" and name in versions and rest == "versions" and version:
            served = _listed(sorted(versions[name]))
            return f"version {version!r} of {name!r} is not served here, only {served}"
        near = schema.nearest(path[:200], [*self.endpoints, *self.pages, *_PROBES, _METRICS])
        return f"there is nothing at this path; {f'did you mean {near}?' if near else '/docs lists what there is'}"


class _Disconnected(Exception):  # noqa: N818 - nobody's error
    """The client has gone."""


class _BodyTooLarge(HttpProblem):
    """A body with more bytes than allowed; ``unread`` if some of them are still to come."""

    def __init__(self, limit: int, *, unread: bool) -> None:
        detail = f"the body has more than {limit} bytes; send fewer rows at once"
        super().__init__(413, detail, headers=((b"connection", b"close"),))
        self.unread = unread


def _failed(error: Exception, path: str) -> Answer:
    """The answer to a request that raised; what nobody foresaw is logged."""
    if isinstance(error, HttpProblem):
        problem = error
    elif isinstance(error, UserError):
        problem = problem_of(error)
    elif isinstance(error, RecursionError):
        detail = "lists and objects are nested too deeply; the values of a row are numbers, texts, true, false or null"
        problem = HttpProblem(400, detail)
    else:
        _log.error("a request to %r failed", path, exc_info=error)
        problem = HttpProblem(500, "an error in the server; its log says more")
    return _sized(problem.status, problem.body(), ((b"content-type", CONTENT_TYPE), *problem.headers))


def _check_head(headers: Headers, limit: int) -> None:
    """Raise 413 or 415 if the headers announce a body that will not be read."""
    for name, value in headers:
        if name == b"content-type":
            if value != b"application/json":
                _check_type(value)
        elif name == b"content-length":
            if int(value) > limit:
                raise _BodyTooLarge(limit, unread=True)
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
            raise _BodyTooLarge(limit, unread=more)
        if not more:
            return b"".join(parts)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected


def _listed(names: Sequence[object]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(map(str, names[:10])) + more


def _sized(status: int, body: bytes, headers: Headers) -> Answer:
    return status, body, (*headers, (b"content-length", b"%d" % len(body)))


async def _answer_unread(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the whole answer, but end it only when the client has stopped sending."""
    status, body, headers = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _linger(scope, receive)
    await send({"type": "http.response.body", "body": b""})


async def _linger(scope: Scope, receive: Receive) -> None:
    """Let a client finish sending before the connection is closed; one that asked first has not begun."""
    if any(name == b"expect" for name, _ in scope["headers"]):
        return
    thrown_away = 0
    while thrown_away < _LINGER_BYTES:
        try:
            message = await asyncio.wait_for(receive(), timeout=5.0)
        except TimeoutError:
            return
        thrown_away += len(message.get("body", b""))
        if not message.get("more_body"):
            return
