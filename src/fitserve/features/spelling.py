"""How a column spells its numbers and its dates, found out from its texts and kept as the state of a step.

Numbers: a decimal point or comma, groups of thousands, and one prefix or suffix that nearly all have (a currency,
a percent sign, a unit). Dates of three numbers: whether the day or the month comes first.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from fitserve import schema

# Groups of thousands, then the decimal sign. What both could mean is told apart by the other texts of a column.
_STYLES: dict[str, tuple[str, str]] = {
    "1,234.56": (",", "."),
    "1.234,56": (".", ","),
    "1 234,56": (" ", ","),
    "1 234.56": (" ", "."),
    "1'234.56": ("'", "."),
}
DAY_FIRST, MONTH_FIRST, PLAIN = "day-first", "month-first", "1234.56"
SPELLINGS = (*_STYLES, PLAIN, DAY_FIRST, MONTH_FIRST)
"""What a user may say of a column: how its numbers look, or what stands first in its dates."""
_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'", "\u2212": "-", "\uff0c": ","})
# What may stand before or behind a number; other letters make a code of it, such as Q1 or L7.
CURRENCIES = frozenset(
    "€ $ £ ¥ ￥ ₹ ₩ ₽ US$ R$ A$ C$ HK$ EUR USD GBP CHF JPY CNY RMB 元 人民币 kr zł".split()  # noqa: SIM905 - a table
)
UNITS = CURRENCIES | frozenset(
    "% ‰ ° °C °F km m cm mm mi ft in kg g mg lb lbs oz t l ml h hr hrs hours min mins minutes s sec ms d day days "  # noqa: SIM905
    "weeks months yr yrs years km/h mph m/s m2 m² sqft sqm ha W kW kWh MW V A Hz kHz MHz GHz B kB KB MB GB TB hp cc px "
    "岁 年 月 天 小时 分钟 秒 公里 千米 米 厘米 千克 公斤 克 平方米 万 万元 亿元".split()
)
_AROUND = re.compile(
    r"[+-]?(?P<before>[^0-9+\-.,()\s]{0,8})\s*[(+-]?[0-9.,][0-9.,' ]*\)?\s*(?P<after>[^0-9+.,()\s]\S{0,7})?\Z"
)
_LABEL = re.compile(r"[^0-9]*[:=#]\s*")
# So large a share of the texts has to be read before a column is taken for one of numbers.
ENOUGH = 0.95
_FEW, _MANY = 50, 2000
_ORDERED = re.compile(r"\s*([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})\b")


@dataclass(frozen=True, slots=True)
class Found:
    """The spelling of a column of numbers; ``doubtful`` if its texts could mean other numbers, too."""

    style: str
    prefix: str
    suffix: str
    doubtful: bool = False


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

    def read(self, value: object) -> float:
        """The value as a float, NaN if missing; raises ValueError if it cannot be read."""
        if not isinstance(value, str) or self.is_plain:
            return schema.read_number(value)
        number = self._read_own(value)
        return schema.read_number(value) if number is None else number

    def reads(self, text: str) -> bool:
        """Whether a text, without blanks around it, is a number in this very spelling."""
        return self._read_own(text) is not None

    def _read_own(self, text: str) -> float | None:
        text = text.translate(_BLANKS).strip()
        if self.prefix:
            text = re.sub(rf"^([+-]?){re.escape(self.prefix)}\s*", r"\1", text, count=1)
        text = text.removesuffix(self.suffix).strip()
        negative = text.startswith("(") and text.endswith(")")
        match = self._pattern.fullmatch(text[1:-1] if negative else text)
        if match is None:
            return None
        group, decimal = _STYLES.get(self.style, ("", "."))
        digits = match[2].replace(group, "") if group else match[2]
        number = float(digits.replace(decimal, "."))
        return -number if negative or match[1] == "-" else number


def find_number_spelling(texts: Sequence[str]) -> Found | None:
    """The spelling by which nearly all of some texts are numbers; None if there is none, or the plain one does."""
    known = [text.translate(_BLANKS).strip() for text in texts]
    known = [text for text in known if text.casefold() not in schema.MISSING_WHERE_TYPED]
    if len(known) < 2:
        return None
    # Most columns of texts hold no numbers at all: a look at some of them is enough.
    if _most_readable(known[:_FEW])[1] < ENOUGH / 2:
        return None
    reader, share = _most_readable(known[:: max(1, len(known) // _MANY)])
    if share < ENOUGH or reader.is_plain:
        return None
    return Found(reader.style, reader.prefix, reader.suffix, _is_doubtful(known, reader.style))


def reader_of(spelling: str, texts: Sequence[str]) -> NumberReader:
    """What reads texts of a spelling that the user has named; what stands before and behind the numbers is found."""
    prefix, suffix = _affixes([text.translate(_BLANKS).strip() for text in texts])
    return NumberReader("" if spelling == PLAIN else spelling, prefix, suffix)


def _most_readable(texts: Sequence[str]) -> tuple[NumberReader, float]:
    """The reader that reads most of some texts, and its share of them."""
    prefix, suffix = _affixes(texts)
    readers = [NumberReader(style, prefix, suffix) for style in ("", *_STYLES)]
    counts = [sum(reader.reads(text) for text in texts) for reader in readers]
    return readers[counts.index(max(counts))], max(counts) / len(texts)


def _affixes(texts: Sequence[str]) -> tuple[str, str]:
    """What nearly all texts have before or behind their number; nothing if they differ."""
    parts = [match for text in texts if (match := _AROUND.match(text))]
    if len(parts) < ENOUGH * len(texts):
        return "", ""
    before, after = (_common([part[name] or "" for part in parts]) for name in ("before", "after"))
    return before if before in CURRENCIES else "", after if after in UNITS else ""


def _common(parts: Sequence[str]) -> str:
    most, n = Counter(parts).most_common(1)[0]
    return most if n >= ENOUGH * len(parts) else ""


def _is_doubtful(texts: Sequence[str], style: str) -> bool:
    """Whether no text shows which sign is the decimal one, as in a column of ``1,234`` alone."""
    group, decimal = _STYLES.get(style, ("", "."))
    if not group or group in " '":
        return False
    return not any(decimal in text or text.count(group) > 1 for text in texts)


def common_prefix(texts: Sequence[str]) -> str:
    """What all of some texts begin with, up to a colon or the like before the first digit; "" if there is none."""
    first, last = min(texts, default=""), max(texts, default="")
    n = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    label = _LABEL.match(first[:n])
    return label[0] if label else ""


def is_ordered(text: str) -> bool:
    """Whether a date is one like 31/01/2026, whose day and month only their order tells apart."""
    return bool(_ORDERED.match(text))


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
