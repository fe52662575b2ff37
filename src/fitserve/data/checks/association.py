"""How much of the target one column tells by itself, as a share from 0 to 1.

Values are put into bins (thirty-two of equal size for numbers, levels for others, one for gaps), each bin predicts the
mean target of one half of the rows, and is evaluated on the other half. The share is that of the squared error that
goes away: R squared for a number, the same of the Brier score for labels. So all kinds of column and target compare,
and a column of noise has about 0 however many levels it has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitserve.data.understanding.target import Target

_BINS = 32
_MOST_LABELS = 30
# A bin's mean counts like that of so many more rows of the usual mix.
_PRIOR_ROWS = 2.0


def target_matrix(target: Target, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Which of some rows have a target, and what is to be predicted of them: float64 (n, outputs)."""
    known = np.flatnonzero(target.task.known(target.truth[rows]))
    if target.classes is not None:
        codes = target.classes.codes[rows][known]
        frequent = np.argsort(-np.bincount(codes, minlength=1), kind="stable")[:_MOST_LABELS]
        return known, (codes[:, None] == frequent[None, :]).astype(np.float64)
    if target.numbers is not None:
        return known, target.truth[rows][known][:, None]
    return known[:0], np.empty((0, 1))


def number_bins(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Bins of equal size from 1, by distinct values where there are few; 0 for gaps."""
    gaps = np.isnan(values)
    known = values[~gaps]
    bins = np.zeros(len(values), dtype=np.int32)
    if len(known):
        distinct = np.unique(known)
        edges = distinct if len(distinct) <= _BINS else np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
        bins[~gaps] = 1 + np.searchsorted(edges, known, side="left")
    return bins


def explained_share(bins: NDArray[np.int32], wanted: NDArray[np.float64]) -> float:
    """The share of a target (n, outputs) that bins (n,) tell."""
    # At random, for tables may repeat with every second row.
    half = np.random.default_rng(0).random(len(bins)) < 0.5
    error = worst = 0.0
    for fitted, held_out in ((half, ~half), (~half, half)):
        mean = wanted[fitted].mean(axis=0)
        n_bins = int(bins.max(initial=0)) + 1
        counts = np.bincount(bins[fitted], minlength=n_bins)
        sums = np.stack([np.bincount(bins[fitted], column, n_bins) for column in wanted[fitted].T], axis=1)
        means = (sums + _PRIOR_ROWS * mean) / (counts + _PRIOR_ROWS)[:, None]
        error += float(((wanted[held_out] - means[bins[held_out]]) ** 2).sum())
        worst += float(((wanted[held_out] - mean) ** 2).sum())
    return max(0.0, 1.0 - error / worst) if worst > 0 else 0.0
