"""Support vector machines with calibrated probabilities: linear ones by LIBLINEAR, kernels by LIBSVM (scikit-learn)."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from fitserve.blocks import Arrays
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Exported, Fitted, Parameters, Shape
from fitserve.models.calibration import Calibration, calibrate, crossed_decisions
from fitserve.models.constant import fit_constant
from fitserve.models.dense_view import DenseView, check_width, fit_view
from fitserve.models.design import fit_design
from fitserve.models.distances import grid, squared_distances, squared_distances_node
from fitserve.models.graph import GraphBuilder
from fitserve.models.labels import Labels, labels_of, link_of, links
from fitserve.models.linear_scores import FittedLinear, calibrated
from fitserve.models.objective import NUMBER, PROBABILITIES

# LIBLINEAR does not look at the clock; so many entries of the matrix, times labels, take it some ten seconds.
_MOST_ENTRIES, _ENTRIES_OF_A_TEXT = 30_000_000, 30
_ITERATIONS = 300
# Pairs of rows, times labels: the time of LIBSVM grows with them. And what a server may hold and compute for a row.
_MOST_PAIRS, _MOST_ROWS, _MOST_VECTORS, _MOST_COLUMNS = 30_000_000, 5_000, 2_500, 300
# A float64 kernel of an operator treats the last few numbers of a tensor in another way than the others.
_LANES = 16


class LinearSVM:
    """A linear support vector machine, one label against the others."""

    name: ClassVar[str] = "linear_svm"
    cost: ClassVar[int] = 4
    objectives: ClassVar[Collection[str] | None] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Inverse penalties; refuses what takes longer than a share of a minute."""
        width = shape.n_dense + len(shape.level_counts) + (_ENTRIES_OF_A_TEXT if shape.n_terms else 0)
        if shape.n_rows * width * shape.n_outputs > _MOST_ENTRIES:
            raise NotForThisTable(f"{shape.n_rows} rows are too many for linear_svm, which cannot stop before its end")
        return [{"C": strength} for strength in ((1.0, 0.1) if shape.n_terms else (0.1, 0.01))]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> Fitted:
        """Solve; for labels three times more on two thirds of the rows, to calibrate."""
        shape, weights, strength = context.shape, context.weights, float(parameters["C"])
        design = fit_design(arrays, shape.level_counts, shape.n_terms)
        matrix = design.matrix(arrays)
        if shape.objective.name == NUMBER:
            svr = LinearSVR(C=strength, loss="squared_epsilon_insensitive", dual="auto", random_state=context.seed)
            with _unfinished():
                svr.set_params(max_iter=_ITERATIONS).fit(matrix, target, weights)
            return FittedLinear(design, svr.coef_.reshape(-1, 1), np.asarray(svr.intercept_).reshape(1), "", 1)
        if len(np.unique(target)) == 1:
            return fit_constant(arrays, target, context)
        labels = labels_of(target, shape)
        numbered = labels.numbered(target)

        def solve(rows: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            own = None if weights is None else weights[rows]
            return _solve(matrix[rows], numbered[rows], own, strength, context.seed, labels.n_seen)

        def decide(fitted: NDArray[np.intp], asked: NDArray[np.intp]) -> NDArray[np.float64]:
            slopes, shift = solve(fitted)
            return np.asarray(matrix[asked] @ slopes) + shift

        calibration = calibrate(crossed_decisions(decide, numbered, context.seed), numbered, weights)
        return calibrated(design, solve(np.arange(len(target))), calibration, labels, 1)


def _solve(
    matrix: Any, target: NDArray[Any], weights: NDArray[np.float64] | None, strength: float, seed: int, outputs: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes (width, outputs) and shift; -1 for every row where a label has none."""
    slopes, shift = np.zeros((matrix.shape[1], outputs)), np.full(outputs, -1.0)
    if len(np.unique(target)) == 1:
        shift[target[0] if outputs > 1 else 0] = 1.0 if outputs > 1 or target[0] == 1 else -1.0
        return slopes, shift
    model = LinearSVC(C=strength, dual="auto", random_state=seed, max_iter=_ITERATIONS)
    with _unfinished():
        model.fit(matrix, target, weights)
    coefficients, intercepts = model.coef_, model.intercept_
    if outputs == 1:
        return coefficients.T, intercepts
    if len(model.classes_) == 2:
        coefficients, intercepts = np.vstack([-coefficients, coefficients]), np.hstack([-intercepts, intercepts])
    slopes[:, model.classes_], shift[model.classes_] = coefficients.T, intercepts
    return slopes, shift


def _unfinished() -> Any:
    """Ignores that a solver has come to its last iteration before it converged."""
    return warnings.catch_warnings(action="ignore", category=ConvergenceWarning)


@dataclass(frozen=True)
class FittedKernel:
    """``link(exp(-gamma * squared distances to vectors) @ weights + bias)``.

    ``vectors`` (m, width) lie on the grid of `distances`; weights (m, seen outputs), bias (seen outputs,).
    """

    view: DenseView
    vectors: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    gamma: float
    labels: Labels
    link: str
    effort: int = 1

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs, float64 (n, outputs)."""
        near = np.exp(-self.gamma * squared_distances(grid(self.view.matrix(arrays)), self.vectors))
        return links[self.link](self.labels.spread(near @ self.weights + self.bias))

    def export(self) -> Exported:
        """Distances by a product of matrices, all in float64."""
        pad = -len(self.vectors) % _LANES
        vectors = np.vstack([self.vectors, np.zeros((pad, self.vectors.shape[1]))])
        weights = np.vstack([self.labels.spread_weights(self.weights), np.zeros((pad, self.labels.n_outputs))])
        graph, builder = self.view.graph(self.labels.n_outputs), GraphBuilder()
        distances = squared_distances_node(builder, self.view.node(builder), vectors)
        near = builder.add("Exp", builder.add("Mul", distances, builder.constant(-self.gamma, np.float64)))
        summed = builder.add("MatMul", near, builder.constant(weights))
        total = builder.add("Add", summed, builder.constant(self.labels.spread(self.bias[None, :])))
        if not self.link:
            return Exported(graph, builder.build(total, graph, double=True))
        return Exported(graph, builder.build(builder.link(self.link, total, double=True), graph))


class KernelSVM:
    """A support vector machine with a Gaussian kernel, one label against the others."""

    name: ClassVar[str] = "svm"
    cost: ClassVar[int] = 6
    objectives: ClassVar[Collection[str] | None] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Inverse penalties; refuses tables that would take too long or make too many support vectors."""
        if shape.n_rows > _MOST_ROWS or shape.n_rows**2 * shape.n_outputs > _MOST_PAIRS:
            raise NotForThisTable(f"{shape.n_rows} rows are too many for svm, whose time grows with their square")
        check_width(shape, _MOST_COLUMNS, self.name)
        return [{"C": 1.0}, {"C": 10.0}]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> Fitted:
        """Solve by LIBSVM; for labels three times more on two thirds of the rows, to calibrate."""
        shape, weights, strength = context.shape, context.weights, float(parameters["C"])
        if len(np.unique(target)) == 1:
            return fit_constant(arrays, target, context)
        view, labels = fit_view(arrays, context), labels_of(target, shape)
        matrix, truth = grid(view.matrix(arrays)), labels.numbered(target)
        spread = float(matrix.var()) * matrix.shape[1]
        gamma = 1.0 / spread if spread > 0 else 1.0  # the library's "scale"
        machines = _Machines(matrix, truth, weights, strength, gamma, labels.n_seen)
        if shape.objective.name == NUMBER:
            calibration = Calibration(1.0, np.zeros(1))
            factors, bias = machines.regression()
        else:
            calibration = calibrate(crossed_decisions(machines.decide, truth, context.seed), truth, weights)
            factors, bias = machines.solve(np.arange(len(target)))
        used = np.flatnonzero(np.abs(factors).max(axis=1) > 0)
        if len(used) > _MOST_VECTORS:
            raise NotForThisTable(f"svm needs {len(used)} support vectors, more than a server should compare with")
        used = used if len(used) else np.zeros(1, dtype=np.intp)
        scale, shift = calibration.scale, calibration.shift
        return FittedKernel(
            view, matrix[used], factors[used] * scale, bias * scale + shift, gamma, labels, link_of(shape)
        )


@dataclass(frozen=True)
class _Machines:
    """The machines of one table: what they see, and how they are solved."""

    matrix: NDArray[np.float64]
    target: NDArray[Any]
    weights: NDArray[np.float64] | None
    strength: float
    gamma: float
    outputs: int

    def regression(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Factors (n, 1) and bias (1,)."""
        return self._factors(SVR(C=self.strength, gamma=self.gamma), np.arange(len(self.target)), self.target)

    def solve(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Factors (n, outputs), 0 beside the chosen rows, and bias (outputs,), -1 where a label has none."""
        factors, bias = np.zeros((len(self.target), self.outputs)), np.full(self.outputs, -1.0)
        for output in range(self.outputs):
            own = self.target == (output if self.outputs > 1 else 1)
            if own[rows].all() or not own[rows].any():
                bias[output] = 1.0 if own[rows].all() else -1.0
                continue
            machine = SVC(C=self.strength, gamma=self.gamma)
            found, shift = self._factors(machine, rows, own.astype(np.int64))
            factors[:, output], bias[output] = found[:, 0], shift[0]
        return factors, bias

    def decide(self, fitted: NDArray[np.intp], asked: NDArray[np.intp]) -> NDArray[np.float64]:
        """Decisions (asked, outputs) of machines fitted on some rows."""
        factors, bias = self.solve(fitted)
        near = np.exp(-self.gamma * squared_distances(self.matrix[asked], self.matrix[fitted]))
        return np.asarray(near @ factors[fitted] + bias)

    def _factors(
        self, machine: Any, rows: NDArray[np.intp], truth: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        own = None if self.weights is None else self.weights[rows]
        machine.fit(self.matrix[rows], truth[rows], own)
        factors = np.zeros((len(self.target), 1))
        factors[rows[machine.support_], 0] = machine.dual_coef_[0]
        return factors, np.asarray(machine.intercept_)
