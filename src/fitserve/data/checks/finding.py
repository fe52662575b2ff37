"""What a look at a table finds: a code for programs, a sentence and advice for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding matters. ``STOP``: a score of a training on this table would be a lie."""

    STOP = "stop"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a table.

    ``code`` names the check, ``columns`` what it is about; ``message`` says what was found, ``advice`` what to do
    (or what is done about it without being asked). ``count`` is a number of rows, cells or columns.
    """

    code: str
    severity: Severity
    columns: Sequence[str]
    message: str
    advice: str
    count: int = 0

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return {**asdict(self), "columns": list(self.columns)}

    @property
    def sentence(self) -> str:
        """Message and advice in one line."""
        return f"{self.message}; {self.advice}" if self.advice else self.message


def stop(code: str, columns: Sequence[str], message: str, advice: str, count: int = 0) -> Finding:
    """A finding that makes scores a lie."""
    return Finding(code, Severity.STOP, columns, message, advice, count)


def warn(code: str, columns: Sequence[str], message: str, advice: str, count: int = 0) -> Finding:
    """A finding to act on."""
    return Finding(code, Severity.WARN, columns, message, advice, count)


def note(code: str, columns: Sequence[str], message: str, advice: str, count: int = 0) -> Finding:
    """A finding to know of."""
    return Finding(code, Severity.NOTE, columns, message, advice, count)


_END = 30
_ORDER = [Severity.STOP, Severity.WARN, Severity.NOTE]


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """What stops a training first, then warnings, then notes; else in the order of the checks."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))


def named(columns: Sequence[str], most: int = 5) -> str:
    """Names of columns in a sentence, the first of many."""
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(repr(shortened(name)) for name in columns[:most]) + more


def shortened(name: str, most: int = 2 * _END + 1) -> str:
    """A long name by its beginning and its end, which both tell."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[most // 2 + 1 - most :]}"


def share(part: int, whole: int) -> str:
    """A part of some rows as people say it: "12 of 300 rows (4 %)"."""
    if not whole:
        return f"{part:,}"
    percent = 100 * part / whole
    told = f"{percent:.0f} %" if percent >= 1 or part == 0 else f"{percent:.2g} %"
    return f"{part:,} of {whole:,} ({told})"
