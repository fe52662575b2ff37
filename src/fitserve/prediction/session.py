"""A compiled graph, run by onnxruntime. The only file that imports it."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fitserve.bundle.manifest import Graph
from fitserve.bundle.operators import check_operators
from fitserve.errors import BundleError
from fitserve.features.arrays import Arrays, Ragged

# A graph sees at most so many rows, and so many terms of their texts, at once: that bounds the memory of a request.
# More rows run one part after the other; a row has the same bits in a batch of any size.
MOST_ROWS, MOST_TERMS = 1_024, 1 << 17
_OUTPUT = ["raw"]
_EMPTY_TEXT = Ragged(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


class Session:
    """One graph, loaded. Safe to run from several threads; each run uses one.

    Threads stay at one so that a row has the same bits in a batch of any size: parallel work runs over
    chunks of rows instead.
    """

    def __init__(self, graph: Graph, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # the arena keeps the largest batch ever seen
        options.log_severity_level = 4
        check_operators(graph.member, model)
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no base class
            reason = str(error).splitlines()[0][:200]
            raise BundleError(f"{graph.member} cannot be loaded ({reason}); export the model again") from None
        self._graph = graph
        self._run = self._session.run
        expected = {
            "dense",
            *(["codes"] if graph.codes else []),
            *(["ids", "rows", "weights"] if graph.text else []),
        }
        if {entry.name for entry in self._session.get_inputs()} != expected:
            raise BundleError(f"{graph.member} does not take the inputs that the manifest promises; export again")
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
        """Whether the graph takes one merged matrix and nothing else."""
        return self._graph.merged and not self._graph.text

    def run(self, arrays: Arrays) -> NDArray[Any]:
        """The raw output (n, outputs) of some rows."""
        return _joined([self._run_at_once(part) for part in _parts(arrays)])

    def _run_at_once(self, arrays: Arrays) -> NDArray[Any]:
        feed: dict[str, NDArray[Any]] = {"dense": arrays.merged() if self._graph.merged else arrays.dense}
        if self._graph.codes:
            feed["codes"] = arrays.codes
        if self._graph.text:
            text = arrays.text or _EMPTY_TEXT
            feed |= {"ids": text.ids, "rows": text.rows, "weights": text.weights}
        output: NDArray[Any] = self._run(_OUTPUT, feed)[0]
        return output


def _parts(arrays: Arrays) -> Iterator[Arrays]:
    """Some rows in parts that a graph may see at once; a row that has too many terms is a part of its own."""
    n, text = len(arrays), arrays.text
    if n <= 1 or (n <= MOST_ROWS and (text is None or len(text.ids) <= MOST_TERMS)):
        yield arrays
        return
    starts = np.zeros(n + 1, dtype=np.int64) if text is None else np.searchsorted(text.rows, np.arange(n + 1))
    first = 0
    while first < n:
        fitting = int(np.searchsorted(starts, starts[first] + MOST_TERMS, side="right")) - 1
        last = min(max(fitting, first + 1), first + MOST_ROWS, n)
        own = None
        if text is not None:
            entries = slice(starts[first], starts[last])
            own = Ragged(text.ids[entries], text.rows[entries] - first, text.weights[entries])
        yield Arrays(arrays.dense[first:last], arrays.codes[first:last], own)
        first = last


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
