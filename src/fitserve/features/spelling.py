"""How a column spells its numbers and its dates, found out from its texts and kept as the state of a step.

Numbers: a decimal point or comma, groups of thousands, and one currency or unit, in any of the ways in which people
write it, behind all numbers or some. Dates of three numbers: whether the day or the month comes first.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from fitserve import schema
from fitserve.features.units import CURRENCIES, unit_of
from fitserve.messages import Message

# Groups of thousands, then the decimal sign. What both could mean is told apart by the other texts of a column.
_STYLES: dict[str, tuple[str, str]] = {
    "1,234.56": (",", "."),
    "1.234,56": (".", ","),
    "1 234,56": (" ", ","),
    "1 234.56": (" ", "."),
    "1'234.56": ("'", "."),
}
DAY_FIRST, MONTH_FIRST, PLAIN, ANY_CASE = "day-first", "month-first", "1234.56", "any-case"
SPELLINGS = (*_STYLES, PLAIN, DAY_FIRST, MONTH_FIRST, ANY_CASE)
"""What a user may say of a column: how its numbers look, what stands first in its dates, or that case means nothing."""
_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'", "\u2212": "-", "\uff0c": ","})
_AROUND = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[^0-9+\-.,()\s]{0,8})\s*"
    r"(?P<number>[+-]?(?:[0-9.,](?:[0-9.,' ]*[0-9.,])?|\([0-9.,](?:[0-9.,' ]*[0-9.,])?\)))"
    r"\s*(?P<after>(?:[^0-9+.,()\s].{0,19})?)\Z"
)
_LABEL = re.compile(r"[^0-9]*[:=#]\s*")
# So large a share of the texts has to be read before a column is taken for one of numbers.
ENOUGH = 0.95
_FEW, _MANY, _VARIANTS, _LONGEST_LABEL = 50, 2000, 4, 100
_ORDERED = re.compile(r"\s*([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})\b")


@dataclass(frozen=True, slots=True)
class Found:
    """The spelling of a column of numbers; ``variants`` are other ways to write its unit that occur.

    ``doubt`` says why its texts could mean other numbers, too; None if they cannot.
    """

    style: str
    prefix: str
    suffix: str
    variants: tuple[str, ...] = ()
    doubt: Message | None = None


@dataclass(frozen=True)
class NumberReader:
    """Reads the numbers of a column: its own spelling first, the plain one second."""

    style: str = ""
    prefix: str = ""
    suffix: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether texts are read as everywhere."""
        return not (self.style or self.prefix or self.suffix)

    def check(self) -> None:
        """Raise TypeError or ValueError for what a bundle cannot hold."""
        if not all(isinstance(part, str) for part in (self.style, self.prefix, self.suffix)):
            raise TypeError("the spelling of numbers is told by texts")
        if self.style not in ("", *_STYLES):
            raise ValueError(f"no numbers are spelled like {self.style[:20]!r}")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        group, decimal = (re.escape(sign) for sign in _STYLES.get(self.style, ("", ".")))
        whole = rf"[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+|0|[1-9][0-9]*" if group else "0|[1-9][0-9]*"
        return re.compile(rf"([+-]?)((?:{whole})(?:{decimal}[0-9]*)?|{decimal}[0-9]+)")

    @cached_property
    def _units(self) -> frozenset[str]:
        return frozenset(["", *(unit_of(part) or part for part in (self.prefix, self.suffix))])

    def read(self, value: object) -> float:
        """The value as a float, NaN if missing; raises ValueError if it cannot be read."""
        if not isinstance(value, str) or self.is_plain:
            return schema.read_number(value)
        number = self._read_own(schema.typed_text(value))
        return schema.read_number(value) if number is None else number

    def reads(self, text: str) -> bool:
        """Whether a text, without blanks around it, is a number in this very spelling."""
        return self._read_own(text) is not None

    def _read_own(self, text: str) -> float | None:
        around = _AROUND.match(text.translate(_BLANKS).strip())
        if around is None:
            return None
        for part in (around["before"], around["after"]):
            if part not in self._units and unit_of(part) not in self._units:
                return None
        spelled = around["sign"] + around["number"]
        negative = spelled.startswith("(")
        match = self._pattern.fullmatch(spelled[1:-1] if negative else spelled)
        if match is None:
            return None
        group, decimal = _STYLES.get(self.style, ("", "."))
        digits = match[2].replace(group, "") if group else match[2]
        number = float(digits.replace(decimal, "."))
        return -number if negative or match[1] == "-" else number


