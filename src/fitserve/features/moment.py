"""Dates and times as a handful of floats."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fitserve import schema
from fitserve.features.base import Notes, PlainState, Problem, described
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.number import note_typed, numbers_of, quantile
from fitserve.features.spelling import DAY_FIRST, MONTH_FIRST, common_prefix, find_day_first, order_shown
from fitserve.schema import Kind

DAY = 86_400
# An exact power of two near a day, so that the division costs no digits.
_ELAPSED_UNIT = 65_536.0
PARTS = ("year", "month", "day", "weekday", "hour", "minute")


@dataclass(frozen=True)
class MomentStep(PlainState):
    """Time elapsed since ``offset`` (epoch seconds), in units of 65,536 s, and the calendar ``parts`` in UTC.

    ``elapsed`` false leaves the first one out.

    ``low`` and ``high`` are the range seen in training. ``day_first`` says what 1/2/2026 means, None that training
    had no such dates; ``prefix`` is what all texts begin with. ``open_ended`` says that rows are in order by these
    moments: then a later one than in training is the normal case, and nothing is said of it.
    """

    block: ClassVar[str] = "dense"
    kinds: ClassVar[Sequence[Kind]] = (Kind.DATETIME,)

    field: str
    offset: float
    parts: Sequence[str]
    missing_seen: bool
    low: float
    high: float
    day_first: bool | None = True
    prefix: str = ""
    open_ended: bool = False
    elapsed: bool = True

    def is_in_range(self, seconds: float) -> bool:
        """Whether training gives no reason to say anything of a moment."""
        return self.low <= seconds <= self.high or (self.open_ended and seconds > self.high)

    @cached_property
    def reader(self) -> MomentReader:
        """What reads its texts."""
        return MomentReader(self.day_first, self.prefix)

    @property
    def width(self) -> int:
        """Elapsed time, if it counts, and one column for each part."""
        return self.elapsed + len(self.parts)

    @classmethod
    def fit(cls, field: str, column: Column, *, ordered: bool = False) -> MomentStep:
        """See `fit_moment`."""
        return fit_moment(field, column, open_ended=ordered)

    def again(self, column: Column) -> MomentStep:
        """Moments of the same spelling."""
        return fit_moment(self.field, column, self.reader, open_ended=self.open_ended)

    @classmethod
    def load(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The step of a state with parts that a date has."""
        step = super().load(state, arrays)
        if not set(step.parts) <= set(PARTS):
            raise ValueError("a date has unknown parts")
        if not step.width:
            raise ValueError("nothing is left of a date")
        return step

    def schema(self, description: str) -> dict[str, Any]:
        """A date with its time, and the range of the training."""
        span = [moment_text(self.low), moment_text(self.high)]
        seen = f"{description}; {span[0]} to {span[1]} in training"
        return {"type": ["string", "null"], "format": "date-time", "description": seen, "x-range-in-training": span}

    def example(self, profile: Mapping[str, Any], place: float) -> str | None:
        """A quantile."""
        value = quantile(profile, place)
        return None if value is None else moment_text(value)

    def row(self, value: object, out: list[float], notes: Notes) -> None:
        """Append the floats of one moment; NaN for a missing or unreadable one."""
        try:
            seconds = self.reader.read(value)
        except ValueError as error:
            message = f"{error}; send a date and time as in ISO 8601, or null if it is missing"
            notes.append(Problem("not_a_datetime", self.field, message, described(value), fatal=True))
            seconds = math.nan
        else:
            note_typed(self, value, seconds, isinstance(value, (int, float)), notes)
            if isinstance(value, str):
                self._note_order(value, notes)
        if math.isnan(seconds):
            out.extend([math.nan] * self.width)
            return
        if not self.is_in_range(seconds):
            known = [moment_text(self.low), moment_text(self.high)]
            message = f"outside {known[0]} to {known[1]}, the range seen in training"
            notes.append(Problem("out_of_range", self.field, message, described(value), known))
        if self.elapsed:
            out.append((seconds - self.offset) / _ELAPSED_UNIT)
        parts = calendar_parts(math.floor(seconds))
        out.extend(parts[part] for part in self.parts)

    def _note_order(self, text: str, notes: Notes) -> None:
        """Note a date whose day and month training gives no reason to read so."""
        shown = order_shown(self.reader.without_prefix(text))
        if shown is None or (shown == "" and self.day_first is not None):
            return
        learned = {True: DAY_FIRST, False: MONTH_FIRST, None: None}[self.day_first]
        if shown == "":
            first = "day" if self.reader.reads_day_first(text) else "month"
            message = f"day and month cannot be told apart; read as {first} first, send a date such as 2026-01-31"
        elif learned is not None and shown != learned:
            first, other = ("day", "month") if shown == DAY_FIRST else ("month", "day")
            message = f"the {first} comes first, and in training the {other} did; send a date such as 2026-01-31"
        else:
            return
        notes.append(Problem("ambiguous_date", self.field, message, described(text)))

    def column(self, column: Column) -> NDArray[np.float32]:
        """Float32 of shape (n, width); the column's own spelling, where it has one, says what 1/2/2026 means."""
        reader = self.reader
        if isinstance(column, Coded) and column.spelling:
            reader = MomentReader(column.spelling == DAY_FIRST, self.prefix)
        seconds = moments_of(column, reader)
        missing = np.isnan(seconds)
        whole = np.floor(np.where(missing, 0.0, seconds)).astype(np.int64)
        parts = calendar_parts(whole)
        elapsed = [(seconds - self.offset) / _ELAPSED_UNIT] if self.elapsed else []
        stacked = np.stack([*elapsed, *(parts[part] for part in self.parts)], axis=1, dtype=np.float64)
        stacked[missing] = np.nan
        return stacked.astype(np.float32)


