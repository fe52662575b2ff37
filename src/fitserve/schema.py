"""Kinds of column, the fields of a table, and the one way to read a single value of each kind.

Everything that turns a raw value (from JSON, a CSV cell, a data frame) into something typed goes
through the ``read_*`` functions here, in training and in serving. Each returns the value, ``None`` or
NaN for a missing one, and raises ``ValueError`` with a short reason when the value cannot be read.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np

from fitserve.messages import AnyMessage, as_message, stored


class Kind(StrEnum):
    """What the values of a column are. A series is a list of numbers in order; only a task makes such columns."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    DATETIME = "datetime"
    TEXT = "text"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"
    SERIES = "series"


class Remark(StrEnum):
    """What else was found out when the kind of a column was chosen.

    ``IN_DOUBT``: its texts can be read in two ways. ``OTHERS_MISSING``: some are none of its kind, and count as
    missing. ``LONG_CODES``: it holds whole numbers with more digits than a number keeps.
    """

    IN_DOUBT = "in_doubt"
    OTHERS_MISSING = "others_missing"
    LONG_CODES = "long_codes"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the table that a model was trained on.

    ``reason`` says why the kind was chosen; ``used`` is false for a column that the model ignores
    (then ``reason`` says why). ``missing`` is the share of missing values in training, 0 to 1.
    ``profile`` is a JSON object that depends on the kind: range and quantiles, levels and counts. ``reason`` is for
    people; programs look at ``remarks``.
    """

    name: str
    kind: Kind
    reason: AnyMessage
    used: bool = True
    missing: float = 0.0
    profile: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The field as a JSON object."""
        return {**asdict(self), "reason": stored(self.reason)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Field:
        """The field of a JSON object; raises TypeError, KeyError or ValueError on a wrong one."""
        remarks = tuple(Remark(each) for each in document.get("remarks", ()))
        kind, reason = Kind(document["kind"]), as_message(document["reason"])
        found = cls(**{**document, "kind": kind, "reason": reason, "remarks": remarks})
        flag, share = found.used, found.missing
        if not isinstance(found.name, str) or not isinstance(flag, bool):
            raise TypeError("name is a text, used is true or false")
        if not isinstance(share, (int, float)) or not isinstance(found.profile, dict):
            raise TypeError("missing is a number, profile an object")
        return found


# Spellings that mean "no value" in every kind of column. "none" and "unknown" are absent on purpose:
# they are levels of real categories (a credit without guarantor, a meter of unknown type).
MISSING_SPELLINGS = frozenset(
    ["", "?", "na", "n/a", "#n/a", "nan", "null", "nil", "<na>", "nat", "-", "--", ".", "missing", "#null!"]
)
# Those of them that people use as levels, too: a country, an answer, a family's name.
MAY_BE_LEVELS = frozenset(["na", "n/a", "null", "nil", "missing"])
# Where a number, a date or a yes/no is expected, these can only mean that there is none.
MISSING_WHERE_TYPED = MISSING_SPELLINGS | {"none", "unknown", "undefined", "无", "空"}

TRUE_WORDS = frozenset(["true", "t", "yes", "y", "on", "是", "真"])
FALSE_WORDS = frozenset(["false", "f", "no", "n", "off", "否", "假"])

# Patterns meet texts of strangers. None of them has two ways to divide the same characters among its parts, for then a
# text that does not match would cost the square of its length; and longer texts are no numbers or dates, whatever
# they say.
LONGEST_TYPED = 300
NUMBER_PATTERN = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)"
_NUMBER = re.compile(NUMBER_PATTERN)
# The spellings of dates; a time may stand behind each of them. Three numbers with the year at their end say day or
# month first: a column decides.
_TIME = (
    r"(?:,?(?:T\s*|\s+)(?P<hour>[0-9]{1,2})[:时](?P<minute>[0-9]{2})分?(?::?(?P<second>[0-9]{2})秒?(?P<fraction>\.[0-9]+)?)?"
    r"(?:\s*(?P<half>[AaPp]\.?[Mm]\.?))?(?:\s*(?P<zone>Z|z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_NAMED = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_MOMENTS = tuple(
    re.compile(date + _TIME, re.IGNORECASE)
    for date in (
        r"(?P<year>[0-9]{4})(?P<sign>[-/.])(?P<month>[0-9]{1,2})(?P=sign)(?P<day>[0-9]{1,2})",
        r"(?P<year>[0-9]{4})\s?年\s?(?P<month>[0-9]{1,2})\s?月\s?(?P<day>[0-9]{1,2})\s?[日号]",
        rf"{_WEEKDAY}(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th|\.)?[\s-]{_NAMED},?[\s-](?P<year>[0-9]{{4}})",
        rf"{_WEEKDAY}{_NAMED}\s(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?,?\s(?P<year>[0-9]{{4}})",
        r"(?P<first>[0-9]{1,2})(?P<sign>[-/.])(?P<other>[0-9]{1,2})(?P=sign)(?P<year>[0-9]{4})",
    )
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
FIRST_MOMENT = -62135596800.0  # 0001-01-01T00:00:00Z in epoch seconds
LAST_MOMENT = math.nextafter(253402300800.0, 0.0)  # the last float before the year 10000
# Whole numbers up to here are floats, too; of longer ones a float loses digits, and two of them may become one.
LARGEST_EXACT = 2**53
_MOST_DIGITS = 10**40
# How some libraries write the whole numbers of a column with gaps, and dates: "2.0", "2026-01-31T00:00:00".
_LONGER_THAN_NEEDED = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+|([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]00:00:00(?:\.0+)?")


class Level(str):
    """A text that is a level of its column, although others would take it for a missing value: ``NA``, Namibia."""

    __slots__ = ()


def is_missing(value: object) -> bool:
    """Whether a value is Python's, numpy's or pandas' way to say that there is none."""
    if value is None:
        return True
    if isinstance(value, (float, np.floating)):
        return bool(value != value)  # noqa: PLR0124 - true for NaN alone
    return type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, np.datetime64) and bool(np.isnat(value)))


