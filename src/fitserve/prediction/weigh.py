"""Measure what a graph costs, alone in a process: ``python -m fitserve.prediction.weigh FOLDER``.

The folder holds the graphs and ``graphs.json``; one JSON object is printed. Times are those of the processor: a busy
machine makes no model slower.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fitserve.blocks import Arrays, block_type
from fitserve.bundle.manifest import Graph
from fitserve.bundle.proof import Weight
from fitserve.prediction.session import Session

_RUNS, _LONG_ENOUGH = 200, 1.0
_TERMS_OF_A_TEXT = 100


def resident_bytes() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


Graphs = Sequence[tuple[Graph, bytes]]


def weigh(graphs: Graphs) -> Weight:
    """Load the graphs of a model, run one row some times, and say what that costs."""
    # Of this thread, which is all that a session uses: with a limit on its processor time, that of a process is counted
    # in ticks of 4 ms.
    before, started = resident_bytes(), time.thread_time()
    *first, (graph, model) = graphs
    session = Session(graph, model, first)
    load_seconds = time.thread_time() - started
    row = blank([graph for graph, _ in graphs], 1, _TERMS_OF_A_TEXT)
    seconds: list[float] = []
    while len(seconds) < _RUNS and sum(seconds) < _LONG_ENOUGH:
        started = time.thread_time()
        session.run(row)
        seconds.append(time.thread_time() - started)
    memory = max(0, resident_bytes() - before)
    return Weight(memory, load_seconds, float(np.median(seconds)))


def blank(graphs: Sequence[Graph], rows: int, entries: int) -> Arrays:
    """Rows of zeros as graphs take them; where rows differ in size, all together have so many entries."""
    widths: dict[str, int] = {}
    for graph in graphs:
        widths |= {name: max(width, widths.get(name, 0)) for name, width in graph.inputs.items()}
    return Arrays({name: block_type(name).blank(rows, width, entries) for name, width in widths.items()}, rows)


def main(folder: str) -> None:
    """Weigh and print."""
    entries = json.loads((Path(folder) / "graphs.json").read_text(encoding="utf-8"))
    graphs = [Graph.from_json(entry) for entry in entries]
    weight = weigh([(graph, (Path(folder) / graph.member).read_bytes()) for graph in graphs])
    sys.stdout.write(json.dumps(weight._asdict()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
