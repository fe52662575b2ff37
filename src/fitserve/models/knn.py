"""The nearest neighbours (Fix and Hodges 1951): what the most similar known rows were."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Exported, Parameters, Shape
from fitserve.models.dense_view import DenseView, check_width, fit_view
from fitserve.models.distances import grid, squared_distances, squared_distances_node
from fitserve.models.graph import GraphBuilder
from fitserve.models.objective import NUMBER, PROBABILITIES

# What a server may hold, and compare with a row in a fraction of a millisecond.
_MOST_ROWS, _MOST_COLUMNS, _MOST_ANSWERS = 2_500, 300, 250_000
# Added to distances before they divide: rows that are nearer than this are equally near.
_NEAREST = 0.05


@dataclass(frozen=True)
class FittedNeighbours:
    """Known points on the grid (m, width), their answers (m, outputs) and how much each counts (m,).

    Of equally near points the first ones count. ``by_distance`` makes nearer ones count more. ``limits`` are the
    least and the largest answer: a rounded mean may lie just beyond.
    """

    view: DenseView
    points: NDArray[np.float64]
    answers: NDArray[np.float64]
    counts: NDArray[np.float64]
    neighbours: int
    by_distance: bool
    limits: tuple[float, float]
    effort: int = 1

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs, float64 (n, outputs)."""
        distances = squared_distances(grid(self.view.matrix(arrays)), self.points)
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : self.neighbours]
        weight = self.counts[nearest]
        if self.by_distance:
            weight = weight / (np.sqrt(np.take_along_axis(distances, nearest, axis=1)) + _NEAREST)
        summed = (self.answers[nearest] * weight[:, :, None]).sum(axis=1)
        return np.asarray(np.clip(summed / weight.sum(axis=1, keepdims=True), *self.limits))

    def export(self) -> Exported:
        """Distances by a product of matrices, and the answers of the nearest points gathered."""
        graph, builder = self.view.graph(self.answers.shape[1]), GraphBuilder()
        distances = squared_distances_node(builder, self.view.node(builder), self.points)
        nearest, places = builder.smallest(distances, self.neighbours)
        weight = builder.add("Gather", builder.constant(self.counts), places, axis=0)
        if self.by_distance:
            apart = builder.add("Add", builder.add("Sqrt", nearest), builder.constant(_NEAREST, np.float64))
            weight = builder.add("Div", weight, apart)
        answers = builder.add("Gather", builder.constant(self.answers), places, axis=0)
        counted = builder.add("Mul", answers, builder.add("Unsqueeze", weight, builder.constant([2], np.int64)))
        over = builder.constant([1], np.int64)
        summed = builder.add("ReduceSum", counted, over, keepdims=0)
        mean = builder.add("Div", summed, builder.add("ReduceSum", weight, over, keepdims=1))
        low, high = (builder.constant(limit, np.float64) for limit in self.limits)
        return Exported(graph, builder.build(builder.add("Clip", mean, low, high), graph, double=True))


class Neighbours:
    """The mean answer of the nearest known rows, all columns counting alike."""

    name: ClassVar[str] = "knn"
    cost: ClassVar[int] = 6
    objectives: ClassVar[Collection[str] | None] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Few neighbours, the nearer the weightier, and many alike; refuses what a server could not look through."""
        if shape.n_rows > _MOST_ROWS:
            raise NotForThisTable(f"knn compares with every known row; {shape.n_rows} are more than {_MOST_ROWS}")
        if shape.n_rows * shape.n_outputs > _MOST_ANSWERS:
            raise NotForThisTable(f"{shape.n_outputs} labels of {shape.n_rows} rows are too many for knn")
        check_width(shape, _MOST_COLUMNS, self.name)
        return [{"neighbours": 10, "by_distance": True}, {"neighbours": 30, "by_distance": False}]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedNeighbours:
        """Keep the rows."""
        shape, view = context.shape, fit_view(arrays, context)
        points = grid(view.matrix(arrays))
        if shape.objective.name == NUMBER or shape.n_outputs == 1:
            answers = target.astype(np.float64)[:, None]
        else:
            answers = np.eye(shape.n_outputs)[target]
        counts = np.ones(len(target)) if context.weights is None else context.weights
        k = min(int(parameters["neighbours"]), len(target))
        k -= k % 2 if k > 1 else 0  # a ReduceSum over an odd number of float64s has bits that depend on the batch
        limits = (float(answers.min()), float(answers.max()))
        return FittedNeighbours(view, points, answers, counts, k, bool(parameters["by_distance"]), limits)