def fit_moment(
    field: str, column: Column, reader: MomentReader | None = None, *, open_ended: bool = False
) -> MomentStep:
    """A step for the moments of one column; parts that never vary are left out.

    ``reader`` None means that how its texts are spelled is found out from them. Where rows are in order by these
    moments, ``open_ended``, elapsed time is left out, too, if a part varies: every later row would be answered like
    the last ones of training, whose season, weekday and hour are those of their time.
    """
    reader = reader or moment_reader(column)
    seconds = moments_of(column, reader)
    known = np.sort(seconds[~np.isnan(seconds)])
    offset = float(math.floor(known[(len(known) - 1) // 2])) if len(known) else 0.0
    values = calendar_parts(np.floor(known).astype(np.int64))
    varying = [part for part in PARTS if len(np.unique(values[part])) > 1]
    low, high = (float(known[0]), float(known[-1])) if len(known) else (0.0, 0.0)
    missing_seen = bool(np.isnan(seconds).any())
    elapsed = not (open_ended and varying)
    spelled = (reader.day_first, reader.prefix)
    return MomentStep(field, offset, varying, missing_seen, low, high, *spelled, open_ended, elapsed)


def moment_text(seconds: float) -> str:
    """Epoch seconds as ISO 8601."""
    inside = math.floor(schema.within_calendar(seconds))
    return dt.datetime.fromtimestamp(inside, dt.UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class MomentReader:
    """Reads the moments of a column. ``day_first`` None means that each date is read as such dates mostly are."""

    day_first: bool | None = None
    prefix: str = ""

    def read(self, value: object) -> float:
        """Epoch seconds, NaN if missing; raises ValueError if there is no moment."""
        if not isinstance(value, str):
            return schema.read_moment(value)
        return schema.read_moment(self.without_prefix(value), self.reads_day_first(value))

    def without_prefix(self, text: str) -> str:
        """A text without what all texts of the column begin with."""
        return text.strip().removeprefix(self.prefix) if self.prefix else text

    def reads_day_first(self, text: str) -> bool:
        """What is taken to come first in a date of three numbers."""
        return find_day_first([self.without_prefix(text)])[0] if self.day_first is None else self.day_first


def moment_reader(column: Column) -> MomentReader:
    """How the moments of a column are spelled, found out from its texts."""
    if isinstance(column, Numbers):
        return MomentReader()
    texts = [level.strip() for level in column.levels if isinstance(level, str)]
    prefix = common_prefix(texts)
    if column.spelling:
        return MomentReader(column.spelling == DAY_FIRST, prefix)
    dates = [text.removeprefix(prefix) for text in texts]
    ordered = any(order_shown(date) is not None for date in dates)
    return MomentReader(find_day_first(dates)[0] if ordered else None, prefix)


@dataclass(frozen=True, slots=True)
class Order:
    """What comes first in some dates: `DAY_FIRST`, `MONTH_FIRST` or "" (training's, or none is such a date).

    ``note`` says so in words where training does not say it, or says something else; "" if there is nothing to say.
    """

    spelling: str = ""
    note: str = ""


def order_in(step: MomentStep, texts: Iterable[object]) -> Order:
    """How a file as a whole, or another table, writes the dates of a column, beside what training has learned."""
    shown = {order_shown(step.reader.without_prefix(text)): text for text in texts if isinstance(text, str)}
    shown.pop(None, None)
    days, months = shown.get(DAY_FIRST), shown.get(MONTH_FIRST)
    learned = {True: DAY_FIRST, False: MONTH_FIRST, None: ""}[step.day_first]
    if not shown or (learned and learned in shown and len({DAY_FIRST, MONTH_FIRST} & shown.keys()) == 1):
        return Order()
    if days and months:
        both = f"dates such as {days!r} and {months!r}: the day comes first in some and the month in others"
        return Order("", f"{both}; those that do not tell are read {_worded(learned) or 'as such dates mostly are'}")
    found = DAY_FIRST if days else MONTH_FIRST if months else learned
    if found:
        if found == learned:
            return Order()
        unlike = f", unlike in training ({_worded(learned)})" if learned else ""
        return Order(found, f"dates such as {days or months!r}: all are read {_worded(found)}{unlike}")
    text = shown[""]
    found = DAY_FIRST if step.reader.reads_day_first(text) else MONTH_FIRST
    doubt = "no date shows what comes first, and training had none such; give dates such as 2026-01-31"
    return Order(found, f"dates such as {text!r}, read {_worded(found)}: {doubt}")


def _worded(order: str) -> str:
    return {DAY_FIRST: "with the day first", MONTH_FIRST: "with the month first"}.get(order, "")


def moments_of(column: Column, reader: MomentReader | None = None) -> NDArray[np.float64]:
    """A column as epoch seconds, float64 (n,); NaN where missing or outside the years 1 to 9999.

    ``reader`` None means that of the column itself.
    """
    if isinstance(column, Numbers):
        inside = (column.values >= schema.FIRST_MOMENT) & (column.values <= schema.LAST_MOMENT)
        return np.where(inside, column.values, np.nan)
    # Dates are slow to read, and the same column is asked for them again and again.
    return _moments_of_levels(_Levels(column.levels), reader or moment_reader(column))[column.codes]


class _Levels:
    """The levels of a column as a key: equal if they are the same object."""

    def __init__(self, levels: Sequence[object]) -> None:
        self.levels = levels

    def __hash__(self) -> int:
        return id(self.levels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Levels) and self.levels is other.levels


@lru_cache(maxsize=4)
def _moments_of_levels(known: _Levels, reader: MomentReader) -> NDArray[np.float64]:
    """The moment of each level, and NaN at the end, where code -1 finds it."""
    codes = np.append(np.arange(len(known.levels), dtype=np.int32), np.int32(-1))
    found = numbers_of(Coded(codes, known.levels), reader.read)
    found.flags.writeable = False
    return found


def calendar_parts(seconds: Any) -> dict[str, Any]:
    """Year, month, day, weekday (Monday is 0), hour and minute of whole epoch seconds.

    Works on a Python int and on an int64 array alike, because both divide toward minus infinity.
    The days-to-date arithmetic is Howard Hinnant's ``civil_from_days`` (chrono-compatible date algorithms).
    """
    days, rest = seconds // DAY, seconds % DAY
    shifted = days + 719_468
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    month = (shifted_month + 2) % 12 + 1
    return {
        "year": year_of_era + era * 400 + (month <= 2),
        "month": month,
        "day": day_of_year - (153 * shifted_month + 2) // 5 + 1,
        "weekday": (days + 3) % 7,
        "hour": rest // 3600,
        "minute": rest % 3600 // 60,
    }
