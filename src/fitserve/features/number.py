"""Numbers, and yes/no values, as one float32."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from fitserve import schema
from fitserve.blocks import FLOAT32_MAX
from fitserve.features.base import Notes, PlainState, Problem, described
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.outliers import usual_range
from fitserve.features.spelling import NumberReader, find_number_spelling, reader_of
from fitserve.schema import Kind

# Beyond these powers of two float32 would overflow or lose digits as a subnormal number.
_LARGEST_EXPONENT, _SMALLEST_EXPONENT = 100, -100
INFINITE = "infinite, or too large for a number; read as missing"


@dataclass(frozen=True)
class NumberStep(PlainState):
    """``(value - offset) * scale`` in float64, then cast to float32: long integers keep their digits.

    An infinite value counts as missing. ``low`` and ``high`` are the range seen in training; ``missing_seen`` says
    whether values were missing there. ``capped`` says that training had others, absurdly far out, which count as the
    nearest end of the range, as all values beyond it do then. Values that float32 cannot hold become its largest
    number. ``style``, ``prefix`` and ``suffix`` tell how training spelled them as texts: then a text is nothing
    unusual. ``open_ended`` says that rows are in order by these numbers: then a larger one than in training is the
    normal case, and nothing is said of it.
    """

    block: ClassVar[str] = "dense"
    width: ClassVar[int] = 1
    kinds: ClassVar[Sequence[Kind]] = (Kind.NUMBER,)

    field: str
    offset: float
    scale: float
    low: float
    high: float
    missing_seen: bool
    style: str = ""
    prefix: str = ""
    suffix: str = ""
    capped: bool = False
    open_ended: bool = False

    @cached_property
    def reader(self) -> NumberReader:
        """What reads its texts."""
        return NumberReader(self.style, self.prefix, self.suffix)

    @classmethod
    def fit(cls, field: str, column: Column, *, ordered: bool = False) -> NumberStep:
        """See `fit_number`."""
        return fit_number(field, column, open_ended=ordered)

    def again(self, column: Column) -> NumberStep:
        """Numbers of the same spelling."""
        return fit_number(self.field, column, self.reader, open_ended=self.open_ended)

    @classmethod
    def load(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The step of a state with a spelling that there is."""
        step = super().load(state, arrays)
        step.reader.check()
        return step

    def schema(self, description: str) -> dict[str, Any]:
        """A number, with the range of the training."""
        seen = f"{description}; {self.low:g} to {self.high:g} in training"
        return {"type": ["number", "null"], "description": seen, "x-range-in-training": [self.low, self.high]}

    def example(self, profile: Mapping[str, Any], place: float) -> Any:
        """A quantile."""
        value = quantile(profile, place)
        return int(value) if value is not None and profile.get("whole") and abs(value) < 2**53 else value

    def row(self, value: object, out: list[float], notes: Notes) -> None:
        """Append the float of one value; NaN for a missing or unreadable one."""
        if (value.__class__ is float or value.__class__ is int) and self.low <= value <= self.high:
            out.append((value - self.offset) * self.scale)
        else:
            out.append(self._unusual(value, notes))

    def _unusual(self, value: object, notes: Notes) -> float:
        try:
            number = self.reader.read(value)
        except ValueError as error:
            message = f"{error}; send a number, or null if it is missing"
            notes.append(Problem("not_a_number", self.field, message, described(value), fatal=True))
            return math.nan
        coerced = isinstance(value, bool) or (isinstance(value, str) and self.reader.is_plain)
        note_typed(self, value, number, coerced, notes)
        if math.isnan(number):
            return number
        if math.isinf(number):
            notes.append(Problem("infinite_value", self.field, INFINITE, described(value)))
            return math.nan
        if not self.is_in_range(number):
            known = [self.low, self.high]
            message = f"outside {self.low:g} to {self.high:g}, the range seen in training"
            if self.capped:
                number = min(max(number, self.low), self.high)
                message += f"; counted as {number:g}"
            notes.append(Problem("out_of_range", self.field, message, described(value), known))
        return min(max((number - self.offset) * self.scale, -FLOAT32_MAX), FLOAT32_MAX)

    def is_in_range(self, value: float) -> bool:
        """Whether training gives no reason to say anything of a finite number."""
        return self.low <= value <= self.high or (self.open_ended and not self.capped and value > self.high)

    def column(self, column: Column) -> NDArray[np.float32]:
        """Float32 of shape (n, 1)."""
        values = column.values if isinstance(column, Numbers) else numbers_of(column, self.reader.read)
        finite = np.where(np.isfinite(values), values, np.nan)
        if self.capped:
            finite = np.clip(finite, self.low, self.high)
        with np.errstate(over="ignore"):
            shifted = (finite - self.offset) * self.scale
        return np.clip(shifted, -FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)[:, None]