def find_number_spelling(texts: Sequence[str]) -> Found | None:
    """The spelling by which nearly all of some texts are numbers; None if there is none, or the plain one does."""
    known = [text.translate(_BLANKS).strip() if len(text) <= schema.LONGEST_TYPED else "long" for text in texts]
    known = [text for text in known if text.casefold() not in schema.MISSING_WHERE_TYPED]
    if len(known) < 2:
        return None
    # Most columns of texts hold no numbers at all: a look at some of them is enough.
    if _most_readable(known[:_FEW])[1] < ENOUGH / 2:
        return None
    few = known[:: max(1, len(known) // _MANY)]
    reader, share = _most_readable(few)
    if share < ENOUGH or reader.is_plain:
        return None
    units = [around["after"] or around["before"] for text in few if (around := _AROUND.match(text))]
    unit = reader.suffix or reader.prefix
    variants = [text for text, _ in Counter(units).most_common() if text not in ("", unit)][:_VARIANTS]
    return Found(reader.style, reader.prefix, reader.suffix, tuple(variants), _doubt(known, reader.style, units, unit))


def reader_of(spelling: str, texts: Sequence[str]) -> NumberReader:
    """What reads texts of a spelling that the user has named; what stands before and behind the numbers is found."""
    prefix, suffix = _affixes([text[: schema.LONGEST_TYPED].translate(_BLANKS).strip() for text in texts])
    return NumberReader("" if spelling == PLAIN else spelling, prefix, suffix)


def _most_readable(texts: Sequence[str]) -> tuple[NumberReader, float]:
    """The reader that reads most of some texts, and its share of them."""
    prefix, suffix = _affixes(texts)
    readers = [NumberReader(style, prefix, suffix) for style in ("", *_STYLES)]
    counts = [sum(reader.reads(text) for text in texts) for reader in readers]
    return readers[counts.index(max(counts))], max(counts) / len(texts)


def _affixes(texts: Sequence[str]) -> tuple[str, str]:
    """The currency before, and the unit behind, the numbers of nearly all texts; nothing where they differ.

    Some numbers may stand without one. Each is given as it is spelled most often.
    """
    parts = [match for text in texts if (match := _AROUND.match(text))]
    if len(parts) < ENOUGH * len(texts):
        return "", ""
    before, after = (_unit_among([part[name] for part in parts]) for name in ("before", "after"))
    both = sum(bool(part["before"] and part["after"]) for part in parts)
    if unit_of(before) and unit_of(after) and unit_of(before) != unit_of(after) and both < ENOUGH * len(parts):
        return "", ""  # $5 beside 5 kg: two units
    return before if before in CURRENCIES else "", after


def units_in(texts: Sequence[str]) -> list[str]:
    """The units that the numbers of some texts have, where nearly all are numbers and they have several."""
    parts = [match for text in texts if (match := _AROUND.match(text.translate(_BLANKS).strip()))]
    units = Counter(unit for part in parts for name in ("before", "after") if (unit := unit_of(part[name])))
    often = [unit for unit, n in units.most_common() if n >= (1 - ENOUGH) * len(texts)]
    return often if len(often) > 1 and units.total() >= ENOUGH * len(texts) else []


def _unit_among(parts: Sequence[str]) -> str:
    """The unit that nearly all of some parts name, in its usual spelling; "" if there are several, or none."""
    named = Counter(part for part in parts if part)
    units: Counter[str | None] = Counter()
    for part, count in named.items():
        units[unit_of(part)] += count
    unit, n = units.most_common(1)[0] if units else (None, 0)
    if unit is None or n < ENOUGH * units.total():
        return ""
    return next(part for part, _ in named.most_common() if unit_of(part) == unit)


def _doubt(texts: Sequence[str], style: str, units: Sequence[str], unit: str) -> Message | None:
    """Why the texts of a column could mean other numbers, too; None if they could not.

    No text may show which sign is the decimal one, as in a column of ``1,234`` alone, or a percent sign stand behind
    some.
    """
    group, decimal = _STYLES.get(style, ("", "."))
    if group and group not in " '" and not any(decimal in text or text.count(group) > 1 for text in texts):
        return Message("doubt.thousand")
    without = sum(not each for each in units)
    if unit and without:
        return Message("doubt.without_unit", {"n": without, "of": len(units), "unit": unit})
    return None


def common_prefix(texts: Sequence[str]) -> str:
    """What all of some texts begin with, up to a colon or the like before the first digit; "" if there is none."""
    first, last = min(texts, default="")[:_LONGEST_LABEL], max(texts, default="")[:_LONGEST_LABEL]
    n = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    label = _LABEL.match(first[:n])
    return label[0] if label else ""


def is_ordered(text: str) -> bool:
    """Whether a date is one like 31/01/2026, whose day and month only their order tells apart."""
    return bool(_ORDERED.match(text))


def order_shown(text: str) -> str | None:
    """What a date like 31/01/2026 shows by a number above 12: `DAY_FIRST` or `MONTH_FIRST`.

    "" where day and month cannot be told apart, None for other texts and where both are the same number.
    """
    match = _ORDERED.match(text)
    if match is None or match[1] == match[3]:
        return None
    if int(match[1]) > 12 or int(match[3]) > 12:
        return DAY_FIRST if int(match[1]) > 12 else MONTH_FIRST
    return ""


def find_day_first(texts: Iterable[object]) -> tuple[bool, bool]:
    """Whether dates such as 31/01/2026 have the day first, and whether that is in doubt.

    A number above 12 tells. Where none does, points and hyphens mean the day first, slashes the month, as they are
    used most.
    """
    first = second = 0
    sign = ""
    for text in texts:
        match = _ORDERED.match(text) if isinstance(text, str) else None
        if match:
            first, second, sign = max(first, int(match[1])), max(second, int(match[3])), sign or match[2]
    if first > 12 or second > 12:
        return first > 12, first > 12 and second > 12
    return sign != "/", bool(sign)


def is_number(text: str, reader: NumberReader) -> bool:
    """Whether a reader finds a number in a text."""
    try:
        return not math.isnan(reader.read(text))
    except ValueError:
        return False


def folded(text: str) -> str:
    """A text without case and with single blanks: where a user says ``any-case``, equal ones are one level."""
    return " ".join(text.split()).casefold()
