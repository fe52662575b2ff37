"""Measure what a graph costs, alone in a process: ``python -m fitserve.prediction.weigh FOLDER``.

The folder holds ``model.onnx`` and ``graph.json``; one JSON object is printed. Times are those of the processor: a busy
machine makes no model slower.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from fitserve.bundle.manifest import Graph
from fitserve.bundle.proof import Weight
from fitserve.features.arrays import Arrays, Ragged
from fitserve.prediction.session import Session

_RUNS, _LONG_ENOUGH = 200, 1.0
_TERMS_OF_A_TEXT = 100


def resident_bytes() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def weigh(graph: Graph, model: bytes) -> Weight:
    """Load a graph, run one row some times, and say what that costs."""
    before, started = resident_bytes(), time.process_time()
    session = Session(graph, model)
    load_seconds = time.process_time() - started
    row = blank(graph, 1, _TERMS_OF_A_TEXT)
    seconds: list[float] = []
    while len(seconds) < _RUNS and sum(seconds) < _LONG_ENOUGH:
        started = time.process_time()
        session.run(row)
        seconds.append(time.process_time() - started)
    memory = max(0, resident_bytes() - before)
    return Weight(memory, load_seconds, float(np.median(seconds)))


def blank(graph: Graph, rows: int, terms: int) -> Arrays:
    """Rows of zeros; all their texts together have so many terms."""
    ids, place = np.zeros(terms, dtype=np.int64), np.arange(terms) * rows // max(terms, 1)
    text = Ragged(ids, place, np.ones(terms, dtype=np.float32)) if graph.text else None
    return Arrays(np.zeros((rows, graph.columns), np.float32), np.zeros((rows, graph.codes), np.int32), text)


def main(folder: str) -> None:
    """Weigh and print."""
    graph = Graph(**json.loads((Path(folder) / "graph.json").read_text(encoding="utf-8")))
    weight = weigh(graph, (Path(folder) / "model.onnx").read_bytes())
    sys.stdout.write(json.dumps(weight._asdict()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
