"""The ASGI application: the way of a request through a table of routes, and of its response to the client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from fitserve.errors import UserError
from fitserve.serving.access import Access
from fitserve.serving.bodies import BodyTooLarge, Disconnected, linger, until_gone
from fitserve.serving.problems import CONTENT_TYPE, HttpProblem, problem_of
from fitserve.serving.routes import Receive, Request, Response, Route, Routes, Scope, Send, allowed, route_of
from fitserve.serving.telemetry import Counter

_log = logging.getLogger("fitserve.serving")


def _no_such_path(_path: str) -> str:
    return "no such path"


@dataclass(slots=True)
class Application:
    """Answers requests; its table of routes may be replaced at any time.

    ``unrouted`` counts what no route answers. ``missing`` says what to tell about a path where nothing is.
    """

    routes: Routes
    access: Access
    unrouted: Counter
    missing: Callable[[str], str] = _no_such_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Never raises for any input."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive, perf_counter())
        counter, unread = self.unrouted, False
        try:
            routes = self.routes.find(request)
            route = None if routes is None else routes.get(scope["method"])
            if route is None:
                route = self._otherwise(request, routes)
            counter = route.counter
            if self.access.keys is not None and not route.public:
                self.access.check(scope["headers"])
            response = await route.handler(request)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - whatever happens, the client gets an answer
            response = _failed(error, scope["path"])
            unread = isinstance(error, BodyTooLarge) and error.unread
        status, body, headers = response
        counter.count(status, perf_counter() - request.started)
        if not isinstance(body, bytes):
            await _send_pieces(response, body, request, send)
            return
        headers = (*headers, (b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if unread:  # the answer is sent whole, but ends only when the client has stopped sending
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await linger(request)
            body = b""
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _otherwise(self, request: Request, routes: Mapping[str, Route] | None) -> Route:
        """The route of a method that is not in the table itself, or one that says why there is none."""
        if routes is None:
            return Route("", self._not_found, self.unrouted)
        first = next(iter(routes.values()))
        refusal = Route("", partial(self._not_allowed, routes), first.counter, first.public)
        return route_of(routes, request.method) or refusal

    async def _not_found(self, request: Request) -> Response:
        raise HttpProblem(404, self.missing(request.path))

    async def _not_allowed(self, routes: Mapping[str, Route], request: Request) -> Response:
        if "POST" in routes:
            detail = "predictions are asked for by POST, a row as JSON"
        else:
            below = f"{request.path}/predict"
            hint = f"; predict by POST to {below}" if self.routes.has(below, "POST") else ""
            detail = f"{request.path} is read by GET{hint}"
        raise HttpProblem(405, detail, headers=((b"allow", allowed(routes)),))


def _failed(error: Exception, path: str) -> Response:
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
    return Response(problem.status, problem.body(), ((b"content-type", CONTENT_TYPE), *problem.headers))


async def _send_pieces(response: Response, pieces: AsyncIterator[bytes], request: Request, send: Send) -> None:
    """Send a body piece by piece until it ends or the client has gone.

    A body that breaks off is not ended: the connection is closed, which tells the client so.
    """
    gone = asyncio.ensure_future(until_gone(request))
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        if request.method != "HEAD":
            await send({"type": "http.response.body", "body": b"", "more_body": True})  # the head need not wait
            while (piece := await _next_piece(pieces, gone)) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})
    except Exception as error:  # noqa: BLE001 - whatever happens, other requests are answered
        _log.error("the answer to a request to %r broke off: %.300r", request.path, error)
    finally:
        gone.cancel()
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()


async def _next_piece(pieces: AsyncIterator[bytes], gone: asyncio.Future[None]) -> bytes | None:
    """The next piece; None after the last one, and when the client has gone."""
    following = asyncio.ensure_future(anext(pieces, None))
    try:
        await asyncio.wait((following, gone), return_when=asyncio.FIRST_COMPLETED)
        return None if gone.done() else following.result()
    finally:
        if not following.done():
            following.cancel()
            await asyncio.wait((following,))
