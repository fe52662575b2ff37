"""The answer without learning: the mean, or the share of each label. Every report shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve.features.arrays import Arrays
from fitserve.models.base import Context, Exported, Parameters, Shape
from fitserve.models.graph import export_constant


@dataclass(frozen=True)
class FittedBaseline:
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


class Baseline:
    """Mean of the target, or frequency of its labels."""

    name: ClassVar[str] = "baseline"
    cost: ClassVar[int] = 0

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """One, without parameters."""
        del shape
        return [{}]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedBaseline:
        """Count, and that is all."""
        del parameters
        shape = context.shape
        columns = arrays.dense.shape[1] + arrays.codes.shape[1]
        if shape.task == "regression" or shape.n_outputs == 1:
            return FittedBaseline([float(np.mean(target))], columns)
        counts = np.bincount(target, minlength=shape.n_outputs)
        return FittedBaseline((counts / len(target)).tolist(), columns)
