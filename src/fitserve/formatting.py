"""How figures are shown to people: in terminals, pages, cards and messages."""

from __future__ import annotations

from collections.abc import Sequence


def number(value: float | None) -> str:
    """Four digits, without an exponent where people would write none; a dash for none."""
    if value is None:
        return "–"
    short = float(f"{value:.4g}")
    if short and not 1e-4 <= abs(short) < 1e12:
        return f"{short:.4g}"
    return f"{short:,.0f}" if short == int(short) else f"{short:,}"


def with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """A figure with its interval behind it."""
    return number(value) + (f" ({number(interval[0])} to {number(interval[1])})" if interval else "")


def of_hundred(share: float) -> str:
    """A share as rows of 100, with a decimal where it is near none or all."""
    return f"{100 * share:.1f}" if min(share, 1 - share) < 0.05 and share not in (0, 1) else f"{100 * share:.0f}"
