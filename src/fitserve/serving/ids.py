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


# What a millisecond begins with: it is the same for all ids that it sees.
_latest = (0, "")


def new_id() -> str:
    """A fresh ULID of 26 characters."""
    global _latest  # noqa: PLW0603 - replaced as a whole, so that threads never see half of it
    now = time_ns() // 1_000_000
    latest, beginning = _latest
    if now != latest:
        beginning = "".join(_ALPHABET[now >> shift & 31] for shift in range(45, -5, -5))
        _latest = now, beginning
    pairs = _PAIRS
    # Python counts fastest with integers of 30 bits.
    a, b, c = _fast_bits(30), _fast_bits(30), _fast_bits(20)
    return (
        f"{beginning}{pairs[a >> 20]}{pairs[a >> 10 & 1023]}{pairs[a & 1023]}{pairs[b >> 20]}{pairs[b >> 10 & 1023]}"
        f"{pairs[b & 1023]}{pairs[c >> 10]}{pairs[c & 1023]}"
    )
