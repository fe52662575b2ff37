"""The answer without learning: the mean, or the share of each label. Every report shows it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.models.base import Context, Parameters, Shape
from fitserve.models.constant import FittedConstant, fit_constant


class Baseline:
    """Mean of the target, or frequency of its labels."""

    name: ClassVar[str] = "baseline"
    cost: ClassVar[int] = 0
    objectives: ClassVar[Collection[str] | None] = None

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """One, without parameters."""
        del shape
        return [{}]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedConstant:
        """Count, and that is all."""
        del parameters
        return fit_constant(arrays, target, context)
