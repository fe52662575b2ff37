"""How often pure noise looks as if something had been learned: ``python -m benchmarks.noise [TABLES] [SECONDS]``.

Tables of 10 to 500 rows and of several widths, whose target has nothing to do with the columns: labels, balanced and
not, and numbers. Each trains as by ``fitserve train`` within a small budget. What counts is how often the 95 % interval
of the score to choose by lies wholly on the better side of the answer without learning.
"""

from __future__ import annotations

import sys
import tempfile
import time
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import fitserve
from benchmarks.report import Bar, show
from fitserve.tasks import get_task
from fitserve.training.run import Run

ROWS = (10, 12, 15, 19, 24, 29, 31, 38, 47, 60, 80, 110, 150, 210, 300, 400, 500)
WIDTHS = (1, 3, 8, 30)
TARGETS = ("half", "fifth", "tenth", "three", "normal", "skewed")
# 15 of 200: an interval of 95 % that leaves out the truth on the good side does so by chance in 1 of 40.
ALLOWED = 0.075


def main() -> None:
    """Train, count, print."""
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    budget = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
    above = learned = 0
    started = time.monotonic()
    for number in range(tables):
        target, frame = noise(number)
        with tempfile.TemporaryDirectory() as folder:
            run = fitserve.train(frame, "y", name="noise", budget=budget, workspace=folder)
        found, chosen = is_above(run), run.manifest.learner != "baseline"
        above, learned = above + found, learned + chosen
        if found or chosen:
            print(
                f"{number:4} {frame.height:4} rows, {frame.width - 1:2} columns, {target:7} {_shown(run)}", flush=True
            )
    seconds = (time.monotonic() - started) / tables
    print(f"{tables} tables, {seconds:.1f} s each; a model was served for {learned}, without learning for the others")
    show(Bar(f"Of {tables} tables of noise: intervals better than no learning", above, ALLOWED * tables, "at most"))


def noise(number: int) -> tuple[str, pl.DataFrame]:
    """One table, and the kind of its target."""
    rng = np.random.default_rng([7, number])
    n, target = ROWS[number % len(ROWS)], TARGETS[number % len(TARGETS)]
    width = int(rng.choice(WIDTHS))
    columns: dict[str, NDArray[Any]] = {f"x{i}": rng.normal(size=n) for i in range(width)}
    if width > 1:
        columns["level"] = rng.choice(["red", "green", "blue"], n)
    shares = {"half": [0.5, 0.5], "fifth": [0.8, 0.2], "tenth": [0.9, 0.1], "three": [0.4, 0.3, 0.3]}
    if target in shares:
        labels = np.repeat(
            ["a", "b", "c"][: len(shares[target])], np.maximum(2, np.rint(np.array(shares[target]) * n)).astype(int)
        )
        columns["y"] = rng.permutation(np.resize(labels, n))
    else:
        values = rng.normal(size=n)
        columns["y"] = values if target == "normal" else np.exp(1.5 * values)
    return target, pl.DataFrame(columns)


def is_above(run: Run) -> bool:
    """Whether the interval of the score to choose by lies wholly on the better side of the baseline."""
    metric = run.manifest.metric
    loss = get_task(run.manifest.task).metrics[metric].loss
    interval, baseline = run.manifest.intervals[metric], run.manifest.baseline[metric]
    return interval is not None and baseline is not None and max(map(loss, interval)) < loss(baseline)


def _shown(run: Run) -> str:
    metric, manifest = run.manifest.metric, run.manifest
    score, interval = manifest.scores[metric], manifest.intervals[metric]
    within = "" if interval is None else f" ({interval[0]:.3g} to {interval[1]:.3g})"
    beside = f"{metric} {score:.3g}{within}, without learning {manifest.baseline[metric]:.3g}"
    return f"{manifest.learner:10} {beside}{'  ABOVE' if is_above(run) else ''}"


if __name__ == "__main__":
    main()
