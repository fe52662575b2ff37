"""How good the chosen models are, and how much better the best of the tried learners would have been.

Every table trains as by ``fitserve train FILE --target T``; the best candidate of every learner is then fitted
again and evaluated on rows that nothing has seen. ``python -m benchmarks.quality [SECONDS]``
"""

from __future__ import annotations

import statistics
import sys

import polars as pl

from benchmarks.report import Bar, show
from benchmarks.tables import TABLES, Benchmark, frames
from fitserve.data.understanding.series import column_of_series
from fitserve.models.base import choose_learners
from fitserve.training.prepare import Prepared, prepare
from fitserve.training.progress import Clock, silent
from fitserve.training.search import Search
from fitserve.training.spec import Spec
from fitserve.training.trial import Trial


def main() -> None:
    """Train, evaluate, print."""
    budget = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    regrets = []
    adult = 0.0
    for table in TABLES:
        train, test = frames(table)
        clock = Clock(budget)
        prepared = prepare(train, Spec(table.target, budget=budget))
        search = Search(prepared, choose_learners(None), clock, silent)
        search.run()
        scores = {name: _score(prepared, search, trial, table, test) for name, trial in _best(search).items()}
        chosen = search.ranked()[0].learner
        losses = {name: prepared.answerer.metrics[prepared.metric].loss(value) for name, value in scores.items()}
        scale = losses["baseline"] - min(losses.values())
        regrets.append((losses[chosen] - min(losses.values())) / scale if scale > 0 else 0.0)
        note = ", ".join(
            f"{name} {value:.4f}" for name, value in sorted(scores.items(), key=lambda item: losses[item[0]])
        )
        print(f"{table.name:20} {prepared.metric}: chosen {chosen}; {note}; regret {regrets[-1]:.2%}", flush=True)
        adult = scores[chosen] if table.name == "adult" else adult
    show(
        Bar("adult, ROC AUC on the official test file", adult, 0.925, "at least"),
        Bar(
            "Regret against the best of the learners, share of baseline to best",
            statistics.mean(regrets),
            0.01,
            "at most",
        ),
    )


def _best(search: Search) -> dict[str, Trial]:
    """The best trial of each learner, by validation."""
    best: dict[str, Trial] = {}
    for trial in search.ranked():
        best.setdefault(trial.learner, trial)
    return best


def _score(prepared: Prepared, search: Search, trial: Trial, table: Benchmark, test: pl.DataFrame) -> float:
    """The metric of a trial's candidate, fitted on all training rows, on the held-out rows."""
    kinds = {field.name: field.kind for field in prepared.fields if field.used}
    columns = {name: column_of_series(test[name], kind) for name, kind in kinds.items()}
    truth = prepared.answerer.truth(prepared.task.column_for(prepared.answerer, test[table.target]))
    fitted = search.refit(trial, trial.effort)
    value = prepared.answerer.score(fitted.predict(prepared.encoder.columns(columns, test.height)), truth)[
        prepared.metric
    ]
    assert value is not None
    return value


if __name__ == "__main__":
    main()
