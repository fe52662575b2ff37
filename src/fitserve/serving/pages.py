"""Everything that is read by GET: the API page, its description, and what is known of each model."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from typing import Any

import orjson

from fitserve.serving.endpoint import Endpoint
from fitserve.serving.openapi import describe_model, openapi
from fitserve.serving.routes import Headers, Request, Response

_SCRIPT = """
SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true, docExpansion: "list",
  defaultModelsExpandDepth: 0, validatorUrl: null
});
"""
# Names from bundles stand in the page, some of them as Markdown: nothing of it may load anything from elsewhere.
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = (
    b"content-security-policy",
    b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    b"script-src 'self' 'sha256-%b'" % _SCRIPT_HASH.encode(),
)


@dataclass
class Page:
    """A body, made once, when it is asked for first, and its headers."""

    make: Callable[[], bytes]
    headers: Headers
    status: int = 200
    _made: bytes | None = None
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, _request: Request) -> Response:
        """The page. One on thousands of fields takes a while to make: predictions need not wait for it."""
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self.make)
        return Response(self.status, self._made, self.headers)


def pages_of(
    endpoints: Sequence[Endpoint], names: Mapping[str, Endpoint], default: Endpoint, *, needs_key: bool
) -> dict[str, Page]:
    """All pages by path; ``names`` tells which version of several a name leads to."""
    json_type, javascript = (
        ((b"content-type", b"application/json"),),
        ((b"content-type", b"text/javascript"),),
    )
    listing = {"models": [_summary(endpoint) for endpoint in endpoints], "default": default.model}
    pages = {
        "/": Page(lambda: b"", ((b"location", b"/docs"),), 307),
        "/docs": Page(partial(_docs, default.model), ((b"content-type", b"text/html; charset=utf-8"), _POLICY)),
        "/docs/swagger-ui.css": Page(partial(_asset, "swagger-ui.css"), ((b"content-type", b"text/css"),)),
        "/docs/swagger-ui-bundle.js": Page(partial(_asset, "swagger-ui-bundle.js"), javascript),
        "/openapi.json": Page(lambda: orjson.dumps(openapi(endpoints, default, names, needs_key=needs_key)), json_type),
        "/models": Page(lambda: orjson.dumps(listing), json_type),
    }
    described = {endpoint: Page(partial(_described, endpoint), json_type) for endpoint in endpoints}
    for endpoint, page in described.items():
        pages[f"/models/{endpoint.model}/versions/{endpoint.version}"] = page
    return pages | {f"/models/{name}": described[endpoint] for name, endpoint in names.items()}


def _described(endpoint: Endpoint) -> bytes:
    return orjson.dumps(describe_model(endpoint))


def _summary(endpoint: Endpoint) -> dict[str, Any]:
    manifest = endpoint.predictor.manifest
    return {
        "name": endpoint.model,
        "version": endpoint.version,
        "task": manifest.task,
        "target": manifest.target,
        "learner": manifest.learner,
        "sha256": endpoint.predictor.sha256,
    }


def _asset(name: str) -> bytes:
    return files("fitserve.serving").joinpath("swagger", name).read_bytes()


def _docs(model: str) -> bytes:
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(model)} · fitserve</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<style>body {{ margin: 0 }} .swagger-ui .info {{ margin: 24px 0 }}</style>
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script>{_SCRIPT}</script>
</body>
</html>
"""
    return page.encode()
