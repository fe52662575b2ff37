"""The two forms in which a whole column reaches a step."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve import schema


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers: float64 of shape (n,), NaN where missing. Dates are epoch seconds."""

    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of anything: row ``i`` holds ``levels[codes[i]]``; -1 is missing. Codes are int32, (n,).

    ``spelling`` says how its texts are meant, where a user has said so (see `fitserve.features.spelling.SPELLINGS`).
    """

    codes: NDArray[np.int32]
    levels: Sequence[object]
    spelling: str = ""

    def __len__(self) -> int:
        return len(self.codes)

    def map(self, read: Callable[[object], Any], missing: Any, dtype: Any) -> NDArray[Any]:
        """``read`` of every row, evaluated once for each level that occurs; shape (n,) or (n, width)."""
        used = self.dense()
        table = np.array([*(read(level) for level in used.levels), missing], dtype=dtype)
        return table[used.codes]

    def dense(self) -> Coded:
        """The same column without levels that do not occur, where most of them do not: some rows of a long one."""
        if len(self.levels) <= 2 * len(self.codes):
            return self
        used, codes = np.unique(self.codes, return_inverse=True)
        gap = len(used) > 0 and used[0] < 0
        levels = [self.levels[i] for i in used[int(gap) :].tolist()]
        return Coded((codes - int(gap)).astype(np.int32), levels, self.spelling)


Column = Numbers | Coded


def take(column: Column, rows: NDArray[Any] | slice) -> Column:
    """The chosen rows of a column, by index or mask."""
    if isinstance(column, Numbers):
        return Numbers(column.values[rows])
    return Coded(column.codes[rows], column.levels, column.spelling)


def coded(values: Sequence[object]) -> Coded:
    """A column of Python values, None where missing. Values of different types stay apart."""
    index: dict[tuple[type, object], int] = {}
    levels: list[object] = []
    codes = np.empty(len(values), dtype=np.int32)
    for i, value in enumerate(values):
        if schema.is_missing(value):
            codes[i] = -1
            continue
        hashable = value if isinstance(value, Hashable) and not isinstance(value, tuple) else repr(value)
        code = index.setdefault((type(value), hashable), len(levels))
        if code == len(levels):
            levels.append(value)
        codes[i] = code
    return Coded(codes, levels)


def moments_of_micros(micros: NDArray[np.int64]) -> NDArray[np.float64]:
    """Epoch seconds of microseconds; what rounding moves out of the calendar is at its edge, all else stays outside."""
    seconds: NDArray[np.float64] = schema.seconds_of_micros(micros)
    return np.where(seconds == math.ceil(schema.LAST_MOMENT), schema.LAST_MOMENT, seconds)


def column_of(values: Any) -> Column:
    """A column from an array or sequence of values of any type.

    Float and integer arrays become `Numbers`, datetime64 epoch seconds, everything else, and longer integers, `Coded`.
    """
    array = np.asarray(values) if hasattr(values, "__array__") else None
    if array is None or array.dtype.kind not in "fiuM":
        return coded(array.tolist() if array is not None else list(values))
    if array.dtype.kind == "M":
        micros = array.astype("datetime64[us]")
        return Numbers(np.where(np.isnat(micros), np.nan, moments_of_micros(micros.astype(np.int64))))
    if array.dtype.kind in "iu" and len(array) and max(abs(int(array.min())), int(array.max())) >= schema.LARGEST_EXACT:
        return coded(array.tolist())  # a float would not keep all digits of a code
    return Numbers(array.astype(np.float64))
