"""OpenAPI 3.1 of a service, with each model's own names, types, ranges, categories and an example row."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import metadata
from typing import Any
from urllib.parse import quote

import orjson

from fitserve.formatting import score
from fitserve.messages import render
from fitserve.serving.endpoint import Endpoint
from fitserve.serving.problems import HttpProblem

Json = dict[str, Any]

_WARNING = {"$ref": "#/components/schemas/Warning"}
_PROBLEMS = {
    400: "The body is not JSON.",
    401: "The service needs a key and none was sent.",
    413: "The body or the number of rows is too large.",
    415: "The body is compressed, or declared as something else than JSON.",
    422: "No rows, values that cannot be used, or an unknown query parameter; `errors` lists all of them.",
}
_EXAMPLE_ID = "01J9Z3NDEKTSV4RRFFQ69G5FAV"
_log = logging.getLogger("fitserve.serving")


def openapi(
    endpoints: Sequence[Endpoint],
    default: Endpoint,
    routed: Mapping[str, Endpoint] | None = None,
    *,
    needs_key: bool,
) -> Json:
    """The description of a service; ``needs_key`` if its requests must carry an API key.

    ``routed`` tells which version of several a name leads to, the first one of each model if it is not given. What
    cannot be told of a model is left out: its predictions do not depend on their description.
    """
    names = _schema_names(endpoints)
    paths: Json = {"/predict": {"post": _operation(default, "predict", names[default])}}
    schemas: Json = dict(_SHARED)
    for endpoint in endpoints:
        base = names[endpoint]
        pinned = f"{_place(endpoint.model)}/versions/{endpoint.version}/predict"
        paths[pinned] = {"post": _operation(endpoint, f"version.{base}", base)}
        schemas |= {
            f"{base}.row": _or_else(partial(request_schema, endpoint), {"type": "object"}),
            f"{base}.answer": _answer_schema(endpoint, many=False),
            f"{base}.answers": _answer_schema(endpoint, many=True),
        }
    for name, endpoint in (_first_versions(endpoints) if routed is None else routed).items():
        operation = _operation(endpoint, f"predict_{name}", names[endpoint])
        paths |= {f"{_place(name)}/predict": {"post": operation}, _place(name): _reading(f"What is known of {name}")}
    for path, summary in _READ.items():
        paths[path] = _reading(summary)
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": f"{default.model} · fitserve",
            "version": metadata.version("fitserve"),
            "description": _intro(default),
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if needs_key:
        document["components"]["securitySchemes"] = _KEYS
        document["security"] = [{scheme: []} for scheme in _KEYS]
    return document


def _place(name: str) -> str:
    return f"/models/{quote(name, safe='')}"


def _first_versions(endpoints: Sequence[Endpoint]) -> Mapping[str, Endpoint]:
    first: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        first.setdefault(endpoint.model, endpoint)
    return first


def _or_else(tell: Callable[[], Json], otherwise: Json) -> Json:
    """What can be told; a bundle that nobody foresaw gives the other, and a line in the log."""
    try:
        return tell()
    except Exception as error:  # noqa: BLE001 - what is told is no reason to stop, whatever a bundle holds
        _log.warning("a part of the description of the service is left out: %.300r", error)
        return otherwise


def _schema_names(endpoints: Sequence[Endpoint]) -> dict[Endpoint, str]:
    """The name of each version's schemas; only some characters may stand in it, and no two may be the same."""
    names: dict[Endpoint, str] = {}
    for endpoint in endpoints:
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", f"{endpoint.model}.{endpoint.version}")
        taken = set(names.values())
        tries = (plain, *(f"{plain}_{i}" for i in range(2, len(endpoints) + 2)))
        names[endpoint] = next(name for name in tries if name not in taken)
    return names


def _reading(summary: str) -> Json:
    return {"get": {"summary": summary, "tags": ["service"], "responses": {"200": {"description": "OK"}}}}


_READ = {
    "/models": "The models that are served",
    "/livez": "Whether the process lives",
    "/readyz": "Whether predictions are answered",
    "/metrics": "Counters and latencies for Prometheus",
}

_STRICT: Json = {
    "name": "strict",
    "in": "query",
    "description": "Answer 422 instead of serving a row with warnings.",
    "schema": {"type": "boolean", "default": False},
}
_KEYS: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key that 'fitserve keys create' has made"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

_SHARED: Json = {
    "Warning": {
        "type": "object",
        "description": "Something unusual about one value; the row was served by the rules learned in training.",
        "required": ["code", "message"],
        "properties": {
            "row": {"type": "integer", "description": "index of the row, from 0"},
            "code": {"type": "string", "examples": ["unseen_category"]},
            "field": {"type": "string"},
            "parameter": {"type": "string", "description": "of the query, where it is what is wrong"},
            "count": {
                "type": "integer",
                "description": "number of rows; of more than 20 rows, warnings with one code and field are one",
            },
            "rows": {"type": "array", "items": {"type": "integer"}, "description": "the first rows of that number"},
            "message": {"type": "string"},
            "sent": {},
            "known": {},
            "nearest": {"type": "string"},
        },
    },
    "Problem": {
        "type": "object",
        "description": "An error, by RFC 9457.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Warning"}},
        },
    },
}


