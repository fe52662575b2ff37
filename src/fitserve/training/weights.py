"""How much each row counts in a fit: what a column says of it, and labels made to count alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fitserve.errors import DataError, SpecError


def training_weights(
    given: NDArray[np.float64] | None, classes: NDArray[np.int64] | None, class_weight: str | None
) -> NDArray[np.float64] | None:
    """The weights of the training rows, (n,), or None where all count alike; ``classes`` (n,) are those of the target.

    "balanced" lets every label count alike as a whole: weights are divided by the sum of their label's (as in
    scikit-learn). Raises DataError where no row counts.
    """
    if given is not None and not given.sum() > 0:
        raise DataError("all weights of the training rows are 0; give some rows a weight above 0")
    if class_weight is None:
        return given
    if classes is None:
        raise SpecError("--class-weight is for labels; leave it out, or weigh rows by --weight")
    weights = np.ones(len(classes)) if given is None else given
    sums = np.bincount(classes, weights)[classes]
    return weights / np.where(sums > 0, sums, 1.0)


def counted_rows(
    weights: NDArray[np.float64] | None, rows: Sequence[int] | NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64] | None]:
    """Those of some rows that count, and their weights with a mean of 1: a fit never sees a weight of 0.

    All rows count alike where all of their weights are 0.
    """
    chosen = np.asarray(rows, dtype=np.intp)
    if weights is None or not weights[chosen].sum() > 0:
        return chosen, None
    chosen = chosen[weights[chosen] > 0]
    own = weights[chosen]
    return chosen, own / own.mean()
