"""A million rows of adult from Parquet to Parquet beside onnxruntime alone on ready arrays, in one run.

``python -m benchmarks.bulk``
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl

from benchmarks.fixed_model import PLAIN_TREES, Recipe, make
from benchmarks.report import Bar, show
from benchmarks.tables import TABLES, frames
from fitserve.data.understanding.series import column_of_series
from fitserve.evaluation.bulk import predict_file
from fitserve.store import Workspace

ROWS, ROUNDS = 1_000_000, 5


def main() -> None:
    """Measure both in turn and print the median of the ratios."""
    train, test = frames(TABLES[0])
    with tempfile.TemporaryDirectory() as folder:
        run = make(Workspace.open(folder), "adult", train, "income", Recipe("lightgbm", 200, PLAIN_TREES))
        predictor = run.predictor()
        numbers = [field.name for field in predictor.manifest.schema() if field.kind == "number"]
        rows = test.drop("income").sample(ROWS, with_replacement=True, seed=0)
        rows = rows.with_columns([pl.col(name).cast(pl.Int64) for name in numbers])
        source, output = Path(folder) / "rows.parquet", Path(folder) / "scored.parquet"
        rows.write_parquet(source)
        kinds = {field.name: field.kind for field in predictor.manifest.schema() if field.used}
        columns = {name: column_of_series(rows[name], kind) for name, kind in kinds.items()}
        matrix = predictor.encoder.columns(columns, ROWS).merged()
        model = (run.folder / "model.onnx").read_bytes()
        alone = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(_seconds(lambda: alone.run(None, {"dense": matrix})))
            ours.append(_seconds(lambda: predict_file(predictor, source, output)))
        assert np.isfinite(pl.read_parquet(output)["probability_>50K"].to_numpy()).all()
        assert pl.read_parquet(output).height == ROWS
    print(f"onnxruntime alone {statistics.median(theirs):.2f} s, Parquet to Parquet {statistics.median(ours):.2f} s")
    ratio = statistics.median(t / o for t, o in zip(theirs, ours, strict=True))
    show(Bar("Bulk: speed of Parquet to Parquet against onnxruntime alone", ratio, 0.5, "at least"))


def _seconds(work: object) -> float:
    assert callable(work)
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
