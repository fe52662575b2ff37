"""What a training has to show for its model: rows that it has not seen, and what was said about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fitserve.evaluation.case import MOST_ROWS, Case
from fitserve.evaluation.learners import compare_learners, learners_chart
from fitserve.evaluation.predictions import Predictions
from fitserve.evaluation.probe import MOST_ROWS as MOST_ASKED
from fitserve.evaluation.probe import Probe
from fitserve.evaluation.sections import Made
from fitserve.messages import AnyMessage, Message
from fitserve.prediction import Predictor
from fitserve.prediction.session import Session
from fitserve.training.prepare import Prepared
from fitserve.training.search import Search
from fitserve.training.trial import Trial

Scores = dict[str, float | None]
_SEEN = Message("asked_of_seen")


@dataclass(frozen=True)
class HoldoutEvaluation:
    """The scores of a model and of the baseline, and the rows that they come from, by their place in the table.

    ``predictions`` are the model's outputs for them, ``prior`` the baseline's.
    """

    scores: Scores
    baseline: Scores
    on: AnyMessage
    rows: NDArray[np.intp]
    predictions: Predictions
    prior: Predictions
    held_out: bool


def evaluate_holdout(prepared: Prepared, search: Search, trial: Trial, session: Session) -> HoldoutEvaluation:
    """Score what will be served on the test part, or, where there is none, what the search said of held-out rows."""
    prior = search.best_of("baseline")
    test = prepared.split.test
    if not len(test):
        rows = prepared.split.train[search.folds.held]
        flattered = 0.0 if trial is prior else search.best_by_chance.mean
        predictions, beside = replace(search.held_out(trial), flattered=flattered), search.held_out(prior)
        scores, baseline = dict(trial.scores), dict(prior.scores)
        return HoldoutEvaluation(scores, baseline, search.validation, rows, predictions, beside, held_out=False)
    arrays = prepared.test_arrays
    truth = prepared.truth[test]
    predictions = Predictions(prepared.answerer, session.run(arrays), truth, prepared.units(test))
    beside = replace(predictions, raw=search.refit(prior, 1).predict(arrays))
    scores, baseline = (prepared.answerer.score(each.raw, truth) for each in (predictions, beside))
    return HoldoutEvaluation(scores, baseline, Message("test_part"), test, predictions, beside, held_out=True)


def verdict(prepared: Prepared, search: Search, trial: Trial, holdout: HoldoutEvaluation) -> list[Message]:
    """What to say where a model is no better than the answer without learning, or by no more than chance."""
    if trial.learner == "baseline":
        in_vain = len(search.trials) > 1 and search.ranked()[0] is trial
        return [Message("nothing_learned")] if in_vain else []
    metric = prepared.metric
    predictions, prior = holdout.predictions.finite(holdout.prior), holdout.prior.finite(holdout.predictions)
    # Where nobody can tell, the scores show it.
    if predictions.is_better(prior, metric, prepared.spec.seed) is not False:
        return []
    found = {"metric": metric, "score": holdout.scores[metric], "baseline": holdout.baseline[metric]}
    return [Message("may_be_chance", {"on": holdout.on, **found})]


def case_of(prepared: Prepared, holdout: HoldoutEvaluation, predictor: Predictor, graph_bytes: int) -> Case:
    """What a report is made of."""
    predictions, rows = holdout.predictions, holdout.rows
    kept = _drawn(len(rows), MOST_ROWS, prepared.spec.seed)
    if holdout.held_out:
        sample = Probe(predictor, prepared.part(rows[kept]), predictions.take(kept))
        asked, note = sample.sample(MOST_ASKED, prepared.spec.seed), None
    else:
        seen = prepared.split.train[_drawn(len(prepared.split.train), MOST_ASKED, prepared.spec.seed)]
        table = prepared.part(seen)
        raw = predictor.raw_columns(table, len(seen))
        sample = Probe(predictor, prepared.part(rows[kept]), predictions.take(kept))
        asked, note = Probe(predictor, table, Predictions(prepared.answerer, raw, prepared.truth[seen])), _SEEN
    seed, on = prepared.spec.seed, holdout.on
    return Case(
        predictor, predictions, on, seed, holdout.baseline, sample.table, sample.predictions, graph_bytes, asked, note
    )


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
