"""The routes below ``/api/``."""

from __future__ import annotations

from fitserve.serving.routes import Request, Response, Route, Routes
from fitserve.serving.telemetry import Counter

_JSON = ((b"content-type", b"application/json"),)


def api_routes() -> Routes:
    """The table of all paths below ``/api/``; there is only the list of them yet."""
    routes = Routes()
    routes.add("/api/", Route("GET", _list_paths, Counter()))
    return routes


async def _list_paths(_request: Request) -> Response:
    return Response(200, b'{"paths":[]}', _JSON)
