"""What the second fit, on all rows, is worth on rows that come later or from another file.

Each table with a test file, a given split or an order in time is trained once; the model that was evaluated and the one
that was fitted again on all rows answer the held-out rows. Beside them stand, for three tables, the boosters with
their library defaults, which learn from all rows, too. ``python -m benchmarks.refit [SECONDS] [TABLE...]`` takes some
15 minutes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.boosters import BOOSTERS, Case, Features
from benchmarks.boosters import LEAK as BIKE_LEAK
from benchmarks.report import Bar, show
from benchmarks.tables import Benchmark, frames
from fitserve.evaluation.evaluate import evaluate_part, examples_in
from fitserve.evaluation.reading import Reading
from fitserve.models.base import choose_learners
from fitserve.prediction import Predictor, load
from fitserve.schema import Field
from fitserve.training.choosing import choose
from fitserve.training.package import package
from fitserve.training.prepare import prepare
from fitserve.training.progress import Clock, silent
from fitserve.training.search import Search
from fitserve.training.spec import Spec

TABLES = (
    Benchmark("adult", "adult/train.csv.gz", "income", "adult/test.csv.gz"),
    Benchmark("titanic", "titanic/train.csv.gz", "Survived", "titanic/test.csv.gz"),
    Benchmark("california_housing", "california_housing/data.csv.gz", "median_house_value"),
    Benchmark("bike_sharing_hourly", "bike_sharing_hourly/data.csv.gz", "cnt"),
    Benchmark("metro_traffic", "metro_traffic/data.csv.gz", "traffic_volume"),
    Benchmark("mammography", "mammography/data.csv.gz", "anomaly"),
    Benchmark("banking77", "banking77/train.csv.gz", "category", "banking77/test.csv.gz"),
    Benchmark("financial_phrasebank", "financial_phrasebank/data.csv.gz", "label"),
    Benchmark("ag_news_small", "ag_news_small/data.csv.gz", "label"),
    Benchmark("chnsenticorp", "chnsenticorp/train.csv.gz", "label", "chnsenticorp/test_no_copies.csv.gz"),
    Benchmark("tnews", "tnews/train.csv.gz", "label_zh", "tnews/test.csv.gz"),
    Benchmark("zh_financial_news", "zh_financial_news/data.csv.gz", "label"),
    Benchmark("simclue_pairs", "simclue_pairs/data.csv.gz", "label"),
)
BESIDE_BOOSTERS = ("california_housing", "bike_sharing_hourly", "metro_traffic")
LEAK = [*BIKE_LEAK, "keywords"]


def played(table: Benchmark, budget: float) -> float:
    """Train, evaluate both models, print a line; by which share of its error the second fit is better."""
    train, test = frames(table)
    left_out = [*LEAK, *(["label"] if table.target == "label_zh" else [])]
    train, test = (each.drop(left_out, strict=False).drop_nulls(table.target) for each in (train, test))
    clock = Clock(budget)
    prepared = prepare(train, Spec(table.target, budget=budget))
    search = Search(prepared, choose_learners(None), clock, silent)
    search.run()
    choice = choose(search, silent)
    metric = prepared.metric
    with tempfile.TemporaryDirectory() as folder:
        packaged = package(Path(folder), search, choice)
        predictors = {"evaluated": packaged.predictor, "all rows": load(Path(folder))}
        scores = {name: _score(each, test, metric) for name, each in predictors.items()}
    evaluated, served = (value if value is not None else float("nan") for value in scores.values())
    beside = boosters(table, train, test, prepared.fields) if table.name in BESIDE_BOOSTERS else {}
    note = "".join(f", {name} {value:.5g}" for name, value in beside.items())
    greater = prepared.answerer.metrics[metric].greater_is_better
    errors = (1 - evaluated, 1 - served) if greater else (evaluated, served)
    gain = 1 - errors[1] / errors[0]
    which = choice.evaluated.trial.learner + ("" if choice.refitted else ", not fitted again")
    print(
        f"{table.name:22} {metric:9} evaluated {evaluated:.5g}, fitted again on all rows {served:.5g} "
        f"({gain:+.1%} of the error){note}; {which}, {len(prepared.split.train):,} and {len(train):,} rows",
        flush=True,
    )
    return gain


def _score(predictor: Predictor, test: pl.DataFrame, metric: str) -> float | None:
    part = evaluate_part(Reading(predictor), examples_in(predictor, test))
    return predictor.answerer.score(part.raw, part.truth)[metric]


def boosters(table: Benchmark, train: pl.DataFrame, test: pl.DataFrame, fields: list[Field]) -> dict[str, float]:
    """The root mean squared errors of the boosters with their defaults."""
    features = Features([field for field in fields if field.used], train)
    case = Case(train, test, table.target, 0.0, 2)
    wanted, truth = (each[table.target].cast(pl.Float64).to_numpy() for each in (train, test))
    found = {}
    for name, booster in BOOSTERS.items():
        values = booster(features, case, wanted, 0)
        if values is not None:
            found[name] = float(np.sqrt(np.mean((values - truth) ** 2)))
    return found


def main() -> None:
    """Play all tables."""
    budget = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    tables = [table for table in TABLES if len(sys.argv) < 3 or table.name in sys.argv[2:]]
    gains = [played(table, budget) for table in tables]
    show(Bar("Mean gain of the second fit, share of the error", float(np.mean(gains)), 0.0, "at least"))


if __name__ == "__main__":
    main()
