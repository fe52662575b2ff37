"""What learners of counts are asked for, and one that knows it: Poisson regression by scikit-learn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import PoissonRegressor

from fitserve.blocks import Arrays
from fitserve.models.base import Context, Parameters, Shape
from fitserve.models.design import fit_design
from fitserve.models.linear_scores import FittedLinear


@dataclass(frozen=True)
class LogRate:
    """The logarithm of an expected count. The loss of a row is minus its log likelihood, but for a constant."""

    name: ClassVar[str] = "log_rate"
    n_outputs: ClassVar[int] = 1

    def constant(self, target: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """The logarithm of the mean."""
        return np.array([np.log(max(float(np.average(target, weights=weights)), 1e-9))])

    def losses(self, raw: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
        """What a rate is too much, less what it explains."""
        losses: NDArray[np.float64] = np.exp(raw[:, 0]) - target * raw[:, 0]
        return losses


class Poisson:
    """Poisson regression with an L2 penalty."""

    name: ClassVar[str] = "poisson"
    cost: ClassVar[int] = 2
    objectives: ClassVar[Collection[str] | None] = (LogRate.name,)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Penalties."""
        del shape
        return [{"alpha": alpha} for alpha in (1e-4, 1e-2, 1.0)]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedLinear:
        """Solve by L-BFGS."""
        design = fit_design(arrays, context.shape.level_counts, context.shape.n_terms)
        model = PoissonRegressor(alpha=float(parameters["alpha"]), max_iter=300)
        model.fit(design.matrix(arrays), target, context.weights)
        return FittedLinear(design, model.coef_[:, None], np.array([float(model.intercept_)]), "", 1)
