"""Which operators a graph may hold, read from its bytes before any runtime sees them.

The list is that of the graphs that fitserve builds. Everything else is refused: loops, which may never end;
functions and graphs within graphs; operators of other domains, which would be code; and tensors that lie in
other files. The numbers of the fields are those of ``onnx.proto`` (https://github.com/onnx/onnx).
"""

from __future__ import annotations

from collections.abc import Iterator

from fitserve.errors import BundleError

OPERATORS = frozenset(
    [
        "Add",
        "Cast",
        "Clip",
        "Concat",
        "ConstantOfShape",
        "Div",
        "Exp",
        "Expand",
        "Gather",
        "Identity",
        "IsNaN",
        "LpNormalization",
        "MatMul",
        "Max",
        "Min",
        "Mul",
        "ReduceSum",
        "Relu",
        "Round",
        "ScatterND",
        "Shape",
        "Sigmoid",
        "Softmax",
        "Sqrt",
        "Sub",
        "TopK",
        "TreeEnsembleRegressor",
        "Unsqueeze",
        "Where",
    ]
)
_DOMAINS = frozenset(["", "ai.onnx", "ai.onnx.ml"])
_MODEL_GRAPH, _MODEL_FUNCTIONS = 7, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7
_NODE_NAMES = (_NODE_OPERATOR, _NODE_DOMAIN)
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


def check_operators(member: str, model: bytes) -> None:
    """Raise BundleError unless a graph holds known operators and its own numbers alone."""
    try:
        for number, value in fields_of(memoryview(model)):
            if number == _MODEL_FUNCTIONS:
                raise BundleError(f"{member} holds functions, which no graph of fitserve has; do not use it")
            if number == _MODEL_GRAPH:
                _check_graph(member, value)
    except (ValueError, IndexError) as error:
        raise BundleError(f"{member} is no graph ({error}); export the model again") from None


def _check_graph(member: str, graph: memoryview) -> None:
    for number, value in fields_of(graph):
        if number == _GRAPH_NODE:
            _check_node(member, value)
        elif number == _GRAPH_SPARSE or (number == _GRAPH_INITIALIZER and _is_elsewhere(value)):
            raise BundleError(f"{member} refers to numbers outside itself; do not use it")


def _check_node(member: str, node: memoryview) -> None:
    texts = {
        number: bytes(value).decode(errors="replace") for number, value in fields_of(node) if number in _NODE_NAMES
    }
    operator, domain = texts.get(_NODE_OPERATOR, ""), texts.get(_NODE_DOMAIN, "")
    if operator not in OPERATORS or domain not in _DOMAINS:
        name = f"{domain}.{operator}".strip(".")[:60]
        raise BundleError(f"{member} holds the operator {name!r}, which no graph of fitserve has; do not use it")


def _is_elsewhere(tensor: memoryview) -> bool:
    return any(number in (_TENSOR_EXTERNAL, _TENSOR_LOCATION) for number, _ in fields_of(tensor))


def fields_of(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message with their numbers, each with the bytes of its value."""
    place, end = 0, len(data)
    while place < end:
        key, place = varint(data, place)
        kind = key & 7
        if kind == _VARINT:
            size = varint(data, place)[1] - place
        elif kind == _LENGTH:
            size, place = varint(data, place)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            size = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError("its fields are unreadable")
        if place + size > end:
            raise ValueError("it is cut off")
        yield key >> 3, data[place : place + size]
        place += size


def varint(data: memoryview, place: int) -> tuple[int, int]:
    """The whole number at a place, and the place behind it."""
    number, shift = 0, 0
    while True:
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7
        if shift > 63:
            raise ValueError("a number has too many digits")
