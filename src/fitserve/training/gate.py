"""Whether a new version is better than the champion, on rows that neither has learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fitserve.data.few_rows import SMALL_TABLE
from fitserve.errors import FitserveError, in_a_line
from fitserve.evaluation.in_common import in_common, label_notes
from fitserve.evaluation.predictions import Predictions
from fitserve.evaluation.seen import seen_by
from fitserve.formatting import number, with_interval
from fitserve.prediction.named import Named
from fitserve.training.prepare import Prepared


@dataclass(frozen=True)
class Passed:
    """Whether a new version takes the champion's place, and why, in a sentence."""

    promote: bool
    note: str


def passes(new: Named, predictions: Predictions, prepared: Prepared, champion: Named) -> Passed:
    """Compare a new version with the champion on new rows of the test part, by its sibling's predictions.

    The champion has learned from most rows of an older table; of those that it has not, the sibling has seen none.
    """
    old, own = champion.predictor.manifest, new.predictor.manifest
    if (old.task, old.target) != (own.task, own.target):
        return Passed(False, f"not promoted: {champion.name} predicts {old.predicts!r} ({old.task})")
    try:
        return _passes(new, predictions, prepared, champion)
    except FitserveError as error:
        return Passed(False, f"not promoted: {champion.name} cannot be asked about the test part ({in_a_line(error)})")


def _passes(new: Named, predictions: Predictions, prepared: Prepared, champion: Named) -> Passed:
    predictor, seen = champion.predictor, seen_by(champion)
    if seen is None:
        why = f"which rows {champion.name} has learned from is not known, for it was imported, or trained before 0.2"
        return Passed(False, f"not promoted: {why}; {_compare(new, champion)}")
    rows = prepared.split.test
    table, target = prepared.test_part_for(predictor)
    truth = predictor.answerer.truth(target)
    unseen = np.flatnonzero(~seen.among(predictor.encoder.columns(table, len(rows)), truth))
    if len(unseen) < SMALL_TABLE:
        few = f"{len(unseen)} of the {len(rows)} rows of the test part are new to {champion.name}, too few to compare"
        return Passed(False, f"not promoted: {few}; {_compare(new, champion)}")
    raw = predictor.raw_columns(table, len(rows))
    both = in_common(champion, new, (raw[unseen], predictions.raw[unseen]), [target], unseen)
    groups = None if predictions.groups is None else predictions.groups[unseen]
    before, after = Predictions(*both.first, both.truth, groups), Predictions(*both.second, both.truth, groups)
    metric = prepared.metric
    if metric not in before.scores:
        metric = before.answerer.default_metric()
    gain = before.better(after, prepared.spec.seed, metric)
    difference = gain.scores[metric]
    better = difference is not None and difference != 0 and (difference > 0) == before.metrics[metric].greater_is_better
    on = f"on {len(unseen)} rows that neither has learned from"
    scores = f"{metric} is {number(after.scores[metric])}, that of {champion.name} {number(before.scores[metric])}"
    note = f"{scores} {on} (difference {with_interval(difference, gain.interval(metric))})"
    labels = "".join(f"; {each}" for each in label_notes(both, (champion.name, new.name)))
    return Passed(better, f"{'promoted' if better else 'not promoted'}: {note}{labels}")


def _compare(new: Named, champion: Named) -> str:
    return f"compare them on rows that neither has seen: fitserve compare {champion.name} {new.name} DATA"
