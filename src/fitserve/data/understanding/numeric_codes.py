"""Texts that look like numbers and are codes: a number could not give their spelling back."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from fitserve.messages import Message
from fitserve.schema import LARGEST_EXACT

_PADDED = re.compile(r"[+-]?0[0-9]+\Z")
_PLUS = re.compile(r"\+[0-9]+\Z")
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}\Z")
_FRACTION = re.compile(r"[+-]?[0-9]*\.([0-9]+)\Z")
_ODD = r"^\+|^[+-]?0[0-9]+$|^[+-]?[0-9]{16,}$"


def why_codes(texts: Sequence[str]) -> Message | None:
    """Why some different texts that can be read as numbers are none; None if they are."""
    if any(_PADDED.match(text) for text in texts):
        return Message("codes.padded")
    if len(texts) > 1 and all(_PLUS.match(text) for text in texts):
        return Message("codes.plus")
    long = sum(is_long(text) for text in texts)
    return Message("codes.long") if long >= len(texts) / 2 > 0 else None


def is_long(text: str) -> bool:
    """Whether a whole number has more digits than a float keeps."""
    return len(text) >= 16 and bool(_WHOLE.match(text)) and abs(int(text)) >= LARGEST_EXACT


def doubt_of(texts: Sequence[str]) -> Message | None:
    """Why some texts that are read as numbers may be codes, as 1.10 may be a version; None if they are not."""
    if any(is_long(text) for text in texts):
        return Message("doubt.long")
    fractions = {text: match[1] for text in texts if (match := _FRACTION.match(text))}
    if len({len(fraction) for fraction in fractions.values()}) > 1:
        odd = next((text for text, fraction in fractions.items() if fraction[-1] == "0" and fraction.strip("0")), None)
        if odd is not None:
            return Message("doubt.read_like", {"text": odd, "like": odd.rstrip("0")})
    return None


def may_be_codes(numbers: pl.Series) -> bool:
    """Whether any of many texts that are numbers has a spelling that must be looked at more closely."""
    if bool(numbers.str.contains(_ODD).any()):
        return True
    if not bool(numbers.str.contains(r"\.[0-9]*[1-9][0-9]*0$").any()):
        return False
    return numbers.str.extract(r"\.([0-9]+)$").str.len_chars().n_unique() > 1


def long_share(known: np.ndarray[tuple[int], np.dtype[np.integer]]) -> float:
    """The share of some whole numbers that a float would not keep."""
    return float(((known >= LARGEST_EXACT) | (known <= -LARGEST_EXACT)).mean()) if len(known) else 0.0
