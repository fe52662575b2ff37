"""What a graph costs must not depend on the values that it gets, or trying it out would prove nothing.

Read from its bytes, as in `fitserve.bundle.operators`, whose check comes first. The sizes of all arrays have to follow
from the numbers of rows and terms; trees have to end; and whole numbers are not divided, for some end the
process.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fitserve.bundle.operators import fields_of, varint
from fitserve.errors import BundleError

# The deepest tree, and the nodes that a row may visit in all trees together: honest ensembles need a tenth.
_DEEPEST, _MOST_VISITS = 2_000, 500_000
_SHAPE_INPUTS = {"ConstantOfShape": 0, "Expand": 1, "TopK": 1, "Unsqueeze": 1, "ReduceSum": 1}
_FLOATS = frozenset([1, 11])  # FLOAT and DOUBLE of TensorProto.DataType
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_TENSOR = 1, 3, 5
_INTS_KEY, _TYPE_KEY = 8 << 3, 20 << 3
_MODES = 9
_TENSOR_TYPE, _TENSOR_NAME = 2, 8
_GRAPH_NODE, _GRAPH_INITIALIZER, _MODEL_GRAPH = 1, 5, 7
_LEAF, _BRANCH = rb"J\x04LEAF", rb"J\nBRANCH_LEQ"


@dataclass(frozen=True, slots=True)
class _Node:
    operator: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, memoryview]


@dataclass(slots=True)
class _Known:
    """What is known of the arrays so far: whose values are fixed by constants and shapes, and which hold floats."""

    fixed: set[str] = field(default_factory=set)
    floats: set[str] = field(default_factory=set)
    visits: int = 0


def check_bounds(member: str, model: bytes, floats: Sequence[str]) -> None:
    """Raise BundleError if a graph may cost more for some values than for others; ``floats`` are inputs of floats."""
    try:
        [graph] = [value for number, value in fields_of(memoryview(model)) if number == _MODEL_GRAPH]
        parts = list(fields_of(graph))
        known = _Known()
        known.floats.update(floats)
        for number, value in parts:
            if number == _GRAPH_INITIALIZER:
                _add_constant(value, known)
        for number, value in parts:
            if number == _GRAPH_NODE:
                wrong = _problem_with(_node(value), known)
                if wrong:
                    raise BundleError(f"{member} {wrong}; do not use it")
    except (ValueError, IndexError, KeyError) as error:
        raise BundleError(f"{member} is no graph of fitserve ({error}); do not use it") from None


def _add_constant(tensor: memoryview, known: _Known) -> None:
    tensor_fields = dict(fields_of(tensor))
    name = bytes(tensor_fields[_TENSOR_NAME]).decode()
    if name in known.fixed:
        raise ValueError("a name is given twice")
    known.fixed.add(name)
    if varint(tensor_fields[_TENSOR_TYPE], 0)[0] in _FLOATS:
        known.floats.add(name)


def _node(data: memoryview) -> _Node:
    operator, inputs, outputs, attributes = "", list[str](), list[str](), dict[str, memoryview]()
    for number, value in fields_of(data):
        if number == _NODE_INPUT:
            inputs.append(bytes(value).decode())
        elif number == _NODE_OUTPUT:
            outputs.append(bytes(value).decode())
        elif number == _NODE_OPERATOR:
            operator = bytes(value).decode()
        elif number == _NODE_ATTRIBUTE:
            first, name = next(fields_of(value))
            if first != _ATTRIBUTE_NAME or len(name) > 127:
                raise ValueError("an attribute does not begin with its name")
            attributes[bytes(name).decode()] = value[2 + len(name) :]
    return _Node(operator, inputs, outputs, attributes)


def _problem_with(node: _Node, known: _Known) -> str | None:
    """What is wrong with a node; what is known of its outputs is added."""
    place = _SHAPE_INPUTS.get(node.operator)
    if place is not None and place < len(node.inputs) and node.inputs[place] not in known.fixed:
        return f"holds a {node.operator} whose size depends on values"
    if node.operator == "Div" and node.inputs[0] not in known.floats:
        return "divides whole numbers"
    if node.operator == "TreeEnsembleRegressor":
        wrong, visits = _walk(node.attributes)
        known.visits += visits
        if wrong or known.visits > _MOST_VISITS:
            return wrong or f"holds trees that visit more than {_MOST_VISITS:,} nodes for a row"
    for output in node.outputs:
        if output in known.fixed or output in known.floats:
            raise ValueError("a name is given twice")
    if node.operator == "Shape" or (node.operator in ("Concat", "Identity") and known.fixed.issuperset(node.inputs)):
        known.fixed.update(node.outputs)
    if _gives_floats(node, known):
        known.floats.add(node.outputs[0])
    return None


def _gives_floats(node: _Node, known: _Known) -> bool:
    """Whether the first output holds floats."""
    if node.operator in ("Shape", "IsNaN"):
        return False
    if node.operator == "TreeEnsembleRegressor":
        return True
    if node.operator == "Cast":
        return varint(dict(fields_of(node.attributes["to"]))[_ATTRIBUTE_INT], 0)[0] in _FLOATS
    if node.operator == "ConstantOfShape":
        tensor = dict(fields_of(node.attributes["value"]))[_ATTRIBUTE_TENSOR]
        return varint(dict(fields_of(tensor))[_TENSOR_TYPE], 0)[0] in _FLOATS
    return node.inputs[1 if node.operator == "Where" else 0] in known.floats


def _walk(attributes: Mapping[str, memoryview]) -> tuple[str | None, int]:
    """What is wrong with the trees of a node, and how many nodes a row may visit in them; a circle has no end."""
    trees, nodes, left, right = (
        _integers(attributes[f"nodes_{name}"]) for name in ("treeids", "nodeids", "truenodeids", "falsenodeids")
    )
    leaf = _leaves(attributes["nodes_modes"])
    if not len(trees) == len(nodes) == len(left) == len(right) == len(leaf):
        return "holds trees whose parts do not fit together", 0
    if max(each.max(initial=0) for each in (trees, nodes, left, right)) >= 1 << 31:
        return "holds trees with strange numbers", 0
    places = trees << 32 | nodes
    order = np.argsort(places, kind="stable")
    inner = np.flatnonzero(~leaf)
    children = np.full((len(places), 2), -1)
    for side, ids in enumerate((left, right)):
        wanted = trees[inner] << 32 | ids[inner]
        found = order[np.minimum(np.searchsorted(places, wanted, sorter=order), len(order) - 1)]
        if (places[found] != wanted).any():
            return "holds trees with missing nodes", 0
        children[inner, side] = found
    return _visits(children, leaf, np.unique(trees, return_inverse=True)[1])


def _visits(children: NDArray[np.intp], leaf: NDArray[np.bool_], tree: NDArray[np.intp]) -> tuple[str | None, int]:
    """The sum over all trees of their depth; level by level, all nodes of all trees at once."""
    visits = 0
    reached = np.flatnonzero(~leaf)
    for _ in range(_DEEPEST):
        if not len(reached):
            return None, visits
        alive = np.zeros(int(tree.max()) + 1, dtype=bool)
        alive[tree[reached]] = True
        visits += int(alive.sum())
        marks = np.zeros(len(leaf), dtype=bool)
        marks[children[reached].ravel()] = True
        reached = np.flatnonzero(marks & ~leaf)
    return f"holds trees deeper than {_DEEPEST:,} nodes", visits


def _integers(attribute: memoryview) -> NDArray[np.int64]:
    """The whole numbers of an attribute: each has its key before it, and the type of the attribute comes last."""
    data = np.frombuffer(attribute, dtype=np.uint8)
    ends = np.flatnonzero(data < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1])
    length = ends - starts + 1
    if not len(ends) or ends[-1] != len(data) - 1 or length.max() > 10:
        raise ValueError("numbers of a tree cannot be read")
    values = np.zeros(len(ends), dtype=np.uint64)
    for step in range(int(length.max())):
        there = length > step
        values[there] |= (data[starts[there] + step] & np.uint64(0x7F)).astype(np.uint64) << np.uint64(7 * step)
    keys, numbers = values[::2], values[1::2]
    if len(keys) != len(numbers) or not np.isin(keys, (_INTS_KEY, _TYPE_KEY)).all():
        raise ValueError("numbers of a tree cannot be read")
    found: NDArray[np.int64] = numbers[keys == _INTS_KEY].astype(np.int64)
    return found


def _leaves(attribute: memoryview) -> NDArray[np.bool_]:
    """Which nodes are leaves; the others have to branch as ours do."""
    data = bytes(attribute)
    found = re.findall(rb"%b|%b" % (_LEAF, _BRANCH), data)
    rest = re.sub(rb"%b|%b" % (_LEAF, _BRANCH), b"", data)
    if any(number == _MODES for number, _ in fields_of(memoryview(rest))):
        raise ValueError("trees branch in another way than ours")
    return np.array([len(each) == 6 for each in found], dtype=bool)