def read_number(value: object) -> float:
    """The value as a float; NaN if missing. Infinite where a float cannot hold it."""
    if isinstance(value, str):
        return _number_of_text(value)
    if is_missing(value):
        return math.nan
    if isinstance(value, (float, int, Decimal, np.number, np.bool_)):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, (dt.date, np.datetime64)):
        return read_moment(value)
    raise ValueError(f"{describe_type(value)} cannot be read as a number")


def typed_text(text: str) -> str:
    """A text that should be a number, a date or a yes/no, without blanks around it; raises ValueError if too long."""
    text = text.strip()
    if len(text) > LONGEST_TYPED:
        raise ValueError(f"a text of {len(text)} characters")
    return text


def _number_of_text(text: str) -> float:
    text = typed_text(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    if text.casefold() in MISSING_WHERE_TYPED:
        return math.nan
    raise ValueError("a text that cannot be read as a number")


def read_boolean(value: object) -> float:
    """1.0 for true, 0.0 for false, NaN if missing."""
    if isinstance(value, str):
        text = typed_text(value).casefold()
        if text in TRUE_WORDS or text == "1":
            return 1.0
        if text in FALSE_WORDS or text == "0":
            return 0.0
        if text in MISSING_WHERE_TYPED:
            return math.nan
        number = _NUMBER.fullmatch(text) and float(text)
        if number in (0.0, 1.0):
            return float(number)
        raise ValueError("cannot be read as true or false")
    number = read_number(value)
    if math.isnan(number) or number in (0.0, 1.0):
        return number
    raise ValueError("cannot be read as true or false")


def read_moment(value: object, day_first: bool | None = None) -> float:
    """Seconds since 1970-01-01T00:00Z; NaN if missing. Without a time zone, UTC is meant.

    ``day_first`` says what ``1/2/2026`` means; None means that only a number above 12, or the same number twice, can
    tell.
    """
    if isinstance(value, str):
        return _moment_of_text(typed_text(value), day_first)
    if is_missing(value):
        return math.nan
    if isinstance(value, (dt.date, np.datetime64)):
        return _moment_of_date(value)
    seconds = read_number(value)
    if FIRST_MOMENT <= seconds <= LAST_MOMENT or math.isnan(seconds):
        return seconds
    raise ValueError("outside the years 1 to 9999")


# Training reads the same dates several times: to find out what a column holds, in which order, and as features.
@lru_cache(maxsize=1 << 16)
def _moment_of_text(text: str, day_first: bool | None) -> float:
    for pattern in _MOMENTS:
        if match := pattern.fullmatch(text):
            return _moment_of_match(match.groupdict(), day_first)
    if text.casefold() in MISSING_WHERE_TYPED:
        return math.nan
    raise ValueError("a text that cannot be read as a date")


def _moment_of_date(value: dt.date | np.datetime64) -> float:
    if isinstance(value, np.datetime64):
        return within_calendar(float(seconds_of_micros(int(value.astype("datetime64[us]").astype(np.int64)))))
    if not isinstance(value, dt.datetime):
        return (value - EPOCH.date()).days * 86400.0
    since = (value if value.tzinfo else value.replace(tzinfo=dt.UTC)) - EPOCH
    return within_calendar(float((since.days * 86_400 + since.seconds) + since.microseconds / 1e6))


def seconds_of_micros(micros: Any) -> Any:
    """Microseconds as seconds, an int or an array: the whole ones first, for those of far years have many digits."""
    return micros // 1_000_000 + micros % 1_000_000 / 1e6


def within_calendar(seconds: float) -> float:
    """A moment that was read from a calendar; one that rounding or a zone moved out of the calendar is at its edge."""
    return min(max(seconds, FIRST_MOMENT), LAST_MOMENT)


def _moment_of_match(parts: dict[str, str | None], day_first: bool | None) -> float:
    month, day = _month_and_day(parts, day_first)
    day_start = dt.datetime(int(parts["year"] or 0), month, day, tzinfo=dt.UTC)
    hour = int(parts["hour"] or 0)
    if half := parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("an hour of a half day is 1 to 12")
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    clock = dt.time(hour, int(parts["minute"] or 0), int(parts["second"] or 0))
    seconds = (day_start - EPOCH).total_seconds() + clock.hour * 3600 + clock.minute * 60 + clock.second
    seconds += float((parts["fraction"] or "0")[:7])  # microseconds, as everywhere
    zone = parts["zone"] or ""
    if zone[:1] in ("+", "-"):
        digits = zone[1:].replace(":", "")
        shift = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        if shift >= 86_400 or int(digits[2:]) > 59:
            raise ValueError("no time zone is a day away")
        seconds -= shift if zone[0] == "+" else -shift
    return within_calendar(seconds)


def _month_and_day(parts: dict[str, str | None], day_first: bool | None) -> tuple[int, int]:
    if name := parts.get("name"):
        return _MONTHS.index(name.lower()) + 1, int(parts["day"] or 0)
    if "first" not in parts:
        return int(parts["month"] or 0), int(parts["day"] or 0)
    first, other = int(parts["first"] or 0), int(parts["other"] or 0)
    if first > 12 or other > 12:
        return (other, first) if first > 12 else (first, other)
    if day_first is None and first != other:
        raise ValueError("a date in which day and month cannot be told apart")
    return (other, first) if day_first else (first, other)


def read_category(value: object) -> str | None:
    """The canonical spelling of a level; ``None`` if missing.

    Whole numbers are spelled with all their digits and without a fraction, so that ``1``, ``1.0``, ``"1"`` and
    ``"1.0"`` are one level, and moments at midnight as dates.
    """
    if isinstance(value, str):
        text = value.strip()
        longer = _LONGER_THAN_NEEDED.fullmatch(text)
        if longer:
            return longer[1] or longer[2]
        return None if text.casefold() in MISSING_SPELLINGS and value.__class__ is not Level else text
    if is_missing(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal, np.number)):
        return _spell_number(value)
    if isinstance(value, (np.datetime64, dt.date)):
        return read_category(str(value) if isinstance(value, np.datetime64) else value.isoformat())
    raise ValueError(f"{describe_type(value)} cannot be a category")


def _spell_number(value: int | float | Decimal | np.number[Any]) -> str | None:
    number = read_number(value)
    if math.isnan(number):
        return None
    exact = not isinstance(value, (float, np.floating))
    if abs(number) < (_MOST_DIGITS if exact else LARGEST_EXACT) and value == int(value):
        return str(int(value))
    return repr(number)


def read_text(value: object) -> str | None:
    """The text; ``None`` if missing. The items of a list are joined by bars."""
    if isinstance(value, (list, tuple)):
        return " | ".join(item for each in value if (item := read_category(each)) is not None) or None
    return value if isinstance(value, str) and value.strip() else read_category(value)


def is_no_text(value: object) -> bool:
    """Whether a value is missing, or cannot be read, as a text."""
    try:
        return read_text(value) is None
    except ValueError:
        return True


def describe_type(value: object) -> str:
    """The JSON name of a value's type, with its article."""
    names = {dict: "an object", list: "a list", tuple: "a list", str: "a text", bool: "a boolean"}
    return names.get(type(value), f"a value of type {type(value).__name__}")
