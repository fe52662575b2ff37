"""Every error that fitserve raises on purpose.

FitserveError
├── UserError               something the caller can mend; the command line ends with exit code 2
│   ├── DataError           a file or table cannot be used
│   ├── SpecError           an option or a field of a spec is wrong
│   ├── NotFoundError       no model, version, alias, run or file of that name
│   ├── InputError          rows sent for prediction cannot be served; carries every field's problem
│   ├── BundleError         a bundle is damaged, forged, unsafe or from a newer fitserve
│   └── WorkspaceError      the workspace cannot be opened, read or written
├── NotForThisTable         a learner cannot handle this table: it steps aside, which is no failure
├── ParityError             an exported model does not answer like the trained one
└── MissingExtraError       the heavy half is not installed

Messages are one line: what is wrong, then what to do.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST = 300
# Controls, marks that change the direction of writing or cannot be seen, halves of characters, ends of lines.
_STEERING = frozenset(["Cc", "Cf", "Cs", "Zl", "Zp"])
_HARMLESS = frozenset("\t\u200c\u200d")  # and joiners, which some scripts and emoji need


def steers(sign: str) -> bool:
    """Whether a character could do more in a terminal or a log than stand there."""
    return not sign.isprintable() and sign not in _HARMLESS and unicodedata.category(sign) in _STEERING


def printable(text: str) -> str:
    """The text in one line, with every character that steers spelled out as in Python: names may hold anything."""
    if text.isprintable():
        return text
    return "".join(ascii(sign)[1:-1] if steers(sign) else sign for sign in text)


class FitserveError(Exception):
    """Root of the tree."""

    def __str__(self) -> str:
        """The message, one printable line whatever a name in it holds."""
        return printable(" ".join(super().__str__().splitlines()))


class UserError(FitserveError):
    """Something that the caller can mend."""


class DataError(UserError):
    """A file or table cannot be used."""


class SpecError(UserError):
    """An option or a field of a spec is wrong."""


class NotFoundError(UserError):
    """No model, version, alias, run or file of that name."""


class BundleError(UserError):
    """A bundle is damaged, forged, unsafe or from a newer fitserve."""


class WorkspaceError(UserError):
    """The workspace cannot be opened, read or written."""


class NotForThisTable(FitserveError):  # noqa: N818 - a refusal, not a failure
    """A learner cannot handle this table; another one may."""


class ParityError(FitserveError):
    """An exported model does not answer like the trained one."""


class MissingExtraError(FitserveError):
    """The heavy half is not installed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to say about one value of one row.

    ``code`` is for programs, ``message`` for people. ``row`` counts from 0.
    ``fatal`` means that no rule learned in training covers the value. ``among`` holds names of which one may
    be meant; looking for the nearest takes time, so whoever shows a problem does it.
    """

    code: str
    field: str
    message: str
    sent: Any = None
    known: Any = None
    nearest: str | None = None
    row: int | None = None
    fatal: bool = False
    among: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """The problem as a JSON object, without the members that say nothing."""
        document: dict[str, Any] = {} if self.row is None else {"row": self.row}
        document |= {"code": self.code, "field": self.field, "message": self.message}
        for name in ("sent", "known", "nearest"):
            value = getattr(self, name)
            if value is not None:
                document[name] = value
        return document


class InputError(UserError):
    """Rows sent for prediction cannot be served; ``problems`` lists every one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        where = "" if first.row is None else f"row {first.row}, "
        field = f"field {first.field!r}: " if first.field else ""
        super().__init__(f"{where}{field}{first.message}{more}")


def in_a_line(error: BaseException) -> str:
    """What any error says, in one line of bounded length; the kind of those that are not ours is named."""
    said = " ".join(str(error).split())
    said = said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
    if isinstance(error, FitserveError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
