"""A compiled graph, run by onnxruntime. The only file that imports it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fitserve.blocks import Arrays, Dense, block_type
from fitserve.blocks.base import Input
from fitserve.bundle.manifest import Graph
from fitserve.bundle.operators import check_operators
from fitserve.errors import BundleError

# A graph sees at most so many rows, and so many terms of their texts, at once: that bounds the memory of a request.
# More rows run one part after the other; a row has the same bits in a batch of any size.
MOST_ROWS, MOST_TERMS = 1_024, 1 << 17
_OUTPUT = ["raw"]


def load_graph(graph: Graph, model: bytes) -> onnxruntime.InferenceSession:
    """One graph, loaded; raises BundleError unless it holds known operators and takes what its entry promises.

    Threads stay at one so that a row has the same bits in a batch of any size: parallel work runs over
    chunks of rows instead.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # the arena keeps the largest batch ever seen
    options.log_severity_level = 4
    check_operators(graph.member, model)
    try:
        loaded = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no base class
        reason = str(error).splitlines()[0][:200]
        raise BundleError(f"{graph.member} cannot be loaded ({reason}); export the model again") from None
    signatures = [signature_of(graph.member, block, width) for block, width in graph.inputs.items()]
    expected = {name for signature in signatures for name, _, _ in signature}
    if {entry.name for entry in loaded.get_inputs()} != expected | {source_name(each) for each in graph.sources}:
        raise BundleError(f"{graph.member} does not take the inputs that the manifest promises; export again")
    return loaded


def signature_of(member: str, block: str, width: int) -> Sequence[Input]:
    """The inputs of a block; raises BundleError for a kind of block that is not installed."""
    try:
        return block_type(block).signature(width)
    except KeyError:
        raise BundleError(f"{member} takes {block[:80]!r}, which no package here has; install its package") from None


def float_inputs(graph: Graph) -> list[str]:
    """The names of the inputs that hold floats."""
    own = [each for name, width in graph.inputs.items() for each in signature_of(graph.member, name, width)]
    floats = [name for name, kind, _ in own if kind.startswith("float")]
    return [*floats, *map(source_name, graph.sources)]


def source_name(member: str) -> str:
    """The name under which a graph takes the outputs of another one: its member without the ending."""
    return member.removesuffix(".onnx")


class Session:
    """The graphs of a model, loaded. Safe to run from several threads; each run uses one.

    Graphs run in their order; a later one may take the outputs of earlier ones, and the last one answers.
    """

    def __init__(self, graph: Graph, model: bytes, before: Sequence[tuple[Graph, bytes]] = ()) -> None:
        self._before = [(each, load_graph(each, bytes_of_it)) for each, bytes_of_it in before]
        self._session = load_graph(graph, model)
        self._graph = graph
        self._run = self._session.run
        self._row_lock = Lock()
        if self.dense_alone:
            self._bind_row()

    def run_row(self, values: list[float]) -> NDArray[Any]:
        """The raw output (1, outputs) of one row of a graph that takes one merged matrix alone.

        Input and output buffers are bound once: that halves the price of a run. Whoever finds them in use by
        another thread takes the ordinary way.
        """
        if not self._row_lock.acquire(blocking=False):
            output: NDArray[Any] = self._run(_OUTPUT, {"dense": np.array([values], dtype=np.float32)})[0]
            return output
        try:
            self._row_input[0] = values
            self._session.run_with_iobinding(self._row_binding)
            return self._row_output.copy()
        finally:
            self._row_lock.release()

    def run_matrix(self, dense: NDArray[np.float32]) -> NDArray[Any]:
        """The raw output (n, outputs) of a graph that takes one merged matrix (n, columns) alone."""
        parts = [self._run(_OUTPUT, {"dense": dense[i : i + MOST_ROWS]})[0] for i in range(0, len(dense), MOST_ROWS)]
        return _joined(parts)

    def _bind_row(self) -> None:
        kind = np.float64 if self._session.get_outputs()[0].type == "tensor(double)" else np.float32
        self._row_input = np.zeros((1, self._graph.columns), dtype=np.float32)
        self._row_output = np.zeros((1, self._graph.outputs), dtype=kind)
        # Kept: a bound value shares the array's memory and must live as long.
        self._row_values = [onnxruntime.OrtValue.ortvalue_from_numpy(a) for a in (self._row_input, self._row_output)]
        self._row_binding = self._session.io_binding()
        self._row_binding.bind_ortvalue_input("dense", self._row_values[0])
        self._row_binding.bind_ortvalue_output("raw", self._row_values[1])

    @property
    def dense_alone(self) -> bool:
        """Whether there is one graph that takes one merged matrix and nothing else."""
        return self._graph.merged and [*self._graph.inputs] == ["dense"] and not self._before

    def run(self, arrays: Arrays) -> NDArray[Any]:
        """The raw output (n, outputs) of some rows."""
        return _joined([self._run_at_once(part) for part in _parts(arrays)])

    def _run_at_once(self, arrays: Arrays) -> NDArray[Any]:
        given: dict[str, NDArray[Any]] = {}
        for graph, session in self._before:
            given[source_name(graph.member)] = session.run(_OUTPUT, _feed(graph, arrays, given))[0]
        output: NDArray[Any] = self._run(_OUTPUT, _feed(self._graph, arrays, given))[0]
        return output


def _feed(graph: Graph, arrays: Arrays, given: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What a graph is given: its blocks, and the outputs of other graphs."""
    feed: dict[str, NDArray[Any]] = {}
    for name, width in graph.inputs.items():
        if name == Dense.name and graph.merged:
            feed[name] = arrays.merged()
        else:
            block = arrays.blocks.get(name)
            feed |= (block_type(name).blank(len(arrays), width) if block is None else block).inputs()
    return feed | {name: given[name] for name in map(source_name, graph.sources)}


def _parts(arrays: Arrays) -> Iterator[Arrays]:
    """Some rows in parts that a graph may see at once; a row that has too many entries is a part of its own."""
    n = len(arrays)
    if n <= 1:
        yield arrays
        return
    sizes = [size for block in arrays.blocks.values() if (size := block.sizes()) is not None]
    ends = np.cumsum(np.sum(sizes, axis=0)) if sizes else np.zeros(n, dtype=np.int64)
    if n <= MOST_ROWS and ends[-1] <= MOST_TERMS:
        yield arrays
        return
    first = 0
    while first < n:
        before = int(ends[first - 1]) if first else 0
        fitting = int(np.searchsorted(ends, before + MOST_TERMS, side="right"))
        last = min(max(fitting, first + 1), first + MOST_ROWS, n)
        yield arrays.take(slice(first, last))
        first = last


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
