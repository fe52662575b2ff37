"""Try a bundle out, alone in a process: ``python -m fitserve.prediction.prove FOLDER``.

The process limits itself before it opens the bundle. One JSON object is printed: what the bundle costs, as
`fitserve.prediction.weigh` does, or why it is ``refused``. `fitserve.bundle.proof` starts it and decides.
"""

from __future__ import annotations

import gc
import json
import re
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fitserve import settings
from fitserve.bundle.bounds import check_bounds
from fitserve.bundle.folder import Bundle, open_bundle
from fitserve.bundle.manifest import Graph
from fitserve.bundle.operators import check_operators
from fitserve.bundle.proof import ADVICE, Weight, memory_room, processor_seconds
from fitserve.errors import BundleError, UserError
from fitserve.prediction.loading import load
from fitserve.prediction.session import MOST_ROWS, MOST_TERMS, float_inputs
from fitserve.prediction.weigh import blank, resident_bytes, weigh

_TRIES = 3
# Steps, tables and the manifest may take as much again as the graph.
_WHOLE_FACTOR = 2
_OUT_OF_MEMORY = re.compile(r"bad.?alloc|failed to allocate|memoryerror|cannot allocate", re.IGNORECASE)
_LONGEST_REASON = 600


def main(folder: str) -> None:
    """Try out and print."""
    limit()
    try:
        said = tried(Path(folder))
    except MemoryError:
        said = {"refused": _too_much()}
    except UserError as error:
        reason = str(error)
        said = {"refused": _too_much() if _OUT_OF_MEMORY.search(reason) else reason[:_LONGEST_REASON]}
    sys.stdout.write(json.dumps(said) + "\n")


def limit() -> None:
    """Limit memory and processor time of this process, from what it has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory_room()
    seconds = int(time.process_time()) + processor_seconds()
    for kind, most_of_it in ((resource.RLIMIT_AS, most), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        least = most_of_it if hard == resource.RLIM_INFINITY else min(most_of_it, hard)
        resource.setrlimit(kind, (least, hard))


def tried(folder: Path) -> dict[str, Any]:
    """What a bundle costs; raises BundleError if it is not sound."""
    start = resident_bytes()
    bundle = open_bundle(folder)
    graphs = bundle.manifest.model_graphs()
    weight = _weighed(bundle, graphs)
    predictor = load(folder)
    gc.collect()
    whole = resident_bytes() - start
    started = time.thread_time()
    with _explained(graphs):  # as many rows, and as many terms, as ever run at once
        predictor.session.run(blank(graphs, MOST_ROWS, MOST_TERMS))
    row_seconds = (time.thread_time() - started) / MOST_ROWS
    most = _WHOLE_FACTOR * int(settings.get("servable_memory"))
    return {
        "memory": whole if whole > most else weight.memory,
        "load_seconds": weight.load_seconds,
        "row_seconds": max(weight.row_seconds, row_seconds),
    }


def _weighed(bundle: Bundle, graphs: Sequence[Graph]) -> Weight:
    """What the graphs cost: the best of some tries, for a machine has other things to do, too."""
    models = [(graph, bundle.read(graph.member)) for graph in graphs]
    for graph, model in models:
        check_operators(graph.member, model)
        check_bounds(graph.member, model, float_inputs(graph))
    best: Weight | None = None
    for _ in range(_TRIES):
        with _explained(graphs):
            weight = weigh(models)
        best = weight if best is None else _lighter(best, weight)
        if best.too_heavy is None:
            break
    assert best is not None
    return best


@contextmanager
def _explained(graphs: Sequence[Graph]) -> Iterator[None]:
    """Turn whatever a forged graph raises into one line."""
    try:
        yield
    except (BundleError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - a forged graph may fail in any way
        reason = " ".join(str(error).split())
        if _OUT_OF_MEMORY.search(reason):
            raise MemoryError from None
        raise BundleError(f"{graphs[-1].member} does not work ({reason[:200]}); export the model again") from None


def _lighter(one: Weight, other: Weight) -> Weight:
    return Weight(
        min(one.memory, other.memory),
        min(one.load_seconds, other.load_seconds),
        min(one.row_seconds, other.row_seconds),
    )


def _too_much() -> str:
    advice = ADVICE.format(variable=settings.SETTINGS["servable_memory"].variable)
    return f"the bundle takes more than {memory_room() >> 20} MB to load and to answer; {advice}"


if __name__ == "__main__":
    main(sys.argv[1])
