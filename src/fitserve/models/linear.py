"""Linear models: least squares, ridge, lasso, elastic net and logistic regression, fitted by scikit-learn."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression, Ridge

from fitserve.blocks import Arrays
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Parameters, Shape
from fitserve.models.design import Design, fit_design
from fitserve.models.linear_scores import FittedLinear
from fitserve.models.objective import NUMBER, PROBABILITIES

# Least squares makes its matrix dense; beyond so many cells ridge does the same job in less memory.
_MOST_DENSE_CELLS = 20_000_000
# Iterations of the solver between two looks at the clock.
_ITERATIONS_AT_ONCE = 20
_MOST_ITERATIONS = 400
# The logit of what is as good as certain.
_CERTAIN = 25.0


class Linear:
    """Ordinary least squares, without regularisation."""

    name: ClassVar[str] = "linear"
    cost: ClassVar[int] = 1
    objectives: ClassVar[Collection[str] | None] = (NUMBER,)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """One, without parameters; refuses wide tables."""
        width = 2 * shape.n_dense + sum(shape.level_counts) + shape.n_terms
        if width * shape.n_rows > _MOST_DENSE_CELLS:
            raise NotForThisTable(
                f"least squares would need a dense matrix of {shape.n_rows} x {width}; ridge need not"
            )
        return [{}]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedLinear:
        """Solve by LAPACK's least squares (minimum norm where columns depend on each other)."""
        del parameters
        design = fit_design(arrays, context.shape.level_counts, context.shape.n_terms)
        matrix = design.matrix(arrays)
        model = LinearRegression().fit(matrix.toarray() if sparse.issparse(matrix) else matrix, target, context.weights)
        return FittedLinear(design, model.coef_[:, None], np.array([model.intercept_]), "", 1)


class RidgeRegression:
    """Least squares with an L2 penalty."""

    name: ClassVar[str] = "ridge"
    cost: ClassVar[int] = 2
    objectives: ClassVar[Collection[str] | None] = (NUMBER,)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Penalties over four decades."""
        del shape
        return [{"alpha": alpha} for alpha in (1.0, 0.1, 10.0, 100.0)]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedLinear:
        """Solve by Cholesky, or by conjugate gradients where the matrix is sparse."""
        design = fit_design(arrays, context.shape.level_counts, context.shape.n_terms)
        matrix = design.matrix(arrays)
        model = Ridge(alpha=float(parameters["alpha"]), random_state=context.seed).fit(matrix, target, context.weights)
        return FittedLinear(design, model.coef_.reshape(-1, 1), np.array([model.intercept_]), "", 1)


class Lasso:
    """Least squares with an L1 penalty (Tibshirani 1996): columns that say little get no weight."""

    name: ClassVar[str] = "lasso"
    cost: ClassVar[int] = 3
    objectives: ClassVar[Collection[str] | None] = (NUMBER,)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Penalties as shares of the smallest one that leaves no column."""
        del shape
        return [{"alpha_share": share} for share in (0.001, 0.01)]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedLinear:
        """Descend by coordinates until it converges or the deadline is there."""
        return _descend(arrays, target, float(parameters["alpha_share"]), 1.0, context)


