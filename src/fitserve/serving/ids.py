"""Prediction ids: ULIDs, which sort by time and need no coordination.

Format: 48 bits of milliseconds, 80 random bits, in Crockford's base 32 (https://github.com/ulid/spec).
"""

from __future__ import annotations

import random
from time import time_ns

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_random_bits = random.SystemRandom().getrandbits
# Ids need to be unique, not secret: a generator seeded by the system is enough and ten times faster.
_fast_bits = random.Random(_random_bits(256)).getrandbits  # noqa: S311


def new_id() -> str:
    """A fresh ULID of 26 characters."""
    pairs = _PAIRS
    bits = time_ns() // 1_000_000 << 80 | _fast_bits(80)
    return (
        _ALPHABET[bits >> 125]
        + _ALPHABET[bits >> 120 & 31]
        + pairs[bits >> 110 & 1023]
        + pairs[bits >> 100 & 1023]
        + pairs[bits >> 90 & 1023]
        + pairs[bits >> 80 & 1023]
        + pairs[bits >> 70 & 1023]
        + pairs[bits >> 60 & 1023]
        + pairs[bits >> 50 & 1023]
        + pairs[bits >> 40 & 1023]
        + pairs[bits >> 30 & 1023]
        + pairs[bits >> 20 & 1023]
        + pairs[bits >> 10 & 1023]
        + pairs[bits & 1023]
    )
