"""The matrix that linear models see, in training and as a graph: one definition of scaling and one-hot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy import sparse

from fitserve.bundle.manifest import Graph
from fitserve.features.arrays import Arrays
from fitserve.models.base import Exported
from fitserve.models.graph import MEMBER, GraphBuilder
from fitserve.models.text_projection import sparse_text

# So many deviations from the mean a value counts at most: far enough for any honest extrapolation, near
# enough that one absurd value cannot push a float64 sum beyond its digits.
_FURTHEST = 1e6


@dataclass(frozen=True)
class Design:
    """Dense columns standardised (missing ones at the mean, with an indicator), codes one-hot, texts as they are.

    ``gaps`` are the dense columns with an indicator; ``level_counts`` the width of each code column; ``furthest`` the
    number of deviations from the mean that a value counts at most.
    """

    mean: NDArray[np.float64]
    inverse_deviation: NDArray[np.float64]
    gaps: NDArray[np.intp]
    level_counts: Sequence[int]
    n_terms: int
    furthest: float = _FURTHEST

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Columns of each part: dense, indicators, one-hot, terms."""
        return len(self.mean), len(self.gaps), sum(self.level_counts), self.n_terms

    def matrix(self, arrays: Arrays) -> Any:
        """Float64 (n, sum of widths): dense numpy, or CSR where codes or texts make it sparse."""
        missing = np.isnan(arrays.dense)
        scaled = (arrays.dense.astype(np.float64) - self.mean) * self.inverse_deviation
        scaled = np.clip(np.where(missing, 0.0, scaled), -self.furthest, self.furthest)
        parts: list[Any] = [scaled, missing[:, self.gaps].astype(np.float64)]
        if not self.level_counts and not self.n_terms:
            return np.hstack(parts)
        if self.level_counts:
            parts.append(self._one_hot(arrays.codes))
        if self.n_terms:
            parts.append(sparse_text(arrays, self.n_terms))
        return sparse.hstack([sparse.csr_matrix(part) for part in parts], format="csr")

    def _one_hot(self, codes: NDArray[np.int32]) -> sparse.csr_matrix:
        n, width = codes.shape
        columns = (codes + self._starts()).ravel()
        return sparse.csr_matrix(
            (np.ones(n * width), columns, np.arange(0, n * width + 1, width)),
            shape=(n, sum(self.level_counts)),
        )

    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum([0, *self.level_counts[:-1]])

    def export(self, weights: NDArray[np.float64], bias: NDArray[np.float64], link: str) -> Exported:
        """The graph of ``link(matrix @ weights + bias)`` in float64; weights (sum of widths, outputs).

        ``link`` is "" or the name of an operator.
        """
        outputs = weights.shape[1]
        n_dense, n_gaps, n_levels, _ = self.widths
        graph = Graph(MEMBER, "onnx", False, n_dense, len(self.level_counts), text=self.n_terms > 0, outputs=outputs)
        builder = GraphBuilder()
        ends = np.cumsum([n_dense, n_gaps, n_levels])
        dense, gaps, levels, terms = np.split(weights, ends)
        size = builder.add("Concat", builder.row_count(), builder.constant([outputs], np.int64), axis=0)
        total = builder.add("Expand", builder.constant(bias[None, :], np.float64), size)
        if n_dense:
            total = builder.add("Add", total, self._dense_part(builder, dense, gaps))
        if self.level_counts:
            total = builder.add("Add", total, self._code_part(builder, levels))
        if self.n_terms:
            summed = builder.add("Cast", builder.text_sum(terms.astype(np.float32)), to=onnx.TensorProto.DOUBLE)
            total = builder.add("Add", total, summed)
        if not link:
            return Exported(graph, builder.build(total, graph, double=True))
        return Exported(graph, builder.build(builder.link(link, total, double=True), graph))

    def _dense_part(self, builder: GraphBuilder, weights: NDArray[Any], gap_weights: NDArray[Any]) -> str:
        missing, scaled = self.scaled_dense(builder)
        part = builder.add("MatMul", scaled, builder.constant(weights))
        if not len(self.gaps):
            return part
        every = np.zeros((len(self.mean), weights.shape[1]))
        every[self.gaps] = gap_weights
        indicators = builder.add("Cast", missing, to=onnx.TensorProto.DOUBLE)
        return builder.add("Add", part, builder.add("MatMul", indicators, builder.constant(every)))

    def scaled_dense(self, builder: GraphBuilder) -> tuple[str, str]:
        """Add to a graph where dense values are missing (n, dense), and the scaled ones in float64."""
        missing = builder.add("IsNaN", "dense")
        centred = builder.add(
            "Sub", builder.add("Cast", "dense", to=onnx.TensorProto.DOUBLE), builder.constant(self.mean)
        )
        scaled = builder.add("Mul", centred, builder.constant(self.inverse_deviation))
        filled = builder.add("Where", missing, builder.constant(0.0, np.float64), scaled)
        low, high = builder.constant(-self.furthest, np.float64), builder.constant(self.furthest, np.float64)
        return missing, builder.add("Clip", filled, low, high)

    def _code_part(self, builder: GraphBuilder, weights: NDArray[Any]) -> str:
        starts = builder.constant(self._starts(), np.int32)
        gathered = builder.add("Gather", builder.constant(weights), builder.add("Add", "codes", starts), axis=0)
        return builder.add("ReduceSum", gathered, builder.constant([1], np.int64), keepdims=0)


def fit_design(arrays: Arrays, level_counts: Sequence[int], n_terms: int, furthest: float = _FURTHEST) -> Design:
    """Means and deviations of the training rows."""
    dense = arrays.dense.astype(np.float64)
    missing = np.isnan(dense)
    known = np.maximum((~missing).sum(axis=0), 1)
    mean = np.where(missing, 0.0, dense).sum(axis=0) / known
    centred = np.where(missing, 0.0, dense - mean)
    deviation = np.sqrt((centred**2).sum(axis=0) / known)
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return Design(mean, inverse, np.flatnonzero(missing.any(axis=0)), tuple(level_counts), n_terms, furthest)
