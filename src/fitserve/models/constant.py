"""The model that answers the same to every row: for rows that leave nothing to learn, and to measure others by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
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
    """What the objective says fits all rows best: the mean of the target, or the share of each label, weighted."""
    constant = context.shape.objective.constant(target, context.weights)
    return FittedConstant(constant.tolist(), arrays.dense.shape[1] + arrays.codes.shape[1])
