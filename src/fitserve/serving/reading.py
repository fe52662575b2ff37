"""A request's body to rows: the first of the three parts of an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fitserve.errors import Problem
from fitserve.features.encoder import EncodedRow
from fitserve.prediction import Predictor
from fitserve.serving.json_body import big_integers
from fitserve.serving.problems import HttpProblem, invalid
from fitserve.serving.receipt import Receipt

MANY = "instances"
# So many fields may a row have beyond those that the model knows: each one is named in a warning of its own.
_MOST_EXTRA_FIELDS = 1000
# Of several rows, so many problems are kept for whoever is told of predictions; the answer tells of all.
_MOST_KEPT = 10_000
_BIGGEST_INT64 = float(2**63)


# One row: its fields as sent, what the model sees of them, and what is to be said about them.
Row = tuple[Mapping[str, Any], EncodedRow, list[Problem]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Several rows, with what is to be said about all of them; of many problems, rows hold the first."""

    rows: Sequence[Row]
    receipt: Receipt


class RowReader:
    """Reads the rows of requests for one model."""

    def __init__(self, predictor: Predictor, rows_limit: int) -> None:
        encoder = predictor.encoder
        self._read = predictor.read
        self._fields = predictor.answerer.fields
        self._rows_limit = rows_limit
        self._known_fields = len(encoder.steps)
        self._most_fields = len(encoder.steps) + len(encoder.ignored) + _MOST_EXTRA_FIELDS
        self.has_instances_field = MANY in encoder.fields

    def holds_many(self, document: Mapping[str, Any]) -> bool:
        """Whether a body holds several rows."""
        return MANY in document and not self.has_instances_field

    def one(self, document: Mapping[str, Any], body: bytes, *, strict: bool) -> Row:
        """The row of a body that is one; raises HttpProblem with 413 or 422."""
        fields = self._fields(document)
        if len(fields) > self._most_fields:
            raise self._too_wide("the row", len(fields))
        encoded, problems = self._read(fields)
        if problems:
            if beyond := _beyond_integers(problems):
                problems += [problem for _, problem in _read_as_floats(body, beyond, "")]
            found = [problem for problem in problems if strict or problem.fatal]
            if found:
                raise invalid(found, hint=self._hint(document, found))
        return fields, encoded, problems

    def documents(self, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a body with many, each a JSON object of bearable width; raises HttpProblem with 413 or 422."""
        rows = document[MANY]
        if not isinstance(rows, list):
            raise HttpProblem(422, f"{MANY!r} must be a list of rows, each a JSON object")
        if len(document) > _MOST_EXTRA_FIELDS:
            raise HttpProblem(413, f"the body has {len(document)} members; only {MANY!r} is read: leave the others out")
        if len(rows) > self._rows_limit:
            raise HttpProblem(413, f"{len(rows)} rows; one request may hold {self._rows_limit}: send several requests")
        wrong = [i for i, row in enumerate(rows) if row.__class__ is not dict]
        if wrong:
            errors = [{"row": i, "code": "not_a_row", "message": "a row is a JSON object"} for i in wrong]
            raise HttpProblem(422, f"{len(wrong)} of {len(rows)} rows are not JSON objects; see errors", errors)
        widths = list(map(len, rows))
        if max(widths, default=0) > self._most_fields:
            raise self._too_wide(f"row {widths.index(max(widths))}", max(widths))
        return rows

    def many(self, document: Mapping[str, Any], rows: Sequence[dict[str, Any]], body: bytes, *, strict: bool) -> Rows:
        """What the model sees of the rows of a body; raises HttpProblem with 422."""
        receipt = Receipt(len(rows), strict=strict)
        if len(document) > 1:
            beside = f"stands beside {MANY!r}, where nothing is read; ignored"
            receipt.add_of_all([Problem("extra_field", name, beside) for name in document if name != MANY])
        found: list[Row] = []
        beyond: set[str] = set()
        kept = 0
        for i, fields in enumerate(map(self._fields, rows)):
            encoded, problems = self._read(fields)
            if problems:
                receipt.add(i, problems)
                beyond |= _beyond_integers(problems)
                problems = problems[: max(0, _MOST_KEPT - kept)]
                kept += len(problems)
            found.append((fields, encoded, problems))
        if beyond:
            for i, problem in _read_as_floats(body, beyond, MANY):
                receipt.add(i, [problem])
                if kept < _MOST_KEPT:
                    found[i][2].append(problem)
                    kept += 1
        if receipt.refusal is not None:
            raise receipt.refusal
        return Rows(found, receipt)

    def _hint(self, document: Mapping[str, Any], found: Sequence[Problem]) -> str:
        """What to say to a row without any known field that looks like several rows."""
        nested = any(value.__class__ is list and value and value[0].__class__ is dict for value in document.values())
        if nested and not self.has_instances_field and any(problem.code == "no_known_field" for problem in found):
            return '; several rows are sent as {"instances": [row, …]}'
        return ""

    def _too_wide(self, row: str, fields: int) -> HttpProblem:
        reads = f"the model reads {self._known_fields}"
        return HttpProblem(413, f"{row} has {fields} fields; {reads}: leave the others out")


def _beyond_integers(problems: Iterable[Problem]) -> set[str]:
    """The fields of problems with a number that may have been sent as an integer beyond 64 bits."""
    return {p.field for p in problems if isinstance(p.sent, float) and abs(p.sent) >= _BIGGEST_INT64}


def _read_as_floats(body: bytes, fields: set[str], many: str) -> Iterator[tuple[int, Problem]]:
    """A warning for each field that was sent as an integer beyond 64 bits, with the index of its row."""
    message = "an integer beyond 64 bits, read as a float"
    for i, name, value in big_integers(body, fields, many):
        yield i, Problem("big_integer", name, message, value)
