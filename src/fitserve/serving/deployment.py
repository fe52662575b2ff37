"""What a worker serves: versions of models, the names that lead to them, and the table of routes made of both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fitserve.errors import BundleError, NotFoundError, SpecError
from fitserve.names import nearest
from fitserve.prediction import Subscriber, load
from fitserve.serving import messages
from fitserve.serving.bodies import read_json_body
from fitserve.serving.endpoint import Endpoint
from fitserve.serving.pages import pages_of
from fitserve.serving.problems import HttpProblem
from fitserve.serving.query import is_strict
from fitserve.serving.routes import ANY_METHOD, Handler, Request, Response, Route, Routes
from fitserve.serving.telemetry import Counter, Label, ServedModel, Telemetry

_JSON = ((b"content-type", b"application/json"),)
_TEXT = ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),)
_PROBES = ("/livez", "/readyz", "/ping", "/health")
_METRICS = "/metrics"
_IDENTITY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What requests may cost: bytes of a body, None for what the task of a model allows, and rows of it."""

    body: int | None
    rows: int


@dataclass(slots=True)
class Deployment:
    """The versions that are served. ``management``, if there is one, answers whatever begins with ``/api/``.

    The version that was loaded first answers where no model is named, and the first one of a model where no version
    is, until they are routed elsewhere.
    """

    limits: Limits
    telemetry: Telemetry
    management: Handler | None = None
    needs_key: bool = False
    subscriber: Subscriber | None = None
    unready: list[str] = field(default_factory=list)
    _endpoints: dict[tuple[str, int], Endpoint] = field(default_factory=dict)
    _names: dict[str, Endpoint] = field(default_factory=dict)

    def endpoint(self, order: messages.Load) -> Endpoint:
        """The endpoint of a bundle, loaded but not served yet, in any thread; raises BundleError if it is not sound."""
        folder = Path(order.folder)
        predictor = load(folder)
        # A workspace names the folder of a bundle by its identity: so even a forged whole, every digest of which is
        # right, is noticed.
        if _IDENTITY.fullmatch(folder.name) and folder.name != predictor.sha256:
            name = f"{order.model} version {order.version}"
            raise BundleError(f"the bundle of {name} is not the one that was registered; import or train it again")
        return Endpoint(order.model, order.version, predictor, self.limits.rows, self.subscriber)

    def add(self, endpoint: Endpoint) -> None:
        """Serve one more version."""
        self._endpoints[endpoint.model, endpoint.version] = endpoint
        self._names.setdefault(endpoint.model, endpoint)
        self._names.setdefault("", endpoint)

    def remove(self, order: messages.Unload) -> None:
        """Serve a version no more, nor whatever name leads to it; raises SpecError for what answers ``/predict``."""
        endpoint = self._found(order.model, order.version)
        if self._names[""] is endpoint:
            raise SpecError(f"{order.model} version {order.version} answers /predict; route that elsewhere first")
        del self._endpoints[order.model, order.version]
        self._names = {name: each for name, each in self._names.items() if each is not endpoint}

    def route(self, order: messages.Route) -> None:
        """Have a version answer by a name, "" for ``/predict``; raises NotFoundError if it is not served."""
        self._names[order.name] = self._found(order.model, order.version)

    def _found(self, model: str, version: int) -> Endpoint:
        endpoint = self._endpoints.get((model, version))
        if endpoint is None:
            raise NotFoundError(f"{model} version {version} is not served here")
        return endpoint

    @property
    def served(self) -> tuple[str, ...]:
        """Every version that is served, as ``NAME:VERSION``."""
        return tuple(f"{model}:{version}" for model, version in self._endpoints)

    def routes(self) -> Routes:
        """The table of all that is served at present."""
        routes = Routes()
        self._add_predictions(routes)
        endpoints = list(self._endpoints.values())
        names = {name: each for name, each in self._names.items() if name}
        pages = pages_of(endpoints, names, self._names[""], needs_key=self.needs_key)
        for path, page in pages.items():
            routes.add(path, Route("GET", page, self._counter("page")))
        for path in _PROBES:
            probe = self._live if path == "/livez" else self._ready
            routes.add(path, Route("GET", probe, self._counter("probe"), public=True))
        routes.add(_METRICS, Route("GET", self._metrics, self._counter("metrics")))
        if self.management is not None:
            routes.add_pattern("/api/{rest:path}", Route(ANY_METHOD, self.management, self._counter("api")))
        served = [(each.model, each.version, each.predictor) for each in endpoints]
        self.telemetry.models = [
            ServedModel(model, version, predictor.manifest.learner, predictor.sha256)
            for model, version, predictor in served
        ]
        return routes

    def _add_predictions(self, routes: Routes) -> None:
        found: dict[Endpoint, Route] = {}
        for (model, version), endpoint in self._endpoints.items():
            label = Label("predict", endpoint.predictor.manifest.task, model, version)
            limit = self.limits.body or endpoint.predictor.answerer.body_limit
            counter = self.telemetry.counter(label)
            route = found[endpoint] = Route("POST", partial(_predict, endpoint, limit, counter), counter)
            routes.add(f"/models/{model}/versions/{version}/predict", route)
        for name, endpoint in self._names.items():
            routes.add(f"/models/{name}/predict" if name else "/predict", found[endpoint])

    def _counter(self, route: str) -> Counter:
        return self.telemetry.counter(Label(route))

    async def _live(self, _request: Request) -> Response:
        return Response(200, b'{"status":"ok"}', _JSON)

    async def _ready(self, _request: Request) -> Response:
        if self.unready:
            raise HttpProblem(503, "; ".join(self.unready), headers=((b"retry-after", b"1"),))
        return Response(200, b'{"status":"ok"}', _JSON)

    async def _metrics(self, _request: Request) -> Response:
        return Response(200, self.telemetry.text().encode(), _TEXT)

    def missing(self, routes: Routes, path: str) -> str:
        """What to say about a path where nothing is: what it may have been meant to be."""
        versions: dict[str, set[int]] = {name: {each.version} for name, each in self._names.items() if name}
        for model, version in self._endpoints:
            versions.setdefault(model, set()).add(version)
        return _meant(path, versions, routes.paths())


async def _predict(endpoint: Endpoint, limit: int, counter: Counter, request: Request) -> Response:
    """Answer a request for predictions."""
    body = await read_json_body(request, limit)
    query = request.scope["query_string"]
    strict = bool(query) and is_strict(query)
    body, rows, warnings = await endpoint.predict(body, strict=strict)
    counter.rows += rows
    counter.warnings += warnings
    return Response(200, body, _JSON)


def _meant(path: str, versions: Mapping[str, set[int]], paths: Sequence[str]) -> str:
    _, kind, name, rest, version, *_ = [*(part[:100] for part in path.split("/")), "", "", "", "", ""]
    if kind == "models" and name and name not in versions:
        near = nearest(name, versions)
        hint = f"did you mean {near!r}?" if near else f"there are {_listed(sorted(versions))}"
        return f"there is no model {name!r} here; {hint}"
    if kind == "models" and name in versions and rest == "versions" and version:
        served = _listed(sorted(versions[name]))
        return f"version {version!r} of {name!r} is not served here, only {served}"
    near = nearest(path[:200], paths)
    return f"there is nothing at this path; {f'did you mean {near}?' if near else '/docs lists what there is'}"


def _listed(names: Sequence[object]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(map(str, names[:10])) + more
