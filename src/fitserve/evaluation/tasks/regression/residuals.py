"""How far predictions are off, as plain JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.evaluation.groups import equal_groups

Values = NDArray[np.float64]
_MOST_PAIRS, _HISTOGRAM = 500, 30


def residuals(truth: Values, prediction: Values, seed: int) -> dict[str, Any]:
    """Truth beside prediction (a sample), how errors are distributed, and their size by that of the truth."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond floats is told as unknown
        return _residuals(truth, prediction, seed)


def _residuals(truth: Values, prediction: Values, seed: int) -> dict[str, Any]:
    n, errors_of_rows = len(truth), np.abs(prediction - truth)
    chosen = np.arange(n)
    if n > _MOST_PAIRS:
        chosen = np.sort(np.random.default_rng(seed).choice(n, _MOST_PAIRS, replace=False))
    difference = prediction - truth
    by_size = []
    for rows in equal_groups(truth):
        errors = errors_of_rows[rows]
        half = 1.96 * float(errors.std(ddof=1)) / np.sqrt(len(rows)) if len(rows) > 1 else 0.0
        by_size.append(
            {
                "from": truth[rows].min(),
                "to": truth[rows].max(),
                "error": errors.mean(),
                "low": max(errors.mean() - half, 0.0),
                "high": errors.mean() + half,
                "bias": difference[rows].mean(),
                "rows": len(rows),
            }
        )
    return {
        "pairs": [[truth[i], prediction[i]] for i in chosen],
        "histogram": _histogram(difference),
        "bias": difference.mean() if n else None,
        "quantiles": np.quantile(errors_of_rows, [0.5, 0.9, 0.99]).tolist() if n else [],
        "by_size": by_size,
    }


def _histogram(values: Values) -> list[dict[str, float]]:
    """Counts in 30 bins; what is further out than 99 % of the rows is in the outermost ones."""
    if not len(values):
        return []
    low, high = np.quantile(values, [0.005, 0.995])
    if not high > low:
        low, high = values.min(), values.max()
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _HISTOGRAM + 1)
    if not (np.diff(edges) > 0).all():  # too near, or too far apart, for floats to tell the bins from each other
        return [{"from": values.min(), "to": values.max(), "rows": len(values)}]
    counts = np.histogram(np.clip(values, low, high), edges)[0]
    return [{"from": edges[i], "to": edges[i + 1], "rows": int(count)} for i, count in enumerate(counts)]
