"""Errors over HTTP: one table from class to status, one body (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from fitserve.errors import FitserveError, InputError, NotFoundError, Problem
from fitserve.features.base import documents

CONTENT_TYPE = b"application/problem+json"
_OF_EMPTY_ROWS = ("no_known_field", "unknown_field")

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


def invalid(problems: Sequence[Problem], *, left_out: int = 0, hint: str = "") -> HttpProblem:
    """The answer to rows with values that cannot be served; it lists ``problems``, and tells how many were left out."""
    empty = [problem for problem in problems if problem.code == "no_known_field"]
    wrong = sum(problem.fatal and problem.code not in _OF_EMPTY_ROWS for problem in problems)
    unusual = sum(not problem.fatal for problem in problems)
    found = []
    if empty:
        where = f"{len(empty)} rows: " if len(empty) > 1 else "" if empty[0].row is None else f"row {empty[0].row}: "
        found.append(where + empty[0].message)
    if wrong:
        found.append(f"{wrong} value{'s' * (wrong > 1)} cannot be used")
    if unusual:
        found.append(f"{unusual} value{'s' * (unusual > 1)} would be served with a warning if it were not for ?strict")
    errors = documents(problems)
    if left_out:
        found.append(f"{left_out} more are not listed")
        errors.append(more(left_out).as_json())
    return HttpProblem(422, f"{', '.join(found)}{hint}; see errors", errors)


def more(left_out: int) -> Problem:
    """What stands in the place of problems that are not listed."""
    return Problem("more", "", f"{left_out} more are not listed; send fewer rows to see all")
