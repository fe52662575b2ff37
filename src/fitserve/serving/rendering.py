"""Predictions to JSON: the last of the three parts of an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from fitserve.features.base import documents
from fitserve.prediction import Prediction

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


class Origin(NamedTuple):
    """Which answer it is, and of which version of which model."""

    id: str
    model: str
    version: int


def render_one(prediction: Prediction) -> bytes:
    """The body of the answer to one row."""
    problems = prediction.problems
    document = {
        "id": prediction.id,
        "model": prediction.model,
        "version": prediction.version,
        **prediction.answer,
        "warnings": documents(problems) if problems else [],
    }
    return orjson.dumps(document, default=str)


def render_many(origin: Origin, answers: Mapping[str, Any], warnings: Sequence[Mapping[str, Any]]) -> bytes:
    """The body of the answer to several rows; ``answers`` are its members that the task has made."""
    document = {**origin._asdict(), **answers, "warnings": warnings}
    return orjson.dumps(document, option=_OPTIONS, default=str)
