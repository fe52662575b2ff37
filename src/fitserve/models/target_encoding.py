"""What the target was on average for each code of a column (Micci-Barreca 2001), without telling rows their own target.

Rows of the training see the averages of other rows: those outside their fifth. Everything else sees the averages of
all training rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from fitserve.models.base import Context, Shape
from fitserve.models.graph import GraphBuilder

_FOLDS = 5
# As many rows at the overall mean are added to those of every code.
_PRIOR_ROWS = 10.0
# The first two codes are no levels; a column of few levels is no trouble for trees.
_FEWEST_CODES = 13
# An average for each label: few of them are worth their columns.
_MOST_OUTPUTS = 5


def encodable(shape: Shape) -> bool:
    """Whether some code column has more than ten levels, and the target not too many labels."""
    return shape.n_outputs <= _MOST_OUTPUTS and any(count >= _FEWEST_CODES for count in shape.level_counts)


@dataclass(frozen=True)
class TargetEncoding:
    """Averages (codes, outputs) for some of the code columns."""

    columns: Sequence[int]
    tables: Sequence[NDArray[np.float32]]

    def encode(self, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """The averages of some rows, float32 (n, columns x outputs)."""
        return np.hstack([table[codes[:, column]] for column, table in zip(self.columns, self.tables, strict=True)])

    def node(self, builder: GraphBuilder, n_dense: int) -> str:
        """Add the same to a graph on the merged matrix, whose codes come after ``n_dense`` columns."""
        parts = []
        for column, table in zip(self.columns, self.tables, strict=True):
            place = builder.constant([n_dense + column], np.int64)
            code = builder.add("Cast", builder.add("Gather", "dense", place, axis=1), to=onnx.TensorProto.INT64)
            found = builder.add("Gather", builder.constant(table), code, axis=0)  # (n, 1, outputs)
            parts.append(builder.add("ReduceSum", found, builder.constant([1], np.int64), keepdims=0))
        return builder.add("Concat", *parts, axis=1)


def fit_encoding(
    codes: NDArray[np.int32], target: NDArray[Any], context: Context
) -> tuple[TargetEncoding, NDArray[np.float32]]:
    """The encoding, and that of the training rows, float32 (n, columns x outputs), each by the rows of other fifths."""
    shape = context.shape
    columns = [i for i, count in enumerate(shape.level_counts) if count >= _FEWEST_CODES]
    truth = np.eye(shape.n_outputs)[target] if shape.n_outputs > 1 else np.asarray(target, dtype=np.float64)[:, None]
    weights = np.ones(len(target)) if context.weights is None else context.weights

    def learned(rows: NDArray[np.intp]) -> TargetEncoding:
        tables = [
            _averages(codes[rows, column], truth[rows], weights[rows], shape.level_counts[column]) for column in columns
        ]
        return TargetEncoding(columns, tables)

    fold = np.random.default_rng(context.seed).permutation(len(target)) % _FOLDS
    own = np.empty((len(target), len(columns) * truth.shape[1]), dtype=np.float32)
    for k in range(_FOLDS):
        inside = np.flatnonzero(fold == k)
        own[inside] = learned(np.flatnonzero(fold != k)).encode(codes[inside])
    return learned(np.arange(len(target))), own


def _averages(
    codes: NDArray[np.int32], truth: NDArray[np.float64], weights: NDArray[np.float64], count: int
) -> NDArray[np.float32]:
    """Weighted averages (count, outputs), drawn to the overall one where rows are few."""
    total = weights.sum()
    mean = (truth * weights[:, None]).sum(axis=0) / total if total > 0 else np.zeros(truth.shape[1])
    rows = np.bincount(codes, weights, minlength=count)[:, None]
    sums = np.column_stack([np.bincount(codes, weights * column, minlength=count) for column in truth.T])
    return np.asarray((sums + _PRIOR_ROWS * mean) / (rows + _PRIOR_ROWS), dtype=np.float32)
