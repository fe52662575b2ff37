"""Measure what a graph costs, alone in a process: ``python -m fitserve.prediction.weigh FOLDER``.

The folder holds ``model.onnx`` and ``graph.json``; one JSON object is printed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from fitserve.bundle.manifest import Graph
from fitserve.features.arrays import Arrays, Ragged
from fitserve.prediction.session import Session

_RUNS = 200
_TERMS_OF_A_TEXT = 100


def resident_bytes() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def main(folder: str) -> None:
    """Load, run one row some times, print."""
    graph = Graph(**json.loads((Path(folder) / "graph.json").read_text(encoding="utf-8")))
    before, started = resident_bytes(), time.perf_counter()
    session = Session(graph, (Path(folder) / "model.onnx").read_bytes())
    load_seconds = time.perf_counter() - started
    terms = np.zeros(_TERMS_OF_A_TEXT, dtype=np.int64)
    text = Ragged(terms, terms, np.ones(_TERMS_OF_A_TEXT, dtype=np.float32)) if graph.text else None
    dense = graph.columns
    row = Arrays(np.zeros((1, dense), np.float32), np.zeros((1, graph.codes), np.int32), text)
    seconds = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        session.run(row)
        seconds.append(time.perf_counter() - started)
    memory = max(0, resident_bytes() - before)
    measured = {"memory": memory, "load_seconds": load_seconds, "row_seconds": float(np.median(seconds))}
    sys.stdout.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
