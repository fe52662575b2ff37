"""How sure a score is: bootstrap intervals of all scores at once (Efron 1979, Annals of Statistics 7).

Rows are drawn with replacement, or whole groups where rows belong together: then the rows of one group are no
independent witnesses, and the interval is as wide as so few groups deserve. What is drawn depends on the seed alone.

The ends are quantiles of the drawn scores, moved outwards for few rows as Student's t is wider than the normal
distribution (the expanded percentile interval of Hesterberg 2015, American Statistician 69), and never leave the score
itself outside. Where no draw differs, as where everything is right, the draws say nothing: then an accuracy has
Wilson's interval (1927), and other scores have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fitserve.faults import check_time
from fitserve.metrics import Metric
from fitserve.metrics.confusion import Counts
from fitserve.metrics.weighted import WeightedScores

LEVEL = 0.95
Interval = tuple[float, float]
Rows = NDArray[np.intp]
Make = Callable[[Rows], WeightedScores]
"""Gives the weighted scores of some rows, by index."""

_MOST_ROWS, _MOST_CELLS, _CELLS_IN_ALL = 40_000, 160_000, 4_000_000
_FEWEST_DRAWS, MOST_DRAWS = 150, 400
# So many standard errors are about half of an interval.
_HALF_WIDTH = 1.96


@dataclass(frozen=True)
class Bootstrap:
    """``scores`` of the rows, and of each draw; ``units`` are rows or groups, ``narrowing`` what a sample widened.

    ``draws`` hold, for each score, its value in each draw; NaN where it was undefined.
    ``paired`` says that the scores are differences.
    """

    scores: Mapping[str, float | None]
    draws: Mapping[str, NDArray[np.float64]]
    units: int
    narrowing: float = 1.0
    paired: bool = False

    def interval(self, name: str) -> Interval | None:
        """The interval of a score; None where it is undefined, or most draws leave it so."""
        value, drawn = self.scores[name], self.draws[name]
        known = drawn[np.isfinite(drawn)]
        if value is None or self.units < 2 or len(known) < max(len(drawn) / 2, 1):
            return None
        tail = _tail(self.units)
        low, high = (float(end) for end in np.quantile(known, [tail, 1 - tail]))
        centre = float(np.median(known))
        if low == high:
            return wilson(value, self.units) if name == "accuracy" and not self.paired else None
        low, high = (value + (end - centre) * self.narrowing if self.narrowing < 1 else end for end in (low, high))
        return min(low, value), max(high, value)


def intervals(bootstrapped: Bootstrap) -> dict[str, Interval | None]:
    """The interval of every score, at `LEVEL`."""
    return {name: bootstrapped.interval(name) for name in bootstrapped.scores}


def moved_out(interval: Interval, value: float, metric: Metric, errors: float) -> Interval:
    """An interval around a value whose worse end lies some standard errors further out, within what the score can be.

    For the best of several candidates that were evaluated on the same rows: it looks better than it is.
    """
    low, high = interval
    wider = 1.0 + errors / _HALF_WIDTH
    if metric.greater_is_better:
        return min(max(value - (value - low) * wider, metric.worst), low), high
    return low, max(min(value + (high - value) * wider, metric.worst), high)


def bootstrap(
    make: Make,
    n: int,
    *,
    width: int = 1,
    groups: NDArray[np.int64] | None = None,
    seed: int = 0,
    most: int = MOST_DRAWS,
) -> Bootstrap:
    """Draw rows, or groups, and score each draw.

    Args:
        make: gives the weighted scores of some of the n rows.
        n: number of rows.
        width: number of columns that are ranked, as a measure of the work. The more rows and columns, the fewer
            draws (150 at least, ``most`` at most); above 40,000 rows or 160,000 cells a sample of the rows is drawn
            from, and its intervals are narrowed by the square root of its share.
        groups: (n,), equal for rows that belong together.
        seed: of the draws.
        most: how many draws there are at most.

    """
    rng = np.random.default_rng(seed)
    everything = np.arange(n)
    unit_of_row = everything if groups is None else np.unique(groups, return_inverse=True)[1]
    units = int(unit_of_row.max(initial=-1)) + 1
    scores = make(everything)(np.ones(n, dtype=np.int64))
    rows, narrowing = everything, 1.0
    share = min(_MOST_ROWS, _MOST_CELLS / width) / max(n, 1)
    if share < 1:
        kept = rng.random(units) < share
        rows = np.flatnonzero(kept[unit_of_row])
        narrowing = math.sqrt(len(rows) / n)
    times = int(np.clip(_CELLS_IN_ALL // max(len(rows) * width, 1), _FEWEST_DRAWS, most))
    found: dict[str, list[float]] = {name: [] for name in scores}
    if units > 1:
        weighted = make(rows)
        for weights in _draws(unit_of_row[rows], rng, times):
            check_time()
            for name, value in weighted(weights).items():
                found[name].append(math.nan if value is None else value)
    draws = {name: np.array(values) for name, values in found.items()}
    return Bootstrap(scores, draws, units, narrowing)


def difference(a: Bootstrap, b: Bootstrap) -> Bootstrap:
    """The scores of ``b`` less those of ``a``: a paired comparison, if both were drawn with one seed of one table."""
    names = [name for name in a.scores if name in b.scores]
    scores = {name: _less(b.scores[name], a.scores[name]) for name in names}
    draws = {name: b.draws[name] - a.draws[name] for name in names}
    return replace(a, scores=scores, draws=draws, paired=True)


def wilson(share: float, n: int) -> Interval:
    """Wilson's interval of a share of n (1927, JASA 22)."""
    z = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def _draws(unit_of_row: NDArray[np.intp], rng: np.random.Generator, times: int) -> Iterator[Counts]:
    units = np.unique(unit_of_row, return_inverse=True)[1]
    n = int(units.max()) + 1
    single = n == len(units)
    for _ in range(times):
        often = np.bincount(rng.integers(0, n, n), minlength=n)
        yield often if single else often[units]


def _tail(units: int) -> float:
    """How far out the ends are: a quantile, smaller for few units."""
    normal = NormalDist()
    z, v = normal.inv_cdf(1 - (1 - LEVEL) / 2), max(units - 1, 1)
    # Student's quantile by its expansion in 1/v (Abramowitz & Stegun 26.7.5).
    t = z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    return 1 - normal.cdf(math.sqrt(units / v) * t)


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
