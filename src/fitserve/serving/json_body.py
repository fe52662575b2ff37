"""A body as JSON: an object, whatever it holds, or a word about what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from fitserve.serving.problems import HttpProblem

# Objects and lists without end take long to build, and reading JSON cannot be interrupted.
_MOST_BRACKETS = 400_000


def parse(body: bytes) -> dict[str, Any]:
    """The object; raises HttpProblem with 400, 413 or 422."""
    if len(body) > _MOST_BRACKETS and (n := body.count(b"[") + body.count(b"{")) > _MOST_BRACKETS:
        detail = f"the body has {n} brackets; one request may hold {_MOST_BRACKETS}: send several requests"
        raise HttpProblem(413, detail)
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _not_json(body, error) from None
    if data.__class__ is not dict:
        raise HttpProblem(422, 'the body must be a JSON object: one row, or {"instances": [row, …]}')
    found: dict[str, Any] = data
    return found


def big_integers(body: bytes, fields: set[str], many: str) -> Iterator[tuple[int, str, float]]:
    """Integers beyond 64 bits among some fields, which are read as floats: index of the row, name, value.

    ``many`` names the member that holds several rows, "" where the body is one.
    """
    try:
        data = json.loads(body, parse_int=_BigInteger.of)
    except RecursionError:  # a field that nobody reads is nested deeper than this parser goes
        return
    for i, row in enumerate(data[many] if many else [data]):
        for name, value in row.items():
            if name in fields and isinstance(value, _BigInteger):
                yield i, name, float(value)


class _BigInteger(float):
    """An integer of JSON that int64 and uint64 cannot hold."""

    @classmethod
    def of(cls, digits: str) -> float:
        """The number of some digits; no integer of any length is ever built."""
        big = len(digits) > 20 or not -(2**63) <= int(digits) < 2**64
        return cls(digits) if big else float(digits)


def _not_json(body: bytes, error: orjson.JSONDecodeError) -> HttpProblem:
    if not body.strip():
        return HttpProblem(400, "the body is empty; send a JSON object, one row")
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        what = f"byte {wrong.start} is 0x{body[wrong.start]:02x}"
        return HttpProblem(400, f"the body is not UTF-8 ({what}); JSON is sent in no other encoding")
    return HttpProblem(400, f"the body is not JSON: {error}{_json_hint(body, str(error))}")


def _json_hint(body: bytes, reason: str) -> str:
    """What to do about it, where that is plain."""
    if "infinity when parsed" in reason:
        return "; no number of a model is that large, send null for a missing value"
    if "surrogate" in reason:
        return "; \\ud800 to \\udfff stand for a character only in pairs"
    if re.search(rb"[:\[,]\s*-?(NaN|Infinity)\b", body[:100_000]):
        return "; JSON has no NaN or Infinity, send null for a missing value"
    if "BOM" in reason:
        return "; leave its first three bytes out"
    if re.match(rb"\s*\{\s*'", body):
        return "; JSON has double quotes alone"
    return ""