class ElasticNetRegression:
    """Least squares with half an L1 and half an L2 penalty (Zou and Hastie 2005)."""

    name: ClassVar[str] = "elastic_net"
    cost: ClassVar[int] = 3
    objectives: ClassVar[Collection[str] | None] = (NUMBER,)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Penalties as shares of the smallest one that leaves no column."""
        del shape
        return [{"alpha_share": share} for share in (0.001, 0.01)]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedLinear:
        """Descend by coordinates until it converges or the deadline is there."""
        return _descend(arrays, target, float(parameters["alpha_share"]), 0.5, context)


def _descend(
    arrays: Arrays, target: NDArray[Any], alpha_share: float, l1_ratio: float, context: Context
) -> FittedLinear:
    """An elastic net by coordinate descent; ``effort`` counts blocks of sweeps."""
    design = fit_design(arrays, context.shape.level_counts, context.shape.n_terms)
    matrix = design.matrix(arrays)
    weights = np.ones(len(target)) if context.weights is None else context.weights
    pull = matrix.T @ (weights * (target - np.average(target, weights=weights)))
    alpha = max(alpha_share * float(np.abs(pull).max(initial=0.0)) / weights.sum() / l1_ratio, 1e-9)
    model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, max_iter=_ITERATIONS_AT_ONCE, warm_start=True)
    blocks = context.effort or _MOST_ITERATIONS // _ITERATIONS_AT_ONCE
    done = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        while done < blocks:
            begun = time.monotonic()
            model.fit(matrix, target, context.weights)
            done += 1
            context.progress(done / blocks)
            if context.ends_within(time.monotonic() - begun) or int(np.max(model.n_iter_)) < _ITERATIONS_AT_ONCE:
                break
    return FittedLinear(design, model.coef_[:, None].astype(np.float64), np.array([float(model.intercept_)]), "", done)


class Logistic:
    """Logistic regression with an L2 penalty, multinomial for several labels."""

    name: ClassVar[str] = "logistic"
    cost: ClassVar[int] = 4
    objectives: ClassVar[Collection[str] | None] = (PROBABILITIES,)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Inverse penalties; texts, whose rows have unit length, want weaker ones."""
        strengths = (10.0, 1.0, 100.0) if shape.n_terms else (1.0, 0.1, 10.0)
        return [{"C": strength} for strength in strengths]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedLinear:
        """Iterate L-BFGS until it converges or the deadline is there; ``effort`` counts blocks of iterations."""
        shape = context.shape
        design = fit_design(arrays, shape.level_counts, shape.n_terms)
        if len(np.unique(target)) == 1:
            return _only_label(design, int(target[0]), shape.n_outputs)
        model = LogisticRegression(C=float(parameters["C"]), max_iter=_ITERATIONS_AT_ONCE, warm_start=True, tol=1e-4)
        matrix = design.matrix(arrays)
        blocks = context.effort or _MOST_ITERATIONS // _ITERATIONS_AT_ONCE
        done = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            # Few rows of many labels are told to the user by us, where they matter.
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            while done < blocks:
                begun = time.monotonic()
                model.fit(matrix, target, context.weights)
                done += 1
                context.progress(done / blocks)
                if context.ends_within(time.monotonic() - begun) or int(np.max(model.n_iter_)) < _ITERATIONS_AT_ONCE:
                    break
        weights, bias = _spread(model, shape.n_outputs)
        link = "Sigmoid" if shape.n_outputs == 1 else "Softmax"
        return FittedLinear(design, weights, bias, link, done)


def _only_label(design: Design, label: int, n_outputs: int) -> FittedLinear:
    """The model of rows that all have one label, such as a fold may hold: certain of it, whatever the row."""
    bias = np.full(n_outputs, -_CERTAIN)
    if n_outputs > 1 or label == 1:
        bias[label if n_outputs > 1 else 0] = _CERTAIN
    link = "Sigmoid" if n_outputs == 1 else "Softmax"
    return FittedLinear(design, np.zeros((sum(design.widths), n_outputs)), bias, link, 1)


def _spread(model: LogisticRegression, n_outputs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and bias with a column for every label, also for those that the fit did not see."""
    if n_outputs == 1 or len(model.classes_) == n_outputs:
        return model.coef_.T, model.intercept_
    weights = np.zeros((model.coef_.shape[1], n_outputs))
    bias = np.full(n_outputs, -50.0)  # a label without a training row: probability e^-50
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coefficients, intercepts = (
            np.vstack([-coefficients, coefficients]) / 2,
            np.hstack([-intercepts, intercepts]) / 2,
        )
    weights[:, model.classes_] = coefficients.T
    bias[model.classes_] = intercepts
    return weights, bias
