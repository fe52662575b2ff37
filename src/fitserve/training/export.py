"""From a fitted model to a graph that is proven to answer like it and light enough to serve."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import FLOAT32_MAX, Arrays, Codes, Dense
from fitserve.bundle.proof import Weight
from fitserve.errors import ParityError
from fitserve.models.base import Exported, Fitted
from fitserve.prediction.session import Session

# In probability, or in standard deviations of a numeric target.
TOLERANCE = 1e-5
_MOST_THRESHOLD_ROWS = 200


def weigh(exported: Exported) -> Weight:
    """Load a graph in a process of its own and measure it there."""
    with tempfile.TemporaryDirectory() as folder:
        for graph, model in exported.graphs:
            (Path(folder) / graph.member).write_bytes(model)
        entries = [graph.as_json() for graph, _ in exported.graphs]
        (Path(folder) / "graphs.json").write_text(json.dumps(entries), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "fitserve.prediction.weigh", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise ParityError(f"the exported model cannot be loaded: {lines[-1]}")
    return Weight(**json.loads(done.stdout))


def check_parity(fitted: Fitted, exported: Exported, samples: list[Arrays]) -> float:
    """The largest difference between model and graph over some arrays; raises ParityError above the tolerance.

    Infinite and missing outputs must agree exactly.
    """
    session = Session(exported.graph, exported.model, exported.before)
    largest = 0.0
    for arrays in samples:
        expected, found = fitted.predict(arrays), session.run(arrays).astype(np.float64)
        if expected.shape != found.shape or not bool((np.isfinite(expected) == np.isfinite(found)).all()):
            raise ParityError("the exported model does not answer where the trained one does; please report this")
        difference = np.abs(expected - found)[np.isfinite(expected)]
        largest = max(largest, float(difference.max(initial=0.0)))
    if largest > TOLERANCE:
        raise ParityError(
            f"the exported model differs from the trained one by {largest:.2g}, more than {TOLERANCE:g}; "
            "please report this"
        )
    return largest


def hostile_arrays(arrays: Arrays, exported: Exported) -> Arrays:
    """Rows made to provoke a difference: gaps, extremes, unseen codes, and values exactly on thresholds."""
    base = arrays.take(np.zeros(1, dtype=np.intp)) if len(arrays) else arrays
    n_dense = base.dense.shape[1]
    rows: list[NDArray[np.float32]] = [np.full((1, n_dense), np.nan, dtype=np.float32)]
    for value in (0.0, 1e30, -1e30, FLOAT32_MAX, -FLOAT32_MAX, 2.0**24 + 2, 1e-40):
        rows.append(np.full((1, n_dense), value, dtype=np.float32))
    for column in range(min(n_dense, 500)):
        rows.append(_changed(base.dense, column, np.nan))
    for column, values in exported.thresholds.items():
        if column < n_dense and len(rows) < _MOST_THRESHOLD_ROWS + n_dense:
            rows.extend(_changed(base.dense, column, value) for value in values)
    dense = np.concatenate(rows)
    codes = np.repeat(base.codes, len(dense), axis=0)
    for code in (0, 1):
        dense = np.concatenate([dense, base.dense])
        codes = np.concatenate([codes, np.full_like(base.codes, code)])
    first = np.zeros(len(dense), dtype=np.intp)
    changed = {Dense.name: Dense(dense), Codes.name: Codes(codes)}
    others = {name: block.take(first) for name, block in base.blocks.items() if name not in changed}
    return Arrays({**changed, **others}, len(dense))


def _changed(row: NDArray[np.float32], column: int, value: float) -> NDArray[np.float32]:
    changed = row.copy()
    changed[:, column] = value
    return changed
