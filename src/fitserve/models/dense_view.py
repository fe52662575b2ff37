"""A table as one dense float64 matrix, in training and as a graph: for learners that compare or combine all columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy import sparse

from fitserve.blocks import Arrays, table_arrays
from fitserve.bundle.manifest import Graph
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Shape
from fitserve.models.design import Design, fit_design
from fitserve.models.graph import GraphBuilder, table_graph
from fitserve.models.text_projection import WIDTH, fit_projection, text_matrix

# Deviations from the mean that a value counts at most: these learners have seen nothing beyond.
_FURTHEST = 8.0


@dataclass(frozen=True)
class DenseView:
    """The columns of a `Design` without terms, and projected texts, which ``text_scale`` brings to deviation 1."""

    design: Design
    table: NDArray[np.float32] | None
    text_scale: NDArray[np.float64]

    def matrix(self, arrays: Arrays) -> NDArray[np.float64]:
        """Float64 (n, width)."""
        found = self.design.matrix(table_arrays(arrays.dense, arrays.codes))
        dense = np.asarray(found.toarray() if sparse.issparse(found) else found, dtype=np.float64)
        if self.table is None:
            return dense if dense.shape[1] else np.zeros((len(arrays), 1))
        return np.hstack([dense, text_matrix(arrays, self.table).astype(np.float64) * self.text_scale])

    def graph(self, outputs: int) -> Graph:
        """What a graph on this view takes and gives."""
        terms = 0 if self.table is None else len(self.table)
        return table_graph(len(self.design.mean), len(self.design.level_counts), terms, outputs)

    def node(self, builder: GraphBuilder) -> str:
        """Add the matrix to a graph: float64 (n, width)."""
        parts: list[str] = []
        if len(self.design.mean):
            missing, scaled = self.design.scaled_dense(builder)
            parts.append(scaled)
            if len(self.design.gaps):
                chosen = builder.add("Gather", missing, builder.constant(self.design.gaps, np.int64), axis=1)
                parts.append(builder.add("Cast", chosen, to=onnx.TensorProto.DOUBLE))
        for column in range(len(self.design.level_counts)):
            code = builder.add("Gather", "codes", builder.constant([column], np.int64), axis=1)
            one_hot = builder.add("Gather", builder.constant(self.design.table(column)), code, axis=0)  # (n, 1, levels)
            parts.append(builder.add("ReduceSum", one_hot, builder.constant([1], np.int64), keepdims=0))
        if self.table is not None:
            summed = builder.add("Cast", builder.text_sum(self.table), to=onnx.TensorProto.DOUBLE)
            parts.append(builder.add("Mul", summed, builder.constant(self.text_scale)))
        if not parts:
            size = builder.add("Concat", builder.row_count(), builder.constant([1], np.int64), axis=0)
            return builder.add("Expand", builder.constant([[0.0]], np.float64), size)
        return builder.add("Concat", *parts, axis=1)


def view_width(shape: Shape) -> int:
    """The most columns that a view of such a table may have."""
    return 2 * shape.n_dense + sum(shape.level_counts) + (WIDTH if shape.n_terms else 0)


def check_width(shape: Shape, most: int, name: str) -> None:
    """Raise NotForThisTable if a view of the table would be wider than a learner takes."""
    width = view_width(shape)
    if width > most:
        raise NotForThisTable(f"{name} takes up to {most} columns, one for each category; this table makes {width}")


def fit_view(arrays: Arrays, context: Context) -> DenseView:
    """Means, deviations and the projection of the training rows."""
    shape = context.shape
    design = fit_design(arrays, shape.level_counts, 0, _FURTHEST)
    table = fit_projection(arrays, shape.n_terms, context.seed)
    if table is None:
        return DenseView(design, None, np.ones(0))
    deviation = text_matrix(arrays, table).astype(np.float64).std(axis=0)
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-9)
    # As a whole texts weigh as much as a few columns, not as one for each direction.
    return DenseView(design, table, scale / np.sqrt(max(table.shape[1] / 8, 1.0)))
