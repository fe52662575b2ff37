"""What a missing value is to a learner.

Where training has gaps enough to learn from, they are learned. Where it has none, or a few, a missing value is like the
typical one, to trees the median: everything else would be an accident of the learner, such as the side of a split to
which nothing ever went.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# What few gaps say in some parts of a tree tells nothing of the others: a hundredth of the rows, or a thousand of them.
_FEWEST_GAPS, _SHARE, _ENOUGH = 5, 0.01, 1000
_SAMPLE = 100_000


def has_learnable_gaps(missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which columns of (n, D) have gaps in rows enough to learn what they mean, (D,)."""
    return np.asarray(missing.sum(axis=0) >= np.clip(_SHARE * len(missing), _FEWEST_GAPS, _ENOUGH))


def typical_values(dense: NDArray[np.float32]) -> NDArray[np.float32]:
    """The median of each column of (n, D), the lower of two middle values; 0 where nothing is known. Float32 (D,).

    Of many rows it is that of some, evenly taken.
    """
    ordered = np.sort(dense[:: max(1, len(dense) // _SAMPLE)], axis=0)  # NaN last
    known = (~np.isnan(ordered)).sum(axis=0)
    if not known.any():
        return np.zeros(dense.shape[1], dtype=np.float32)
    middle = np.take_along_axis(ordered, np.maximum(known - 1, 0)[None, :] // 2, axis=0)[0]
    return np.where(known > 0, middle, 0).astype(np.float32)