def _intro(endpoint: Endpoint) -> str:
    manifest = endpoint.predictor.manifest
    found, prior = (score(each.get(manifest.metric)) for each in (manifest.scores, manifest.baseline))
    scored = f"{manifest.metric} {found} on {manifest.evaluation['on']} (without learning {prior})"
    return f"Predicts `{manifest.predicts}` ({manifest.task}, {manifest.learner}): {scored}."


def _operation(endpoint: Endpoint, operation: str, base: str) -> Json:
    """One way to predict; ``base`` begins the names of the version's schemas."""
    example = endpoint.predictor.example
    row = _schema(f"{base}.row")
    bodies: Json = {"one row": example}
    body, answer = row, _schema(f"{base}.answer")
    if not endpoint.reader.has_instances_field:  # then a body is always one row
        bodies["several rows"] = {"instances": [example] * min(2, endpoint.rows_limit)}
        instances = {"type": "array", "items": row}
        many = {"type": "object", "required": ["instances"], "properties": {"instances": instances}}
        body, answer = {"oneOf": [row, many]}, {"oneOf": [answer, _schema(f"{base}.answers")]}
    asked = {"schema": body, "examples": {name: {"value": value} for name, value in bodies.items()}}
    given = {"schema": answer, "examples": _answers(endpoint, bodies)}
    responses: Json = {"200": {"description": "The prediction.", "content": {"application/json": given}}}
    responses |= {str(status): _problem(status, description) for status, description in _PROBLEMS.items()}
    return {
        "operationId": operation,
        "summary": f"Predict {endpoint.predictor.manifest.predicts} by {endpoint.model}, version {endpoint.version}",
        "tags": [endpoint.model],
        "parameters": [_STRICT],
        "requestBody": {"required": True, "content": {"application/json": asked}},
        "responses": responses,
    }


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _answers(endpoint: Endpoint, bodies: Mapping[str, Any]) -> Json:
    """What the service answers to some bodies, as examples of a response."""

    def answer(body: Any) -> Json:
        reply, _, _ = endpoint.predict_at_once(orjson.dumps(body))
        document = orjson.loads(reply)
        return {"value": {**document, "id": _EXAMPLE_ID}}

    found = {name: _or_else(partial(answer, body), {}) for name, body in bodies.items()}
    return {name: each for name, each in found.items() if each}


def _problem(status: int, description: str) -> Json:
    """The response of a status, with a problem document such as the service sends."""
    errors = [{"code": "not_a_number", "field": "…", "message": "…", "sent": "…"}] if status == 422 else []
    example = orjson.loads(HttpProblem(status, description, errors).body())
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": description, "content": {"application/problem+json": content}}


def request_schema(endpoint: Endpoint) -> Json:
    """JSON Schema of what is asked at once: a row, or whatever the task of the model asks instead.

    No field of a row is required: what is missing is served as missing, with a warning.
    """
    steps = {step.field: step for step in endpoint.predictor.encoder.steps}
    fields = [field for field in endpoint.predictor.manifest.schema() if field.name in steps]
    properties = {field.name: steps[field.name].schema(f"{field.kind}: {render(field.reason)}") for field in fields}
    row = {"type": "object", "properties": properties, "examples": [endpoint.predictor.example]}
    return endpoint.predictor.answerer.request_schema(row)


def _answer_schema(endpoint: Endpoint, *, many: bool) -> Json:
    properties: Json = {
        "id": {"type": "string", "description": "of this answer; row i of several has the id `<id>.<i>`"},
        "model": {"const": endpoint.model},
        "version": {"type": "integer"},
    }
    properties |= endpoint.predictor.answerer.answer_schema(many=many)
    properties["warnings"] = {"type": "array", "items": _WARNING}
    return {"type": "object", "required": ["id", "model", "version", "warnings"], "properties": properties}


def describe_model(endpoint: Endpoint) -> Json:
    """What ``GET /models/{name}`` tells."""
    predictor = endpoint.predictor
    manifest = predictor.manifest
    return {
        "name": endpoint.model,
        "version": endpoint.version,
        "sha256": predictor.sha256,
        "task": manifest.task,
        "target": manifest.target,
        **predictor.answerer.about(),
        "learner": manifest.learner,
        "metric": manifest.metric,
        "scores": manifest.scores,
        "baseline": manifest.baseline,
        "evaluation": manifest.evaluation,
        "row": _or_else(partial(request_schema, endpoint), {"type": "object"}),
        "example": predictor.example,
    }
