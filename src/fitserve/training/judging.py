"""What a training has to show for its model: rows that it has not seen, and what was said about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fitserve.evaluation.case import MOST_ROWS, Case
from fitserve.evaluation.judged import Judged
from fitserve.evaluation.learners import compare_learners, learners_chart
from fitserve.evaluation.probe import MOST_ROWS as MOST_ASKED
from fitserve.evaluation.probe import Probe
from fitserve.evaluation.sections import Made
from fitserve.prediction import Predictor
from fitserve.prediction.session import Session
from fitserve.training.prepare import Prepared
from fitserve.training.search import Search, Trial

Scores = dict[str, float | None]
_SEEN = (
    "There is no test part, so this is asked of rows that the model has seen: it tells what it relies on, not how well."
)


@dataclass(frozen=True)
class Judgement:
    """The scores of a model and of the baseline, and the rows that they come from, by their place in the table."""

    scores: Scores
    baseline: Scores
    on: str
    rows: NDArray[np.intp]
    judged: Judged
    held_out: bool


def judge(prepared: Prepared, search: Search, trial: Trial, session: Session) -> Judgement:
    """Score what will be served on the test part, or, where there is none, what the search said of held-out rows."""
    prior = search.best_of("baseline")
    test = prepared.split.test
    if not len(test):
        rows, judged = prepared.split.train[search.held_out_rows], search.held_out(trial)
        return Judgement(dict(trial.scores), dict(prior.scores), search.validation, rows, judged, held_out=False)
    arrays = prepared.encoder.columns(prepared.part(test), len(test))
    truth = prepared.truth[test]
    groups = prepared.groups[test] if prepared.spec.group else None
    judged = Judged(prepared.answerer, session.run(arrays), truth, groups)
    scores = prepared.answerer.score(judged.raw, truth)
    baseline = prepared.answerer.score(search.refit(prior, 1).predict(arrays), truth)
    return Judgement(scores, baseline, "the test part", test, judged, held_out=True)


def case_of(prepared: Prepared, judgement: Judgement, predictor: Predictor, graph_bytes: int) -> Case:
    """What a report is made of."""
    judged, rows = judgement.judged, judgement.rows
    kept = _drawn(len(rows), MOST_ROWS, prepared.spec.seed)
    if judgement.held_out:
        sample = Probe(predictor, prepared.part(rows[kept]), judged.take(kept))
        asked, note = sample.sample(MOST_ASKED, prepared.spec.seed), ""
    else:
        seen = prepared.split.train[_drawn(len(prepared.split.train), MOST_ASKED, prepared.spec.seed)]
        table = prepared.part(seen)
        raw = predictor.raw_columns(table, len(seen))
        sample = Probe(predictor, prepared.part(rows[kept]), judged.take(kept))
        asked, note = Probe(predictor, table, Judged(prepared.answerer, raw, prepared.truth[seen])), _SEEN
    seed, on = prepared.spec.seed, judgement.on
    return Case(
        predictor, judged, on, seed, judgement.baseline, sample.table, sample.judged, graph_bytes, asked, note
    )  # fmt: skip


def learners_of(prepared: Prepared, search: Search) -> Made:
    """The learners beside each other, with their chart; nothing where only the baseline was tried."""
    names: Sequence[str] = list(dict.fromkeys(trial.learner for trial in search.trials))
    if len(names) < 2:
        return Made({"learners": []})
    outputs = {name: search.held_out(search.best_of(name)) for name in names}
    found = compare_learners(outputs, prepared.metric, prepared.spec.seed)
    draw = partial(learners_chart, found, prepared.metric, search.validation)
    return Made({"learners": found}, [lambda: [draw()]] if found else [])


def _drawn(n: int, most: int, seed: int) -> NDArray[np.intp]:
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
