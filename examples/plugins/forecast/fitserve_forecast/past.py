"""The past of a series: a block of its own, and the step that fills it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks.dense import Matrix
from fitserve.features.base import Notes, PlainState, Problem, described
from fitserve.features.column import Coded, Column
from fitserve.schema import Kind

PAST = 24


@dataclass(frozen=True, slots=True)
class Past(Matrix):
    """The last values of a series, the latest in the last column; NaN in front of a short one."""

    name: ClassVar[str] = "past"
    dtype: ClassVar[str] = "float32"


def window(values: Sequence[Any]) -> list[float]:
    """The last values as floats; raises ValueError or TypeError for what is no number."""
    last = [float(value) for value in values[-PAST:]]
    return [math.nan] * (PAST - len(last)) + [value if math.isfinite(value) else math.nan for value in last]


@dataclass(frozen=True)
class PastStep(PlainState):
    """A list of numbers as the block ``past``; ``low`` and ``high`` are the range of the training."""

    field: str
    low: float
    high: float
    block: ClassVar[str] = Past.name
    width: ClassVar[int] = PAST
    kinds: ClassVar[Sequence[Kind]] = (Kind.SERIES,)

    @classmethod
    def fit(cls, field: str, column: Column, *, ordered: bool = False) -> PastStep:
        """The range of the values."""
        del ordered
        values = cls(field, 0.0, 0.0).column(column)
        known = values[np.isfinite(values)]
        return cls(field, float(known.min(initial=0.0)), float(known.max(initial=0.0)))

    def again(self, column: Column) -> PastStep:
        """The range of other values."""
        return self.fit(self.field, column)

    def row(self, value: object, out: list[Any], notes: Notes) -> None:
        """Append the last values."""
        try:
            out.extend(window(value) if isinstance(value, (list, tuple)) else self._none(value))
        except (TypeError, ValueError):
            message = "not a list of numbers; send the values of the series, the latest last"
            notes.append(Problem("not_a_series", self.field, message, described(value), fatal=True))
            out.extend([math.nan] * PAST)

    def _none(self, value: object) -> list[float]:
        if value is not None:
            raise ValueError
        return [math.nan] * PAST

    def column(self, column: Column) -> NDArray[np.float32]:
        """Float32 (n, PAST)."""
        n = len(column)
        found = np.full((n, PAST), np.nan, dtype=np.float32)
        if isinstance(column, Coded):
            for i in np.flatnonzero(column.codes >= 0):
                own: list[float] = []
                self.row(column.levels[column.codes[i]], own, [])
                found[i] = own
        return found

    def schema(self, description: str) -> dict[str, Any]:
        """A list of numbers."""
        return {
            "type": ["array", "null"],
            "items": {"type": "number"},
            "description": f"{description}; the latest value last",
        }

    def example(self, profile: Mapping[str, Any], place: float) -> list[float]:
        """A line that ends between the lowest and the highest value."""
        del profile
        values = np.linspace(self.low, self.low + place * (self.high - self.low), PAST)
        return [round(value, 3) for value in values.tolist()]
