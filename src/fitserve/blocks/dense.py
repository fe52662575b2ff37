"""Float columns, and what they share with other columns of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks.base import Input, Rows

FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Columns side by side: ``values`` (n, width) of one type, an input of a graph under the block's own name."""

    values: NDArray[Any]
    name: ClassVar[str]
    dtype: ClassVar[str]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Rows) -> Self:
        """The chosen rows."""
        return type(self)(self.values[rows])

    def sizes(self) -> None:
        """All rows have the same."""
        return

    def part(self, place: slice) -> NDArray[Any]:
        """Some columns, (n, …)."""
        return self.values[:, place]

    def with_part(self, place: slice, new: NDArray[Any]) -> Self:
        """The same matrix with other columns there."""
        changed = self.values.copy()
        changed[:, place] = new
        return type(self)(changed)

    @classmethod
    def stack(cls, rows: Sequence[Any], width: int) -> Self:
        """Rows of numbers."""
        return cls(np.array(rows, dtype=cls.dtype).reshape(len(rows), width))

    @classmethod
    def join(cls, parts: Sequence[Any], widths: Sequence[int], n: int) -> Self:
        """Columns side by side."""
        del widths
        return cls(np.concatenate([np.empty((n, 0), dtype=cls.dtype), *parts], axis=1))

    @classmethod
    def blank(cls, n: int, width: int, entries: int = 0) -> Self:
        """Zeros."""
        del entries
        return cls(np.zeros((n, width), dtype=cls.dtype))

    def inputs(self) -> Mapping[str, NDArray[Any]]:
        """The matrix."""
        return {self.name: self.values}

    @classmethod
    def signature(cls, width: int) -> Sequence[Input]:
        """One matrix."""
        return [(cls.name, cls.dtype, ("n", width))]


@dataclass(frozen=True, slots=True)
class Dense(Matrix):
    """Float32 columns with NaN where a value is missing; never infinite."""

    name: ClassVar[str] = "dense"
    dtype: ClassVar[str] = "float32"
