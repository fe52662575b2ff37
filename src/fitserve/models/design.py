"""The matrix that linear models see, in training and as a graph: one definition of scaling and one-hot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy import sparse

from fitserve.blocks import Arrays
from fitserve.features.outliers import usual_ends
from fitserve.models.base import Exported
from fitserve.models.gaps import has_learnable_gaps
from fitserve.models.graph import GraphBuilder, table_graph
from fitserve.models.text_projection import sparse_text

# So many deviations from the mean a value counts at most: far enough for any honest extrapolation, near
# enough that one absurd value cannot push a float64 sum beyond its digits.
_FURTHEST = 1e6


@dataclass(frozen=True)
class Design:
    """Dense columns standardised, with indicators of gaps; codes one-hot; texts as they are.

    A missing value counts as the mean: that of several columns that depend on each other, such as the parts of a date,
    is where they would be together, which their medians are not. ``gaps`` are the columns whose gaps are frequent
    enough in training to have an indicator besides. No scaled value counts beyond ``limits``, two arrays (D,).
    ``level_counts`` is the width of each code column. ``levels`` (square, sum of these widths) is what each code
    stands for: for itself, or, where training never saw it, for the shares of those that it saw; None where it saw all.
    """

    mean: NDArray[np.float64]
    inverse_deviation: NDArray[np.float64]
    gaps: NDArray[np.intp]
    limits: tuple[NDArray[np.float64], NDArray[np.float64]]
    level_counts: Sequence[int]
    levels: sparse.csr_matrix | None
    n_terms: int

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Columns of each part: dense, indicators, one-hot, terms."""
        return len(self.mean), len(self.gaps), sum(self.level_counts), self.n_terms

    def matrix(self, arrays: Arrays) -> Any:
        """Float64 (n, sum of widths): dense numpy, or CSR where codes or texts make it sparse."""
        missing = np.isnan(arrays.dense)
        scaled = (arrays.dense.astype(np.float64) - self.mean) * self.inverse_deviation
        scaled = np.clip(np.where(missing, 0.0, scaled), *self.limits)
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
        one_hot = sparse.csr_matrix(
            (np.ones(n * width), columns, np.arange(0, n * width + 1, width)),
            shape=(n, sum(self.level_counts)),
        )
        return one_hot if self.levels is None else one_hot @ self.levels

    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum([0, *self.level_counts[:-1]])

    def export(self, weights: NDArray[np.float64], bias: NDArray[np.float64], link: str) -> Exported:
        """The graph of ``link(matrix @ weights + bias)`` in float64; weights (sum of widths, outputs).

        ``link`` is "" or the name of an operator.
        """
        outputs = weights.shape[1]
        n_dense, n_gaps, n_levels, _ = self.widths
        graph = table_graph(n_dense, len(self.level_counts), self.n_terms, outputs)
        builder = GraphBuilder()
        ends = np.cumsum([n_dense, n_gaps, n_levels])
        dense, gaps, levels, terms = np.split(weights, ends)
        size = builder.add("Concat", builder.row_count(), builder.constant([outputs], np.int64), axis=0)
        total = builder.add("Expand", builder.constant(bias[None, :], np.float64), size)
        if n_dense:
            total = builder.add("Add", total, self._dense_part(builder, dense, gaps))
        if self.level_counts:
            of_levels = levels if self.levels is None else self.levels @ levels
            total = builder.add("Add", total, self._code_part(builder, of_levels))
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
        low, high = (np.unique(limits) for limits in self.limits)
        if len(low) == len(high) == 1:  # one node less, and the operator takes no more than one limit
            ends = [builder.constant(limit[0], np.float64) for limit in (low, high)]
            return missing, builder.add("Clip", filled, *ends)
        ends = [builder.constant(limits[None, :]) for limits in self.limits]
        return missing, builder.add("Min", builder.add("Max", filled, ends[0]), ends[1])

    def table(self, column: int) -> NDArray[np.float64]:
        """What each code of a code column stands for: a square matrix."""
        start, count = int(self._starts()[column]), self.level_counts[column]
        if self.levels is None:
            return np.eye(count)
        found: NDArray[np.float64] = self.levels[start : start + count, start : start + count].toarray()
        return found

    def _code_part(self, builder: GraphBuilder, weights: NDArray[Any]) -> str:
        starts = builder.constant(self._starts(), np.int32)
        gathered = builder.add("Gather", builder.constant(weights), builder.add("Add", "codes", starts), axis=0)
        return builder.add("ReduceSum", gathered, builder.constant([1], np.int64), keepdims=0)


def fit_design(arrays: Arrays, level_counts: Sequence[int], n_terms: int, furthest: float = _FURTHEST) -> Design:
    """Means and deviations of the training rows; what lies absurdly far out counts as the furthest of the others.

    ``furthest`` is the number of deviations from the mean that a value counts at most.
    """
    dense = arrays.dense.astype(np.float64)
    missing = np.isnan(dense)
    ends = np.array([usual_ends(column[~gap]) for column, gap in zip(dense.T, missing.T, strict=True)]).reshape(-1, 2)
    dense = np.clip(dense, ends[:, 0], ends[:, 1])
    known = np.maximum((~missing).sum(axis=0), 1)
    mean = np.where(missing, 0.0, dense).sum(axis=0) / known
    centred = np.where(missing, 0.0, dense - mean)
    deviation = np.sqrt((centred**2).sum(axis=0) / known)
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    scaled = (ends - mean[:, None]) * np.where(inverse > 0, inverse, 1.0)[:, None]
    low, high = np.clip(scaled, -furthest, furthest).T
    gaps = np.flatnonzero(has_learnable_gaps(missing))
    levels = _levels(arrays.codes, level_counts)
    return Design(mean, inverse, gaps, (low, high), tuple(level_counts), levels, n_terms)


def _levels(codes: NDArray[np.int32], level_counts: Sequence[int]) -> sparse.csr_matrix | None:
    """What each code stands for; see `Design`."""
    blocks, whole = [], True
    for column, count in zip(codes.T, level_counts, strict=True):
        rows = np.bincount(column, minlength=count)
        table = np.where((rows > 0)[:, None], np.eye(count), rows / max(len(column), 1))
        whole = whole and bool((rows > 0).all())
        blocks.append(sparse.csr_matrix(table))
    return None if whole else sparse.block_diag(blocks, format="csr")
