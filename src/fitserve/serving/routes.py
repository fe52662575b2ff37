"""The table of routes: what answers a method at a path, and the records that go in and out.

A path with a handler of its own is found by one look into a dictionary, however many there are; patterns are tried
only for paths that have none.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fitserve.serving.telemetry import Counter

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

ANY_METHOD = "*"
_PARAMETER = re.compile(r"{([a-z]+)(:path)?}")
_NO_PARAMETERS: Mapping[str, str] = {}


@dataclass(slots=True)
class Request:
    """One request, its body still to be received.

    ``started`` is when its clock began, by `time.perf_counter`; whoever reads the body sets it again. ``parameters``
    holds what a pattern has found in the path.
    """

    scope: Scope
    receive: Receive
    started: float
    parameters: Mapping[str, str] = field(default_factory=lambda: _NO_PARAMETERS)

    @property
    def method(self) -> str:
        """GET, POST, and so on."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """The path, decoded."""
        return str(self.scope["path"])

    @property
    def query(self) -> bytes:
        """What stands behind the question mark."""
        return bytes(self.scope["query_string"])

    @property
    def headers(self) -> Headers:
        """Names, in lower case, and values."""
        headers: Headers = self.scope["headers"]
        return headers


class Response(NamedTuple):
    """What is answered. A body that comes in pieces is sent piece by piece.

    ``headers`` of a body of bytes do not tell its length; those of pieces may.
    """

    status: int
    body: bytes | AsyncIterator[bytes]
    headers: Headers = ()


Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one path. A ``public`` one is answered without a key."""

    method: str
    handler: Handler
    counter: Counter
    public: bool = False


class Routes:
    """Which route a request takes."""

    def __init__(self) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Route]]] = {}

    def add(self, path: str, route: Route) -> None:
        """Have a route answer at one path; braces in it are braces."""
        self._exact.setdefault(path, {})[route.method] = route

    def add_pattern(self, pattern: str, route: Route) -> None:
        """Have a route answer wherever a pattern fits that no path of its own precedes.

        ``{name}`` stands for a part of the path without a slash, ``{name:path}`` for all that follows.
        """
        if pattern not in self._patterns:
            self._patterns[pattern] = (_compiled(pattern), {})
        self._patterns[pattern][1][route.method] = route

    def find(self, request: Request) -> Mapping[str, Route] | None:
        """The routes at the request's path by method, None where there is nothing."""
        path = request.scope["path"]
        found = self._exact.get(path)
        if found is not None:
            return found
        for pattern, routes in self._patterns.values():
            match = pattern.fullmatch(path)
            if match:
                request.parameters = match.groupdict()
                return routes
        return None

    def paths(self) -> list[str]:
        """Every path that has a route of its own."""
        return list(self._exact)

    def has(self, path: str, method: str) -> bool:
        """Whether a path has a route of its own for a method."""
        return method in self._exact.get(path, {})


def route_of(routes: Mapping[str, Route], method: str) -> Route | None:
    """The one for a method; HEAD is answered by GET."""
    found = routes.get(method) or routes.get(ANY_METHOD)
    return routes.get("GET") if found is None and method == "HEAD" else found


def allowed(routes: Mapping[str, Route]) -> bytes:
    """The methods of some routes as the header ``allow`` lists them."""
    methods = {*routes, "HEAD"} if "GET" in routes else set(routes)
    return ", ".join(sorted(methods)).encode()


def _compiled(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for parameter in _PARAMETER.finditer(pattern):
        parts.append(re.escape(pattern[end : parameter.start()]))
        parts.append(f"(?P<{parameter[1]}>{'.*' if parameter[2] else '[^/]+'})")
        end = parameter.end()
    return re.compile("".join([*parts, re.escape(pattern[end:])]), re.DOTALL)
