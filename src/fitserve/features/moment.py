"""Dates and times as a handful of floats."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve import schema
from fitserve.features.base import Notes, Problem, described
from fitserve.features.column import Column, Numbers
from fitserve.features.number import note_typed, numbers_of
from fitserve.features.spelling import DAY_FIRST, common_prefix, find_day_first

DAY = 86_400
# An exact power of two near a day, so that the division costs no digits.
_ELAPSED_UNIT = 65_536.0
PARTS = ("year", "month", "day", "weekday", "hour", "minute")


@dataclass(frozen=True)
class MomentStep:
    """Time elapsed since ``offset`` (epoch seconds), in units of 65,536 s, and the calendar ``parts`` in UTC.

    ``low`` and ``high`` are the range seen in training. ``day_first`` says what 1/2/2026 means, ``prefix`` is what
    all texts begin with.
    """

    block: ClassVar[str] = "dense"

    field: str
    offset: float
    parts: Sequence[str]
    missing_seen: bool
    low: float
    high: float
    day_first: bool = True
    prefix: str = ""

    @cached_property
    def reader(self) -> MomentReader:
        """What reads its texts."""
        return MomentReader(self.day_first, self.prefix)

    @property
    def width(self) -> int:
        """Elapsed time and one column for each part."""
        return 1 + len(self.parts)

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
        if math.isnan(seconds):
            out.extend([math.nan] * self.width)
            return
        if not self.low <= seconds <= self.high:
            known = [moment_text(self.low), moment_text(self.high)]
            message = f"outside {known[0]} to {known[1]}, the range seen in training"
            notes.append(Problem("out_of_range", self.field, message, described(value), known))
        out.append((seconds - self.offset) / _ELAPSED_UNIT)
        parts = calendar_parts(math.floor(seconds))
        out.extend(parts[part] for part in self.parts)

    def column(self, column: Column) -> NDArray[np.float32]:
        """Float32 of shape (n, width)."""
        seconds = moments_of(column, self.reader)
        missing = np.isnan(seconds)
        whole = np.floor(np.where(missing, 0.0, seconds)).astype(np.int64)
        parts = calendar_parts(whole)
        elapsed = (seconds - self.offset) / _ELAPSED_UNIT
        stacked = np.stack([elapsed, *(parts[part] for part in self.parts)], axis=1)
        stacked[missing] = np.nan
        return stacked.astype(np.float32)


def fit_moment(field: str, column: Column) -> MomentStep:
    """A step for the moments of one column; parts that never vary are left out."""
    reader = moment_reader(column)
    seconds = moments_of(column, reader)
    known = np.sort(seconds[~np.isnan(seconds)])
    offset = float(math.floor(known[(len(known) - 1) // 2])) if len(known) else 0.0
    values = calendar_parts(np.floor(known).astype(np.int64))
    varying = [part for part in PARTS if len(np.unique(values[part])) > 1]
    low, high = (float(known[0]), float(known[-1])) if len(known) else (0.0, 0.0)
    return MomentStep(field, offset, varying, bool(np.isnan(seconds).any()), low, high, reader.day_first, reader.prefix)


def moment_text(seconds: float) -> str:
    """Epoch seconds as ISO 8601."""
    inside = math.floor(schema.within_calendar(seconds))
    return dt.datetime.fromtimestamp(inside, dt.UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class MomentReader:
    """Reads the moments of a column."""

    day_first: bool = True
    prefix: str = ""

    def read(self, value: object) -> float:
        """Epoch seconds, NaN if missing; raises ValueError if there is no moment."""
        if self.prefix and isinstance(value, str):
            value = value.strip().removeprefix(self.prefix)
        return schema.read_moment(value, self.day_first)


def moment_reader(column: Column) -> MomentReader:
    """How the moments of a column are spelled, found out from its texts."""
    if isinstance(column, Numbers):
        return MomentReader()
    texts = [level.strip() for level in column.levels if isinstance(level, str)]
    prefix = common_prefix(texts)
    if column.spelling:
        return MomentReader(column.spelling == DAY_FIRST, prefix)
    return MomentReader(find_day_first(text.removeprefix(prefix) for text in texts)[0], prefix)


def moments_of(column: Column, reader: MomentReader | None = None) -> NDArray[np.float64]:
    """A column as epoch seconds, float64 (n,); NaN where missing or outside the years 1 to 9999.

    ``reader`` None means that of the column itself.
    """
    if isinstance(column, Numbers):
        inside = (column.values >= schema.FIRST_MOMENT) & (column.values <= schema.LAST_MOMENT)
        return np.where(inside, column.values, np.nan)
    return numbers_of(column, (reader or moment_reader(column)).read)


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
