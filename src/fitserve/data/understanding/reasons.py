"""Why a column is of a kind: as messages for people, and what there is to remark about it for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fitserve.messages import AnyMessage, Message
from fitserve.schema import Field, Remark


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a column is of a kind: a message, and others that go on where it ends.

    ``remarks`` are what decisions are made by.
    """

    parts: tuple[AnyMessage, ...]
    remarks: tuple[Remark, ...] = ()

    @classmethod
    def of(cls, code: str, arguments: Mapping[str, Any] | None = None, *remarks: Remark) -> Reason:
        """The reason of a code of the columns."""
        return cls((Message(f"column.{code}", arguments or {}),), remarks)

    @property
    def message(self) -> AnyMessage:
        """All of it."""
        return self.parts[0] if len(self.parts) == 1 else Message("column.reasons", {"parts": list(self.parts)})

    def but(self, more: Message | None, *remarks: Remark) -> Reason:
        """The same with more behind it; None for no more."""
        if more is None:
            return self
        return Reason((*self.parts, more), tuple(dict.fromkeys([*self.remarks, *remarks])))

    def others_missing(self, n: int) -> Reason:
        """The same of a column in which some spellings are none of its kind."""
        return self.but(Message("column.others_missing", {"n": n}), Remark.OTHERS_MISSING) if n else self

    def in_doubt(self, doubt: Message | None) -> Reason:
        """The same of a column whose texts can be read in two ways; ``doubt`` says how, None that they cannot."""
        return self.but(Message("column.in_doubt", {"doubt": doubt}), Remark.IN_DOUBT) if doubt else self


def with_more(field: Field, code: str, **arguments: Any) -> AnyMessage:
    """The reason of a field with more behind it."""
    return Reason((field.reason,)).but(Message(f"column.{code}", arguments)).message
