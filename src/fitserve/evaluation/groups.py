"""Rows in groups of about equal size, for charts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_GROUPS = 10


def equal_groups(values: NDArray[np.float64]) -> Sequence[NDArray[np.intp]]:
    """Rows in up to ten groups of about equal size by their values; equal values stay together, five rows at least."""
    if not len(values):
        return []
    n_bins = int(np.clip(len(values) // 5, 1, _GROUPS))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)[1:-1]))
    codes = np.searchsorted(edges, values, side="left")
    return [np.flatnonzero(codes == code) for code in np.unique(codes)]