def fit_number(
    field: str, column: Column, reader: NumberReader | None = None, *, open_ended: bool = False
) -> NumberStep:
    """A step for the numbers of one column. The offset is the median, so that a gap filled with 0 fits.

    ``reader`` None means that how its texts are spelled is found out from them.

    The range leaves out what lies absurdly far out: one value of 9,831 does not make rain usual up to there, nor may it
    bend a model, or spoil the scores of others, by what it would be multiplied with.
    """
    reader = reader or number_reader(column)
    values = column.values if isinstance(column, Numbers) else numbers_of(column, reader.read)
    spelled = (reader.style, reader.prefix, reader.suffix)
    known = np.sort(values[np.isfinite(values)])
    if len(known) == 0:
        return NumberStep(field, 0.0, 1.0, 0.0, 0.0, True, *spelled)
    offset, (low, high) = float(known[(len(known) - 1) // 2]), usual_range(known)
    if math.isinf(max(high - offset, offset - low)):  # no difference of such numbers is a float
        offset = 0.0
    furthest = max(high - offset, offset - low)
    exponent = math.frexp(min(furthest, np.finfo(np.float64).max))[1]
    fits = furthest == 0 or _SMALLEST_EXPONENT < exponent < _LARGEST_EXPONENT
    scale = 1.0 if fits else 2.0 ** -max(min(exponent, 1000), -1000)
    capped = bool(known[0] < low or known[-1] > high)
    return NumberStep(field, offset, scale, low, high, len(known) < len(values), *spelled, capped, open_ended)


def quantile(profile: Mapping[str, Any], place: float) -> Any:
    """A quantile of the profile of a column of numbers or dates; None where there is none."""
    quantiles = profile.get("quantiles")
    return quantiles[round(place * (len(quantiles) - 1))] if quantiles else None


def number_reader(column: Column) -> NumberReader:
    """How the numbers of a column are spelled, found out from its texts."""
    if isinstance(column, Numbers):
        return NumberReader()
    texts = [level for level in column.levels if isinstance(level, str)]
    if column.spelling:
        return reader_of(column.spelling, texts)
    found = find_number_spelling(texts)
    return NumberReader(found.style, found.prefix, found.suffix) if found else NumberReader()


@dataclass(frozen=True)
class BooleanStep(PlainState):
    """1.0 for true, 0.0 for false, NaN for missing; the usual words in English and Chinese are read.

    ``spelled`` says that training spelled them as words: then a word is nothing unusual.
    """

    block: ClassVar[str] = "dense"
    width: ClassVar[int] = 1
    kinds: ClassVar[Sequence[Kind]] = (Kind.BOOLEAN,)

    field: str
    missing_seen: bool
    spelled: bool = False

    @classmethod
    def fit(cls, field: str, column: Column, *, ordered: bool = False) -> BooleanStep:
        """See `fit_boolean`."""
        del ordered
        return fit_boolean(field, column)

    def again(self, column: Column) -> BooleanStep:
        """The step of other rows."""
        return fit_boolean(self.field, column)

    def schema(self, description: str) -> dict[str, Any]:
        """True or false."""
        return {"type": ["boolean", "null"], "description": description}

    def example(self, profile: Mapping[str, Any], place: float) -> bool:
        """False at the low edge, else true."""
        del profile
        return place >= 0.5

    def row(self, value: object, out: list[float], notes: Notes) -> None:
        """Append the float of one value; NaN for a missing or unreadable one."""
        if value is True or value is False:
            out.append(1.0 if value else 0.0)
            return
        try:
            number = schema.read_boolean(value)
        except ValueError as error:
            message = f"{error}; send true or false, or null if it is missing"
            notes.append(Problem("not_a_boolean", self.field, message, described(value), fatal=True))
            number = math.nan
        else:
            usual = self.spelled and isinstance(value, str)
            note_typed(self, value, number, not usual, notes)
        out.append(number)

    def column(self, column: Column) -> NDArray[np.float32]:
        """Float32 of shape (n, 1)."""
        if isinstance(column, Numbers):
            known = (column.values == 0) | (column.values == 1)
            return np.where(known, column.values, np.nan).astype(np.float32)[:, None]
        return numbers_of(column, schema.read_boolean).astype(np.float32)[:, None]


def fit_boolean(field: str, column: Column) -> BooleanStep:
    """A step for the yes/no values of one column."""
    missing = bool(np.isnan(BooleanStep(field, True).column(column)).any())
    spelled = isinstance(column, Coded) and any(isinstance(level, str) for level in column.levels)
    return BooleanStep(field, missing, spelled)


def numbers_of(column: Coded, read: object) -> NDArray[np.float64]:
    """A coded column as float64 (n,), read level by level; unreadable levels count as missing."""
    assert callable(read)

    def number(level: object) -> float:
        try:
            return float(read(level))
        except ValueError:
            return math.nan

    return column.map(number, math.nan, np.float64)


class NotedStep(Protocol):
    """What is needed of a step to say what is unusual about a value."""

    @property
    def field(self) -> str: ...

    @property
    def missing_seen(self) -> bool: ...


def note_typed(step: NotedStep, value: object, read: float, coerced: bool, notes: Notes) -> None:
    """Note a value that was ``read`` as missing (NaN) where training had none, or from another type."""
    if math.isnan(read):
        note_missing(step.field, step.missing_seen, notes)
    elif coerced:
        notes.append(Problem("coerced", step.field, "read from another type", described(value)))


def note_missing(field: str, missing_seen: bool, notes: Notes) -> None:
    """Note a missing value where training had none."""
    if not missing_seen:
        notes.append(Problem("missing_value", field, "missing, and never missing in training"))
