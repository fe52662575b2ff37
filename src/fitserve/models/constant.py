"""The model that answers the same to every row: for rows that leave nothing to learn, and to measure others by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.features.arrays import Arrays
from fitserve.models.base import Context, Exported
from fitserve.models.graph import export_constant


@dataclass(frozen=True)
class FittedConstant:
    """One raw output for all rows."""

    values: Sequence[float]
    columns: int
    effort: int = 1

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """The same row n times."""
        return np.tile(np.asarray(self.values, dtype=np.float64), (len(arrays), 1))

    def export(self) -> Exported:
        """A constant graph."""
        return export_constant(self.values, self.columns)


def fit_constant(arrays: Arrays, target: NDArray[Any], context: Context) -> FittedConstant:
    """The weighted mean of the target, or the weighted share of each label."""
    shape, weights = context.shape, context.weights
    columns = arrays.dense.shape[1] + arrays.codes.shape[1]
    if shape.task == "regression" or shape.n_outputs == 1:
        return FittedConstant([float(np.average(target, weights=weights))], columns)
    shares = np.bincount(target, weights, minlength=shape.n_outputs)
    return FittedConstant((shares / shares.sum()).tolist(), columns)
