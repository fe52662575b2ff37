"""Whether every learner answers as a graph, in Python, in bulk and over HTTP as it did when trained.

On all held-out rows of the benchmark tables and on hostile ones. ``python -m benchmarks.parity``
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

import httpx
import numpy as np
import polars as pl

from benchmarks.fixed_model import Recipe, make
from benchmarks.report import Bar, show
from benchmarks.tables import TABLES, Benchmark, frames
from fitserve.data.understanding.series import column_of_series
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Learner, candidates_of, get_learners
from fitserve.prediction import Predictor
from fitserve.store import Workspace
from fitserve.training.export import hostile_arrays
from fitserve.training.prepare import Prepared, prepare
from fitserve.training.spec import Spec

# Trees, rounds, epochs, blocks of iterations; 1 for all others.
EFFORT = dict.fromkeys(["lightgbm", "xgboost", "catboost"], 150) | dict.fromkeys(["forest", "extra_trees"], 60)
EFFORT |= {"mlp": 5, "logistic": 2, "lasso": 2, "elastic_net": 2}
HTTP_ROWS, BATCHES = 60, (2, 7, 32)


def main() -> None:
    """Compare and print the largest difference of all."""
    worst, wrong_bits = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(folder)
        served: dict[str, pl.DataFrame] = {}
        for table in TABLES:
            train, test = frames(table)
            prepared = prepare(train, Spec(table.target))
            for learner in get_learners().values():
                found = _one(table, prepared, learner, test)
                if found is None:
                    continue
                worst = max(worst, *found)
                name = f"{table.name}-{learner.name}".replace("_", "-")
                recipe = Recipe(learner.name, EFFORT.get(learner.name, 1), candidates_of(learner, prepared.shape)[0])
                predictor = make(workspace, name, train, table.target, recipe).predictor()
                wrong_bits += _python_and_bulk(predictor, test.drop(table.target).head(3000))
                served[name] = test.drop(table.target).head(HTTP_ROWS)
                print(f"{name:32} held-out {found[0]:.2g}, hostile {found[1]:.2g}", flush=True)
        wrong_bits += _http(folder, served)
    show(
        Bar("Parity: largest difference, in probability or in deviations of the target", worst, 1e-5, "at most"),
        Bar("Rows whose bits differ between Python, bulk and HTTP, any batch size", wrong_bits, 0, "at most"),
    )


def _one(table: Benchmark, prepared: Prepared, learner: Learner, test: pl.DataFrame) -> tuple[float, float] | None:
    """The largest differences on held-out and on hostile rows; None if the learner steps aside."""
    del table
    try:
        parameters = candidates_of(learner, prepared.shape)[0]
    except NotForThisTable:
        return None
    truth = prepared.truth[prepared.split.train]
    context = Context(prepared.shape, effort=EFFORT.get(learner.name, 1), threads=2)
    fitted = learner.fit(prepared.arrays, truth, parameters, context)
    exported = fitted.export()
    kinds = {field.name: field.kind for field in prepared.fields if field.used}
    columns = {name: column_of_series(test[name], kind) for name, kind in kinds.items()}
    held_out = prepared.encoder.columns(columns, test.height)
    from fitserve.prediction.session import Session

    session = Session(exported.graph, exported.model)
    differences = [
        float(np.abs(fitted.predict(arrays) - session.run(arrays)).max())
        for arrays in (held_out, hostile_arrays(prepared.arrays, exported))
    ]
    return differences[0], differences[1]


def _python_and_bulk(predictor: Predictor, rows: pl.DataFrame) -> int:
    """How many rows have other bits when predicted one by one than as a table."""
    kinds = {field.name: field.kind for field in predictor.manifest.schema() if field.used}
    columns = {name: column_of_series(rows[name], kind) for name, kind in kinds.items()}
    whole = predictor.answerer.decode(predictor.raw_columns(columns, rows.height))
    return sum(predictor.answer(row)[0] != answer for row, answer in zip(rows.to_dicts(), whole, strict=True))


def _http(workspace: str, served: dict[str, pl.DataFrame]) -> int:
    """How many rows have other bits over HTTP, alone and in batches, than in Python."""
    from fitserve import load

    command = [sys.executable, "-m", "fitserve", "--workspace", workspace, "serve", *served, "--port", "0", "--json"]
    wrong = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        said = ""
        assert server.stdout is not None
        while "}\n" not in said or not _is_json(said):
            said += server.stdout.readline()
        with httpx.Client(base_url=json.loads(said)["url"], timeout=60) as client:
            for name, frame in served.items():
                rows = frame.to_dicts()
                expected = [answer["prediction"] for answer in load(name, workspace=workspace).predict(rows)]
                path = f"/models/{name}/predict"
                alone = [client.post(path, json=row).json()["prediction"] for row in rows]
                wrong += sum(a != b for a, b in zip(alone, expected, strict=True))
                for size in BATCHES:
                    found: list[Any] = []
                    for start in range(0, len(rows), size):
                        body = {"instances": rows[start : start + size]}
                        found += client.post(path, json=body).json()["predictions"]
                    wrong += sum(a != b for a, b in zip(found, expected, strict=True))
        server.terminate()
    return wrong


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    main()
