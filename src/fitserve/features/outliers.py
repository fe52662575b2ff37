"""Which values of a column lie absurdly far out: 9,831 mm of rain in an hour, an age of 9999."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Beyond so many times the distance within which 99 of 100 values lie. Of a normal distribution that is 26 deviations;
# of 10,000 values of a lognormal one (sigma 1), three tables in a hundred have one so far out.
_FAR, _INSIDE = 10.0, 0.99
_FEWEST, _SAMPLE = 10, 100_000


def usual_limits(known: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Between what limits the finite values of a column, shape (n,), lie that are not absurdly far out.

    Distances are those from the median, of the values that differ from it: a column may be 0 nearly everywhere. The
    limits are infinite where nothing is far out, or values are too few to say so.
    """
    if not len(known):
        return -math.inf, math.inf
    middle = float(np.partition(known, (len(known) - 1) // 2)[(len(known) - 1) // 2])
    with np.errstate(over="ignore"):
        apart = np.abs(known.astype(np.float64) - middle)
    furthest, apart = float(apart.max()), apart[apart > 0]
    apart = apart[:: max(1, len(apart) // _SAMPLE)]
    if len(apart) < _FEWEST:
        return -math.inf, math.inf
    # The furthest one alone is never inside, however few there are.
    place = min(math.ceil(_INSIDE * len(apart)), len(apart) - 1) - 1
    reach = _FAR * float(np.partition(apart, place)[place])
    return (middle - reach, middle + reach) if reach < furthest else (-math.inf, math.inf)


def usual_ends(known: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """The least and the largest usual value of a column, shape (n,), where others lie absurdly far beyond it.

    Infinite on a side where none does. Even a value that counted as ten times what is usual would outweigh hundreds of
    rows in a linear model.
    """
    low, high = usual_limits(known)
    if not len(known) or (known.min() >= low and known.max() <= high):
        return -math.inf, math.inf
    inside = known[(known >= low) & (known <= high)]
    return (
        float(inside.min()) if known.min() < low else -math.inf,
        float(inside.max()) if known.max() > high else math.inf,
    )


def usual_range(known: NDArray[np.float64]) -> tuple[float, float]:
    """The least and the largest finite value of a column, shape (n,), n above 0, that is not absurdly far out."""
    low, high = usual_limits(known)
    inside = known[(known >= low) & (known <= high)]
    return float(inside.min()), float(inside.max())
