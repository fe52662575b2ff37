"""The matrix that trees see, in training and as a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.models.base import Context, Exported, Parameters
from fitserve.models.gaps import has_learnable_gaps, typical_values
from fitserve.models.graph import SHARES, GraphBuilder, Trees, table_graph
from fitserve.models.target_encoding import TargetEncoding, fit_encoding
from fitserve.models.text_projection import fit_projection, text_matrix

ENCODED = "target_encoding"


@dataclass(frozen=True)
class TreeInputs:
    """Dense columns and codes as they are, texts projected by ``table``, codes as averages of the target.

    ``typical`` (n_dense,) is what a missing value counts as; NaN for columns whose gaps were learned.
    """

    typical: NDArray[np.float32]
    columns: int
    table: NDArray[np.float32] | None = None
    encoding: TargetEncoding | None = None

    def matrix(self, arrays: Arrays) -> NDArray[np.float32]:
        """Float32 (n, width)."""
        return self.beside(arrays, self.encoding.encode(arrays.codes) if self.encoding is not None else None)

    def beside(self, arrays: Arrays, averages: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """The matrix with averages that are given, such as those of training rows, which leave their own target out."""
        merged = arrays.merged()
        for column in np.flatnonzero(~np.isnan(self.typical)):
            merged[np.isnan(merged[:, column]), column] = self.typical[column]
        parts = [merged]
        if self.table is not None and arrays.text is not None:
            parts.append(text_matrix(arrays, self.table))
        if averages is not None:
            parts.append(averages)
        return np.hstack(parts) if len(parts) > 1 else parts[0]

    def export(self, trees: Trees, outputs: int, link: str) -> Exported:
        """The graph of an ensemble on this matrix; ``link`` is "", "Sigmoid", "Softmax" or `SHARES`."""
        graph = table_graph(self.columns, 0, 0 if self.table is None else len(self.table), outputs, merged=True)
        builder = GraphBuilder()
        parts = ["dense"]
        if self.table is not None:
            parts.append(builder.text_sum(self.table))
        if self.encoding is not None:
            parts.append(self.encoding.node(builder, len(self.typical)))
        matrix = builder.add("Concat", *parts, axis=1) if len(parts) > 1 else "dense"
        output = trees.node(builder, matrix, outputs, self.typical)
        if link:
            output = builder.shares(output, outputs) if link == SHARES else builder.link(link, output)
        thresholds = {column: values for column, values in trees.thresholds().items() if column < self.columns}
        return Exported(graph, builder.build(output, graph), thresholds)


def fit_inputs(
    arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context
) -> tuple[TreeInputs, NDArray[np.float32]]:
    """The inputs of trees, and the matrix of the training rows; the parameter "target_encoding" asks for averages."""
    table = fit_projection(arrays, context.shape.n_terms, context.seed)
    encoding, averages = fit_encoding(arrays.codes, target, context) if parameters.get(ENCODED) else (None, None)
    learned = has_learnable_gaps(np.isnan(arrays.dense))
    typical = np.where(learned, np.float32(np.nan), typical_values(arrays.dense))
    inputs = TreeInputs(typical, len(typical) + arrays.codes.shape[1], table, encoding)
    return inputs, inputs.beside(arrays, averages)


def of_the_library(parameters: Parameters) -> dict[str, Any]:
    """The parameters without those that are for the inputs."""
    return {name: value for name, value in parameters.items() if name != ENCODED}
