"""Why a column is of a kind: in words, and what there is to remark about it for programs."""

from __future__ import annotations

from dataclasses import dataclass

from fitserve.schema import Remark


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a column is of a kind, in words for people; ``remarks`` are what decisions are made by."""

    text: str
    remarks: tuple[Remark, ...] = ()

    def but(self, text: str, *remarks: Remark) -> Reason:
        """The same with more behind it."""
        return Reason(f"{self.text}{text}", tuple(dict.fromkeys([*self.remarks, *remarks])))

    def others_missing(self, count: int) -> Reason:
        """The same of a column in which some spellings are none of its kind."""
        return self.but(f"; {count} other spellings count as missing", Remark.OTHERS_MISSING) if count else self

    def in_doubt(self, doubt: str) -> Reason:
        """The same of a column whose texts can be read in two ways; ``doubt`` says how, "" that they cannot."""
        return self.but(f"; in doubt: {doubt}", Remark.IN_DOUBT) if doubt else self
