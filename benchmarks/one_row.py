"""One row of adult through the predictor in process, from JSON bytes to JSON bytes. ``python -m benchmarks.one_row``"""

from __future__ import annotations

import statistics
import tempfile
import time

import orjson

from benchmarks.report import Bar, show
from benchmarks.tables import TABLES, frames
from fitserve import train
from fitserve.serving.endpoint import Endpoint

ROWS, ROUNDS = 2000, 5
NUMBERS = ("age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week")


def main() -> None:
    """Time different rows one after the other, several rounds, and print the median."""
    training, test = frames(TABLES[0])
    with tempfile.TemporaryDirectory() as workspace:
        run = train(training, "income", name="adult", learners=["lightgbm"], workspace=workspace)
        endpoint = Endpoint("adult", 1, run.predictor(), 1000)
        rows = test.drop("income").head(ROWS).to_dicts()
        bodies = [orjson.dumps({k: int(v) if k in NUMBERS else v for k, v in row.items()}) for row in rows]
        seconds = []
        for _ in range(ROUNDS):
            for body in bodies:
                started = time.perf_counter()
                endpoint.predict_at_once(body)
                seconds.append(time.perf_counter() - started)
    print(f"{run.manifest.parameters['effort']} trees of {run.manifest.parameters['num_leaves']} leaves")
    show(Bar("One row in process, JSON to JSON, µs (median)", statistics.median(seconds) * 1e6, 60, "at most"))


if __name__ == "__main__":
    main()
