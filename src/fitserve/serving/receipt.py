"""What is said about the values of many rows: every problem is counted, and small requests get small answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fitserve.errors import Problem
from fitserve.features.base import documents
from fitserve.features.encoder import at_row
from fitserve.serving.problems import HttpProblem, invalid, more

# Beyond so many rows, warnings with the same code and field are one warning that names the first of its rows.
MOST_ROWS = 20
_FIRST_ROWS = 5
# A row may lack thousands of fields, and hold a thousand that nobody knows.
_MOST_LISTED = 10_000


@dataclass(slots=True)
class _Listed:
    """The first problems, each with its row, and how many more there were."""

    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0

    def add(self, problem: Problem, row: int | None) -> None:
        if len(self.problems) < _MOST_LISTED:
            self.problems.extend(at_row([problem], row))
        else:
            self.left_out += 1


@dataclass(slots=True)
class _Collapsed:
    """Warnings with one code and one field; the first of them tells what was sent."""

    first: Problem
    count: int = 0
    rows: list[int] = field(default_factory=list)


class Receipt:
    """The problems of the rows of one request.

    Those of up to 20 rows are listed one by one. Of more rows, warnings are collapsed, one for each code and field,
    with their number and the first rows. Errors are always listed with their row, for whoever sent them has to mend
    each; with ``strict`` every problem is an error. ``count`` is the number of all warnings.
    """

    def __init__(self, n_rows: int, *, strict: bool = False) -> None:
        self.count = 0
        self._collapse = n_rows > MOST_ROWS
        self._strict = strict
        self._errors, self._listed = _Listed(), _Listed()
        self._collapsed: dict[tuple[str, str], _Collapsed] = {}

    def add(self, row: int, problems: Iterable[Problem]) -> None:
        """Take what is to be said about one row."""
        for problem in problems:
            if self._strict or problem.fatal:
                self._errors.add(problem, row)
                continue
            self.count += 1
            key = (problem.code, problem.field)
            if self._collapse and (key in self._collapsed or len(self._collapsed) < _MOST_LISTED):
                same = self._collapsed.setdefault(key, _Collapsed(problem))
                same.count += 1
                if len(same.rows) < _FIRST_ROWS:
                    same.rows.append(row)
            elif self._collapse:
                self._listed.left_out += 1
            else:
                self._listed.add(problem, row)

    def add_of_all(self, problems: Iterable[Problem]) -> None:
        """Take what is to be said about the request as a whole."""
        for problem in problems:
            self.count += not self._strict
            (self._errors if self._strict else self._listed).add(problem, None)

    @property
    def refusal(self) -> HttpProblem | None:
        """The answer where there are errors."""
        found = self._errors
        if not found.problems:
            return None
        return invalid(found.problems, left_out=found.left_out)

    def warnings(self) -> list[dict[str, Any]]:
        """The warnings as JSON objects."""
        same = list(self._collapsed.values())
        listed = documents([*(each.first for each in same), *self._listed.problems])
        for document, each in zip(listed, same, strict=False):
            document |= {"count": each.count, "rows": each.rows}
        if self._listed.left_out:
            listed.append(more(self._listed.left_out).as_json())
        return listed
