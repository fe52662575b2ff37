"""How figures are shown to people: in terminals, pages, cards and messages."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence


def number(value: float | None) -> str:
    """Four digits, without an exponent where people would write none; a dash for none."""
    if value is None or math.isnan(value):
        return "–"
    short = float(f"{value:.4g}")
    if short and not 1e-4 <= abs(short) < 1e12:
        return f"{short:.4g}"
    return f"{short:,.0f}" if short == int(short) else f"{short:,}"


def score(value: float | None) -> str:
    """A score in four digits; some are undefined."""
    return "undefined" if value is None else number(value)


def with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """A figure with its interval behind it."""
    return number(value) + (f" ({number(interval[0])} to {number(interval[1])})" if interval else "")


def of_hundred(share: float) -> str:
    """A share as rows of 100, with a decimal where it is near none or all."""
    return f"{100 * share:.1f}" if min(share, 1 - share) < 0.05 and share not in (0, 1) else f"{100 * share:.0f}"


_END = 30


def shortened(name: str, most: int = 2 * _END + 1) -> str:
    """A long name by its beginning and its end, which both tell."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[most // 2 + 1 - most :]}"


def quoted(name: str, language: str = "en") -> str:
    """A name in a sentence."""
    return f"“{shortened(name)}”" if language == "zh" else repr(shortened(name))


def named(names: Sequence[str], most: int = 5, language: str = "en", *, total: int | None = None) -> str:
    """Names in a sentence, the first of many; ``total`` where not all of them are given."""
    left = (len(names) if total is None else total) - most
    shown = [quoted(name, language) for name in names[:most]]
    if language == "zh":
        return "、".join(shown) + (f" 等 {left + most} 个" if left > 0 else "")
    return ", ".join(shown) + (f" and {left} more" if left > 0 else "")


def share(part: int, whole: int, language: str = "en") -> str:
    """A part of some rows as people say it: "12 of 300 (4 %)"."""
    if not whole:
        return f"{part:,}"
    percent = 100 * part / whole
    note = f"{percent:.0f} %" if percent >= 1 or part == 0 else f"{percent:.2g} %"
    return f"{part:,}/{whole:,}（{note}）" if language == "zh" else f"{part:,} of {whole:,} ({note})"


def seconds(value: float, language: str = "en") -> str:
    """What something takes, about: "about 12 s", "0.4 s"."""
    if language == "zh":
        return f"约 {value:.0f} 秒" if value >= 2 else f" {value:.1f} 秒"
    return f"about {value:.0f} s" if value >= 2 else f"{value:.1f} s"


def shell_word(name: str) -> str:
    """A name on a command line."""
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'"
