"""Squared distances that are the same everywhere: of points on a grid, whose products and sums are exact.

A distance as |x|² - 2xz + |z|² is a product of matrices, and so quick. Computed in floating point its last bits depend
on who adds up in which order, and with them which of two equally near points is nearer. On a grid of whole numbers
float64 adds without any rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fitserve.models.graph import GraphBuilder

# Steps of the grid in one deviation: a power of two. Values up to 8 deviations and 2^12 columns stay below 2^53.
STEPS = 1024.0


def grid(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points rounded to the grid, whose unit stays one deviation."""
    return np.asarray(np.rint(matrix * STEPS) / STEPS)


def squared_distances(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances (n, m) of points on the grid (n, width) and (m, width), exact."""
    own = (points**2).sum(axis=1, keepdims=True)
    return np.asarray(own - points @ (2 * others.T) + (others**2).sum(axis=1))


def squared_distances_node(builder: GraphBuilder, matrix: str, others: NDArray[np.float64]) -> str:
    """Add to a graph the squared distances (n, m) of a matrix (n, width), not yet on the grid, and points on it."""
    scaled = builder.add("Mul", matrix, builder.constant(STEPS, np.float64))
    points = builder.add("Mul", builder.add("Round", scaled), builder.constant(1 / STEPS, np.float64))
    own = builder.add("ReduceSum", builder.add("Mul", points, points), builder.constant([1], np.int64), keepdims=1)
    crossed = builder.add("MatMul", points, builder.constant(2 * others.T))
    return builder.add("Add", builder.add("Sub", own, crossed), builder.constant((others**2).sum(axis=1)[None, :]))
