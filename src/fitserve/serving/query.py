"""What the query of a request asks for. A parameter that nobody knows is a mistake, and is told as one."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from fitserve.names import nearest
from fitserve.schema import FALSE_WORDS, TRUE_WORDS
from fitserve.serving.problems import HttpProblem

_STRICT = "strict"
_YES, _NO = TRUE_WORDS | {"", "1"}, FALSE_WORDS | {"0"}
_LONGEST, _MOST = 2_000, 20


def is_strict(query: bytes) -> bool:
    """Whether warnings shall be errors; the last word counts.

    Raises HttpProblem with 422 for anything else than ``strict`` and yes or no.
    """
    if len(query) > _LONGEST or query.count(b"&") > _MOST:
        raise HttpProblem(422, f"the query is too long; {_STRICT!r} is the only parameter")
    parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    errors: list[dict[str, Any]] = []
    strict = False
    for name, value in parameters:
        word = value.strip().casefold()
        if name.strip().casefold() != _STRICT:
            errors.append(_unknown(name))
        elif word in _YES or word in _NO:
            strict = word in _YES
        else:
            message = f"{_STRICT} is true or false, not {value[:80]!r}"
            errors.append({"code": "wrong_parameter", "parameter": _STRICT, "message": message, "sent": value[:80]})
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise HttpProblem(422, f"{errors[0]['message']}{more}", errors)
    return strict


def _unknown(name: str) -> dict[str, Any]:
    message = f"there is no query parameter {name[:80]!r}"
    problem = {"code": "unknown_parameter", "parameter": name[:80], "message": message}
    near = nearest(name, [_STRICT])
    if near is None:
        return {**problem, "message": f"{message}; {_STRICT!r} is the only one"}
    return {**problem, "message": f"{message}; did you mean {near!r}?", "nearest": near}
