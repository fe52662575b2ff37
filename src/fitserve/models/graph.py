"""Small builders of ONNX graphs, for the known converters flip rows or change bits with the batch size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from fitserve.blocks import FLOAT32_MAX, block_type
from fitserve.bundle.manifest import Graph
from fitserve.models.base import Exported

OPSET, ML_OPSET, IR_VERSION = 18, 3, 9
MEMBER = "model.onnx"
# What makes shares of the outputs of an ensemble; other links have the names of operators.
SHARES = "Shares"
_MOST_IN_FLOAT32 = 100


class GraphBuilder:
    """Collects nodes and constants under fresh names; `build` makes the model."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; its name is returned."""
        output = f"{operator.lower()}{len(self._nodes)}"
        domain = "ai.onnx.ml" if operator.startswith("Tree") else ""
        self._nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Add a constant tensor; its name is returned."""
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(np.asarray(value, dtype)), name))
        return name

    def build(self, output: str, graph: Graph, *, double: bool = False) -> bytes:
        """The checked model as bytes."""
        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)
            for block, width in graph.inputs.items()
            for name, kind, shape in block_type(block).signature(width)
        ]
        self._nodes.append(helper.make_node("Identity", [output], ["raw"]))
        kind = TensorProto.DOUBLE if double else TensorProto.FLOAT
        raw = helper.make_tensor_value_info("raw", kind, ["n", graph.outputs])
        body = helper.make_graph(self._nodes, "model", inputs, [raw], self._constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = helper.make_model(body, opset_imports=opsets, ir_version=IR_VERSION, producer_name="fitserve")
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def smallest(self, values: str, count: int) -> tuple[str, str]:
        """Add the names of the ``count`` smallest values of each row and of their places, of equal ones the first."""
        outputs = [f"{name}{len(self._nodes)}" for name in ("smallest", "places")]
        inputs = [values, self.constant([count], np.int64)]
        self._nodes.append(helper.make_node("TopK", inputs, outputs, axis=1, largest=0, sorted=1))
        return outputs[0], outputs[1]

    def link(self, operator: str, scores: str, *, double: bool = False) -> str:
        """Add a link on scores, "Sigmoid" or "Softmax"; the name of its float32 output is returned.

        ``double`` says that the scores are float64. The float64 kernels of links treat the last rows of a batch in
        another way than the others, with other bits; the float32 kernels treat all alike.
        """
        if double:
            scores = self.add("Cast", scores, to=TensorProto.FLOAT)
        linked = self.add(operator, scores)
        if operator != "Sigmoid":
            return linked
        # onnxruntime's own kernel gives 1.0000001 for some scores near 17.5.
        return self.add("Clip", linked, self.constant(0.0, np.float32), self.constant(1.0, np.float32))

    def shares(self, values: str, width: int) -> str:
        """Add the division of each row (n, width) of float32 by its sum, so that they are shares.

        A ReduceSum has other bits where a row lies elsewhere in memory, and so in another batch. This operator adds up
        one by one, which for many labels takes float64 to be exact enough.
        """
        if width <= _MOST_IN_FLOAT32:
            return self.add("LpNormalization", values, axis=1, p=1)
        wide = self.add("LpNormalization", self.add("Cast", values, to=TensorProto.DOUBLE), axis=1, p=1)
        return self.add("Cast", wide, to=TensorProto.FLOAT)

    def row_count(self) -> str:
        """The number of rows as a tensor of shape (1,)."""
        return self.add("Shape", "dense", start=0, end=1)

    def text_sum(self, table: NDArray[np.float32]) -> str:
        """Every row's weighted sum of rows of ``table`` (terms, width): float32 (n, width).

        Gather and scatter-add, so that no dense matrix over the vocabulary ever exists.
        """
        gathered = self.add("Gather", self.constant(table), "ids", axis=0)
        last = self.constant([1], np.int64)
        weighted = self.add("Mul", gathered, self.add("Unsqueeze", "weights", last))
        size = self.add("Concat", self.row_count(), self.constant([table.shape[1]], np.int64), axis=0)
        zeros = self.add("ConstantOfShape", size, value=helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]))
        return self.add("ScatterND", zeros, self.add("Unsqueeze", "rows", last), weighted, reduction="add")


class Trees:
    """Regression trees as flat arrays, gathered tree by tree, for one TreeEnsembleRegressor.

    Nodes branch left on ``x <= threshold``. Thresholds are rounded toward minus infinity to float32, which
    keeps every float32 input on its side; rounding to nearest would flip rows.

    Trees are added up, or with ``averaged`` their mean is taken. A mean of shares never leaves 0 to 1: a float32 sum of
    n numbers up to 1 cannot be rounded beyond n, which is a float32 itself. A sum of nths of shares may exceed 1.
    """

    def __init__(self, *, averaged: bool = False) -> None:
        self._aggregate = "AVERAGE" if averaged else "SUM"
        self._columns: dict[str, list[Any]] = {
            name: [] for name in ("tree", "node", "feature", "threshold", "left", "right", "nan_left", "leaf")
        }
        self._leaves: dict[str, list[Any]] = {name: [] for name in ("tree", "node", "output", "weight")}
        self._n = 0

    def add(
        self,
        feature: NDArray[Any],
        threshold: NDArray[Any],
        left: NDArray[Any],
        right: NDArray[Any],
        nan_left: NDArray[Any],
        leaf: NDArray[np.bool_],
        weights: NDArray[Any],
    ) -> None:
        """Add a tree of m nodes, node 0 its root; ``weights`` (m, outputs) count at leaves where not zero."""
        count = len(feature)
        new = (
            np.full(count, self._n),
            np.arange(count),
            feature.astype(np.int64),
            threshold,
            left,
            right,
            nan_left,
            leaf,
        )
        for name, values in zip(self._columns, new, strict=True):
            self._columns[name].append(values)
        counted = (weights != 0) & leaf[:, None]
        if not counted.any():  # an ensemble without a single weight would be no operator
            counted[np.argmax(leaf), 0] = True
        node, output = np.nonzero(counted)
        entries = (np.full(len(node), self._n), node, output, weights[node, output])
        for name, values in zip(self._leaves, entries, strict=True):
            self._leaves[name].append(values)
        self._n += 1

    def add_constant(self, weights: NDArray[Any]) -> None:
        """Add a tree of one leaf, so that ``weights`` (outputs,) are added to every row."""
        nothing = np.zeros(1, dtype=np.int64)
        leaf = np.ones(1, dtype=bool)
        self.add(nothing, nothing, nothing, nothing, nothing, leaf, np.asarray(weights, dtype=np.float64)[None, :])

    def thresholds(self, most: int = 3) -> dict[int, list[float]]:
        """Up to ``most`` thresholds of each feature, as the graph holds them."""
        inner = ~np.concatenate(self._columns["leaf"])
        feature = np.concatenate(self._columns["feature"])[inner]
        values = floor_float32(np.concatenate(self._columns["threshold"])[inner])
        found: dict[int, list[float]] = {}
        for column in np.unique(feature).tolist():
            # A threshold that no value exceeds, or none is below, parts missing values from all others.
            own = np.unique(values[(feature == column) & (np.abs(values) < FLOAT32_MAX)])
            if not len(own):
                continue
            found[column] = own[np.linspace(0, len(own) - 1, min(most, len(own))).astype(int)].tolist()
        return found

    def node(self, builder: GraphBuilder, matrix: str, outputs: int, typical: NDArray[np.float32]) -> str:
        """Add the ensemble to a graph; the name of its output (n, outputs) is returned.

        A missing value of the first columns goes where ``typical`` goes, unless that is NaN: then as each tree says.
        """
        flat = {name: np.concatenate(values) for name, values in self._columns.items()}
        flat["nan_left"] = _nan_left(flat, typical)
        leaves = {name: np.concatenate(values) for name, values in self._leaves.items()}
        leaf = flat["leaf"]
        inner_only = {name: np.where(leaf, 0, flat[name]) for name in ("feature", "left", "right", "nan_left")}
        return builder.add(
            "TreeEnsembleRegressor",
            matrix,
            n_targets=outputs,
            aggregate_function=self._aggregate,
            nodes_treeids=flat["tree"].tolist(),
            nodes_nodeids=flat["node"].tolist(),
            nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
            nodes_featureids=inner_only["feature"].astype(np.int64).tolist(),
            nodes_values=np.where(leaf, np.float32(0), floor_float32(flat["threshold"])).tolist(),
            nodes_truenodeids=inner_only["left"].astype(np.int64).tolist(),
            nodes_falsenodeids=inner_only["right"].astype(np.int64).tolist(),
            nodes_missing_value_tracks_true=inner_only["nan_left"].astype(np.int64).tolist(),
            target_treeids=leaves["tree"].tolist(),
            target_nodeids=leaves["node"].tolist(),
            target_ids=leaves["output"].tolist(),
            target_weights=leaves["weight"].astype(np.float32).tolist(),
        )


def _nan_left(flat: dict[str, NDArray[Any]], typical: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether a missing value goes left, for every node."""
    own = (flat["feature"] >= 0) & (flat["feature"] < len(typical))  # leaves have a feature below 0
    value = np.where(own, np.append(typical, np.nan)[np.where(own, flat["feature"], -1)], np.nan)
    return np.where(np.isnan(value), flat["nan_left"].astype(bool), value <= floor_float32(flat["threshold"]))


def floor_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """Rounded toward minus infinity to float32: ``x <= v`` is unchanged for every float32 ``x``."""
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float32)
        below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > values, below, nearest)


def table_graph(dense: int, codes: int, terms: int, outputs: int, *, merged: bool = False) -> Graph:
    """The entry of a graph on the blocks of a table; ``merged`` says that codes are among the ``dense`` columns."""
    widths = {"dense": dense, "codes": codes, "terms": terms}
    taken = {name: width for name, width in widths.items() if width or name == "dense"}
    return Graph(MEMBER, "onnx", taken, merged, outputs)


def export_constant(values: Sequence[float], columns: int) -> Exported:
    """A graph that answers the same to every row."""
    graph = table_graph(columns, 0, 0, len(values), merged=True)
    builder = GraphBuilder()
    width = builder.constant([len(values)], np.int64)
    size = builder.add("Concat", builder.row_count(), width, axis=0)
    output = builder.add("Expand", builder.constant([list(values)], np.float32), size)
    return Exported(graph, builder.build(output, graph))
