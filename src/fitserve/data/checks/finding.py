"""What a look at a table finds: a code with arguments for programs, a sentence and advice for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fitserve.messages import Message, render, stored


class Severity(StrEnum):
    """How much a finding matters. ``STOP``: a score of a training on this table would be a lie."""

    STOP = "stop"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a table.

    ``code`` names the check and its message, ``columns`` what it is about, ``arguments`` what else there is to tell;
    ``count`` is a number of rows, cells or columns.
    """

    code: str
    severity: Severity
    columns: Sequence[str]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    count: int = 0

    @property
    def found(self) -> Message:
        """What was found."""
        return Message(self.code, self._all())

    @property
    def proposed(self) -> Message:
        """What to do, or what is done about it without being asked."""
        return Message(f"{self.code}.advice", self._all())

    @property
    def whole(self) -> Message:
        """What was found and what to do."""
        return Message("finding", {"text": self.found, "advice": self.proposed})

    @property
    def message(self) -> str:
        """What was found, in words."""
        return render(self.found)

    @property
    def advice(self) -> str:
        """What to do, in words; "" where there is nothing."""
        return render(self.proposed)

    @property
    def sentence(self) -> str:
        """Message and advice in one line."""
        return render(self.whole)

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object, with its words."""
        return {
            "code": self.code,
            "severity": self.severity,
            "columns": list(self.columns),
            "message": self.message,
            "advice": self.advice,
            "count": self.count,
            "arguments": stored(self.arguments),
        }

    def _all(self) -> dict[str, Any]:
        column = {"column": self.columns[0]} if self.columns else {}
        return {"columns": list(self.columns), **column, "count": self.count, **self.arguments}


def stop(code: str, columns: Sequence[str], count: int = 0, **arguments: Any) -> Finding:
    """A finding that makes scores a lie."""
    return Finding(code, Severity.STOP, columns, arguments, count)


def warn(code: str, columns: Sequence[str], count: int = 0, **arguments: Any) -> Finding:
    """A finding to act on."""
    return Finding(code, Severity.WARN, columns, arguments, count)


def note(code: str, columns: Sequence[str], count: int = 0, **arguments: Any) -> Finding:
    """A finding to know of."""
    return Finding(code, Severity.NOTE, columns, arguments, count)


_ORDER = [Severity.STOP, Severity.WARN, Severity.NOTE]


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """What stops a training first, then warnings, then notes; else in the order of the checks."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
