"""One deployed version: JSON bytes in, JSON bytes out. The path of a prediction is here and in the Predictor."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from fitserve.errors import Problem
from fitserve.features.base import documents
from fitserve.features.encoder import EncodedRow
from fitserve.prediction import Predictor
from fitserve.serving.batching import TurnBatch
from fitserve.serving.ids import new_id
from fitserve.serving.problems import HttpProblem, invalid
from fitserve.serving.receipt import Receipt
from fitserve.tasks import Answer

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
_MANY = "instances"
# A body of so many bytes may take long enough to read and predict that other requests should not wait for it.
_LONG_BODY, _LONG_TEXTS = 65_536, 8_192
_LONG_LIST, _MANY_CELLS = 64, 2_000
# Objects and lists without end take long to build, and reading JSON cannot be interrupted.
_MOST_BRACKETS = 400_000
# So many fields may a row have beyond those that the model knows: each one is named in a warning of its own.
_MOST_EXTRA_FIELDS = 1000
_BIGGEST_INT64 = float(2**63)


class Reply(NamedTuple):
    """An answer's body, with what is counted of it."""

    body: bytes
    rows: int
    warnings: int


class Endpoint:
    """Answers for one version of one model."""

    def __init__(self, model: str, version: int, predictor: Predictor, rows_limit: int) -> None:
        self.model = model
        self.version = version
        self.predictor = predictor
        self.rows_limit = rows_limit
        self._batch = TurnBatch(predictor)
        encoder = predictor.encoder
        self.has_instances_field = any(step.field == _MANY for step in encoder.steps)
        # A character may stand for eighteen in a text.
        self._long_body = _LONG_TEXTS if encoder.texts else _LONG_BODY
        self._long_list = min(_LONG_LIST, _MANY_CELLS // (len(encoder.steps) + 1))
        self._most_fields = len(encoder.steps) + len(encoder.ignored) + _MOST_EXTRA_FIELDS

    async def predict(self, body: bytes, *, strict: bool = False) -> Reply:
        """The answer to a request body; raises HttpProblem with 400, 413 or 422."""
        if len(body) > self._long_body:
            return await asyncio.to_thread(self.predict_at_once, body, strict=strict)
        data = _parse(body)
        if self._holds_many(data):
            rows = self._rows(data)
            if len(rows) > self._long_list:
                return await asyncio.to_thread(self._many, data, rows, body, strict)
            return self._many(data, rows, body, strict)
        row, problems = self._read(data, body, strict)
        return self._reply(await self._batch.submit(row), problems)

    def predict_at_once(self, body: bytes, *, strict: bool = False) -> Reply:
        """The same without waiting for other requests, in any thread."""
        data = _parse(body)
        if self._holds_many(data):
            return self._many(data, self._rows(data), body, strict)
        row, problems = self._read(data, body, strict)
        return self._reply(self.predictor.run([row])[0], problems)

    def _holds_many(self, data: Mapping[str, Any]) -> bool:
        return _MANY in data and not self.has_instances_field

    def _read(self, data: dict[str, Any], body: bytes, strict: bool) -> tuple[EncodedRow, list[Problem]]:
        """What the model sees of a row."""
        if len(data) > self._most_fields:
            raise self._too_wide("the row", len(data))
        row, problems = self.predictor.read(data)
        if problems:
            if fields := _beyond_integers(problems):
                problems += [problem for _, problem in _big_integers(body, fields, many=False)]
            found = [problem for problem in problems if strict or problem.fatal]
            if found:
                raise invalid(found, hint=self._hint(data, found))
        return row, problems

    def _hint(self, data: Mapping[str, Any], found: Sequence[Problem]) -> str:
        """What to say to a row without any known field that looks like several rows."""
        nested = any(value.__class__ is list and value and value[0].__class__ is dict for value in data.values())
        if nested and not self.has_instances_field and any(problem.code == "no_known_field" for problem in found):
            return '; several rows are sent as {"instances": [row, …]}'
        return ""

    def _too_wide(self, row: str, fields: int) -> HttpProblem:
        known = len(self.predictor.encoder.steps)
        return HttpProblem(413, f"{row} has {fields} fields; the model reads {known}: leave the others out")

    def _reply(self, answer: Answer, problems: list[Problem]) -> Reply:
        warnings = documents(problems) if problems else []
        document = {"id": new_id(), "model": self.model, "version": self.version, **answer, "warnings": warnings}
        return Reply(orjson.dumps(document, default=str), 1, len(problems))

    def _rows(self, data: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a body with many, each a JSON object of bearable width."""
        rows = data[_MANY]
        if not isinstance(rows, list):
            raise HttpProblem(422, f"{_MANY!r} must be a list of rows, each a JSON object")
        if len(data) > _MOST_EXTRA_FIELDS:
            raise HttpProblem(413, f"the body has {len(data)} members; only {_MANY!r} is read: leave the others out")
        if len(rows) > self.rows_limit:
            raise HttpProblem(413, f"{len(rows)} rows; one request may hold {self.rows_limit}: send several requests")
        wrong = [i for i, row in enumerate(rows) if row.__class__ is not dict]
        if wrong:
            errors = [{"row": i, "code": "not_a_row", "message": "a row is a JSON object"} for i in wrong]
            raise HttpProblem(422, f"{len(wrong)} of {len(rows)} rows are not JSON objects; see errors", errors)
        widths = list(map(len, rows))
        if max(widths, default=0) > self._most_fields:
            raise self._too_wide(f"row {widths.index(max(widths))}", max(widths))
        return rows

    def _many(self, data: Mapping[str, Any], rows: list[dict[str, Any]], body: bytes, strict: bool) -> Reply:
        receipt = Receipt(len(rows), strict=strict)
        if len(data) > 1:
            beside = f"stands beside {_MANY!r}, where nothing is read; ignored"
            receipt.add_of_all([Problem("extra_field", name, beside) for name in data if name != _MANY])
        encoded = []
        beyond: set[str] = set()
        for i, row in enumerate(rows):
            read, problems = self.predictor.read(row)
            encoded.append(read)
            if problems:
                receipt.add(i, problems)
                beyond |= _beyond_integers(problems)
        if beyond:
            for i, problem in _big_integers(body, beyond, many=True):
                receipt.add(i, [problem])
        if receipt.refusal is not None:
            raise receipt.refusal
        answers = self.predictor.run(encoded)
        document: dict[str, Any] = {"id": new_id(), "model": self.model, "version": self.version}
        document |= self.predictor.answerer.wrap(answers)
        document["warnings"] = receipt.warnings()
        return Reply(orjson.dumps(document, option=_OPTIONS, default=str), len(rows), receipt.count)


def _parse(body: bytes) -> dict[str, Any]:
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


def _beyond_integers(problems: Iterable[Problem]) -> set[str]:
    """The fields of problems with a number that may have been sent as an integer beyond 64 bits."""
    return {p.field for p in problems if isinstance(p.sent, float) and abs(p.sent) >= _BIGGEST_INT64}


def _big_integers(body: bytes, fields: set[str], *, many: bool) -> Iterator[tuple[int, Problem]]:
    """A warning for each field that was sent as an integer beyond 64 bits; such numbers are read as floats."""
    try:
        data = json.loads(body, parse_int=_BigInteger.of)
    except RecursionError:  # a field that nobody reads is nested deeper than this parser goes
        return
    message = "an integer beyond 64 bits, read as a float"
    for i, row in enumerate(data[_MANY] if many else [data]):
        for name, value in row.items():
            if name in fields and isinstance(value, _BigInteger):
                yield i, Problem("big_integer", name, message, float(value))


class _BigInteger(float):
    """An integer of JSON that int64 and uint64 cannot hold."""

    @classmethod
    def of(cls, digits: str) -> float:
        """The number of some digits; no integer of any length is ever built."""
        big = len(digits) > 20 or not -(2**63) <= int(digits) < 2**64
        return cls(digits) if big else float(digits)
