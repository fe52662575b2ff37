"""Errors over HTTP: one table from class to status, one body (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from fitserve.errors import FitserveError, InputError, NotFoundError, Problem
from fitserve.features.base import documents

CONTENT_TYPE = b"application/problem+json"

TITLES = {
    400: "Not parsable",
    401: "Key required",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid values",
    431: "Request head too large",
    500: "Internal error",
    503: "Not ready",
}
_STATUS_OF_ERROR: dict[type[FitserveError], int] = {InputError: 422, NotFoundError: 404}


@dataclass(eq=False)
class HttpProblem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """A request that gets a problem document for an answer."""

    status: int
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Sequence[tuple[bytes, bytes]] = field(default=())

    def body(self) -> bytes:
        """The problem document."""
        document: dict[str, Any] = {
            "type": f"urn:fitserve:problem:{TITLES[self.status].lower().replace(' ', '-')}",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = list(self.errors)
        return orjson.dumps(document, default=str)


def problem_of(error: FitserveError) -> HttpProblem:
    """The HTTP face of one of our errors."""
    status = next((_STATUS_OF_ERROR[base] for base in type(error).__mro__ if base in _STATUS_OF_ERROR), 500)
    problems = error.problems if isinstance(error, InputError) else ()
    return HttpProblem(status, str(error), documents(problems))


def invalid(problems: Sequence[Problem]) -> HttpProblem:
    """The answer to rows with values that cannot be served; it lists all of them."""
    fatal = sum(problem.fatal for problem in problems)
    told = []
    if fatal:
        told.append(f"{fatal} value{'s' * (fatal > 1)} cannot be used")
    if unusual := len(problems) - fatal:
        told.append(f"{unusual} value{'s' * (unusual > 1)} would be served with a warning if it were not for ?strict")
    return HttpProblem(422, f"{', '.join(told)}; see errors", documents(problems))
