"""OpenAPI 3.1 of a service, with each model's own names, types, ranges, categories and an example row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import orjson

from fitserve.features.category import CategoryStep
from fitserve.features.encoder import AnyStep
from fitserve.features.moment import MomentStep, moment_text
from fitserve.features.number import NumberStep
from fitserve.schema import Field, Kind
from fitserve.serving.endpoint import Endpoint
from fitserve.serving.problems import HttpProblem

Json = dict[str, Any]

_MOST_LEVELS = 100
_WARNING = {"$ref": "#/components/schemas/Warning"}
_PROBLEMS = {
    400: "The body is not JSON.",
    401: "The service needs a key and none was sent.",
    413: "The body or the number of rows is too large.",
    415: "The body is compressed, or declared as something else than JSON.",
    422: "Values that cannot be used; `errors` lists all of them.",
}
_EXAMPLE_ID = "01J9Z3NDEKTSV4RRFFQ69G5FAV"


def openapi(endpoints: Sequence[Endpoint], default: Endpoint, *, needs_key: bool) -> Json:
    """The description of a service; ``needs_key`` if its requests must carry an API key."""
    paths: Json = {"/predict": {"post": _operation(default, "predict")}}
    schemas: Json = dict(_SHARED)
    for endpoint in endpoints:
        name, version = endpoint.model, endpoint.version
        paths.setdefault(f"/models/{name}/predict", {"post": _operation(endpoint, f"predict_{name}")})
        pinned = f"/models/{name}/versions/{version}/predict"
        paths[pinned] = {"post": _operation(endpoint, f"predict_{name}.{version}")}
        schemas[_schema_name(endpoint, "row")] = row_schema(endpoint)
        schemas[_schema_name(endpoint, "answer")] = _answer_schema(endpoint, many=False)
        schemas[_schema_name(endpoint, "answers")] = _answer_schema(endpoint, many=True)
        paths[f"/models/{name}"] = _reading(f"What is known of {name}")
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


def _schema_name(endpoint: Endpoint, part: str) -> str:
    """The name of one of the schemas of a version; only some characters may stand in it."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{endpoint.model}.{endpoint.version}.{part}")


def _reading(summary: str) -> Json:
    return {"get": {"summary": summary, "tags": ["service"], "responses": {"200": {"description": "OK"}}}}


_READ = {
    "/models": "The models that are served",
    "/livez": "Whether the process lives",
    "/readyz": "Whether predictions are answered",
    "/metrics": "Counters and latencies for Prometheus",
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
    score, prior = manifest.scores.get(manifest.metric), manifest.baseline.get(manifest.metric)
    judged = f"{manifest.metric} {_shown(score)} on {manifest.evaluation['on']} (without learning {_shown(prior)})"
    return f"Predicts `{manifest.target}` ({manifest.task}, {manifest.learner}): {judged}."


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"


def _operation(endpoint: Endpoint, operation: str) -> Json:
    name = endpoint.model
    example = endpoint.predictor.example
    bodies = {"one row": example, "several rows": {"instances": [example] * min(2, endpoint.rows_limit)}}
    row = {"$ref": f"#/components/schemas/{_schema_name(endpoint, 'row')}"}
    many = {
        "type": "object",
        "required": ["instances"],
        "properties": {"instances": {"type": "array", "items": row}},
    }
    body = {
        "schema": {"oneOf": [row, many]},
        "examples": {name: {"value": value} for name, value in bodies.items()},
    }
    answers = [{"$ref": f"#/components/schemas/{_schema_name(endpoint, part)}"} for part in ("answer", "answers")]
    responses: Json = {
        "200": {
            "description": "The prediction.",
            "content": {"application/json": {"schema": {"oneOf": answers}, "examples": _answers(endpoint, bodies)}},
        }
    }
    responses |= {str(status): _problem(status, description) for status, description in _PROBLEMS.items()}
    strict = {
        "name": "strict",
        "in": "query",
        "description": "Answer 422 instead of serving a row with warnings.",
        "schema": {"type": "boolean", "default": False},
    }
    return {
        "operationId": operation,
        "summary": f"Predict {endpoint.predictor.manifest.target} by {name}, version {endpoint.version}",
        "tags": [name],
        "parameters": [strict],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": responses,
    }


def _answers(endpoint: Endpoint, bodies: Mapping[str, Any]) -> Json:
    """What the service answers to some bodies, as examples of a response."""
    found = {}
    for name, body in bodies.items():
        answer = orjson.loads(endpoint.predict_at_once(orjson.dumps(body)).body)
        found[name] = {"value": {**answer, "id": _EXAMPLE_ID}}
    return found


def _problem(status: int, description: str) -> Json:
    """The response of a status, with a problem document such as the service sends."""
    errors = [{"code": "not_a_number", "field": "…", "message": "…", "sent": "…"}] if status == 422 else []
    example = orjson.loads(HttpProblem(status, description, errors).body())
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": description, "content": {"application/problem+json": content}}


def row_schema(endpoint: Endpoint) -> Json:
    """JSON Schema of one row. No field is required: what is missing is served as missing, with a warning."""
    steps = {step.field: step for step in endpoint.predictor.encoder.steps}
    fields = [field for field in endpoint.predictor.manifest.schema() if field.name in steps]
    properties = {field.name: _property(field, steps[field.name]) for field in fields}
    return {"type": "object", "properties": properties, "examples": [endpoint.predictor.example]}


def _property(field: Field, step: AnyStep) -> Json:
    told = f"{field.kind}: {field.reason}"
    if isinstance(step, NumberStep):
        seen = f"{told}; {step.low:g} to {step.high:g} in training"
        return {"type": ["number", "null"], "description": seen, "x-range-in-training": [step.low, step.high]}
    if isinstance(step, CategoryStep):
        levels = list(step.levels)
        known: Json = {"examples": levels[:_MOST_LEVELS], "x-levels-in-training": levels[:_MOST_LEVELS]}
        listed = ", ".join(levels[:12]) + (", …" if len(levels) > 12 else "")
        return {"type": ["string", "number", "boolean", "null"], "description": f"{told}: {listed}", **known}
    if field.kind is Kind.BOOLEAN:
        return {"type": ["boolean", "null"], "description": told}
    if isinstance(step, MomentStep):
        span = [moment_text(step.low), moment_text(step.high)]
        seen = f"{told}; {span[0]} to {span[1]} in training"
        return {"type": ["string", "null"], "format": "date-time", "description": seen, "x-range-in-training": span}
    items = {"type": ["string", "number", "boolean", "null"]}
    told = f"{told}; the items of a list are joined"
    return {"type": ["string", "array", "null"], "items": items, "description": told}


def _answer_schema(endpoint: Endpoint, *, many: bool) -> Json:
    labels = endpoint.predictor.manifest.answer.get("labels")
    prediction: Json = {"enum": labels} if labels else {"type": ["number", "null"]}
    properties: Json = {
        "id": {"type": "string", "description": "of this answer; row i of several has the id `<id>.<i>`"},
        "model": {"const": endpoint.model},
        "version": {"type": "integer"},
    }
    if labels:
        each = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}}
        properties["probabilities"] = {"type": "array", "items": each} if many else each
    properties["predictions" if many else "prediction"] = {"type": "array", "items": prediction} if many else prediction
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
        "labels": manifest.answer.get("labels"),
        "learner": manifest.learner,
        "metric": manifest.metric,
        "scores": manifest.scores,
        "baseline": manifest.baseline,
        "evaluation": manifest.evaluation,
        "row": row_schema(endpoint),
        "example": predictor.example,
    }
