"""Whether more rows would help: the chosen candidate, trained on a part of the rows and on ever more of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.errors import NotForThisTable
from fitserve.evaluation.drawings import learning_chart
from fitserve.evaluation.predictions import Predictions
from fitserve.evaluation.sections import Made
from fitserve.faults import UnavailableError, check_time
from fitserve.messages import Message, stored
from fitserve.training.costs import CURVE_SHARES
from fitserve.training.prepare import Prepared
from fitserve.training.search import Search
from fitserve.training.trial import Trial

_FEWEST_ROWS = 20


def learning_curve(prepared: Prepared, search: Search, trial: Trial, effort: int) -> Made:
    """The score on the test part by the number of training rows, with intervals, a sentence and a chart.

    The parts lie within each other, hold whole groups where there are some, and every label at least once. Steps (the
    scale of numbers, the known levels) stay those of all training rows. Raises UnavailableError without a test part.
    """
    test, train = prepared.split.test, prepared.split.train
    if not len(test):
        raise UnavailableError(Message("unavailable.no_test_part"))
    arrays = prepared.test_arrays
    groups = prepared.units(test)
    order = _order(prepared)
    points: list[dict[str, Any]] = []
    predictions: list[Predictions] = []
    for share in CURVE_SHARES:
        rows = np.sort(order[: round(share * len(train))])
        if len(rows) < _FEWEST_ROWS:
            continue
        check_time()
        search.tell(f"learning curve, {len(rows)} rows")
        try:
            fitted = search.refit(trial, effort, rows)
        except NotForThisTable:
            continue
        each = Predictions(prepared.answerer, fitted.predict(arrays), prepared.truth[test], groups)
        metric = prepared.metric
        drawn = each.drawn(prepared.spec.seed, only=metric)
        low, high = drawn.interval(metric) or (drawn.scores[metric], drawn.scores[metric])
        points.append({"rows": len(rows), "score": drawn.scores[metric], "low": low, "high": high})
        predictions.append(each)
    if len(points) < 2:
        raise UnavailableError(Message("unavailable.few_training_rows", {"rows": len(train)}))
    note = _gain(predictions, points, prepared.metric, prepared.spec.seed)
    curve = {"points": points, "note": stored(note)}
    return Made({"learning_curve": curve}, [lambda: [learning_chart(points, prepared.metric)]])


def _order(prepared: Prepared) -> NDArray[np.intp]:
    """Training rows in the order in which they are added: one of each label first, then group by group at random."""
    train = prepared.split.train
    rng = np.random.default_rng(prepared.spec.seed)
    _, group = np.unique(prepared.groups[train], return_inverse=True)
    places = rng.permutation(int(group.max()) + 1)[group]
    order = np.argsort(places, kind="stable")
    classes = prepared.classes(train)
    if classes is None:
        return order
    _, first = np.unique(classes[order], return_index=True)
    return np.concatenate([order[first], np.delete(order, first)])


def _gain(predictions: list[Predictions], points: list[dict[str, Any]], metric: str, seed: int) -> Message:
    """Whether the last rows that were added made it better by more than chance."""
    gain = predictions[-2].better(predictions[-1], seed, metric)
    value, interval = gain.scores[metric], gain.interval(metric)
    from_to = {"before": points[-2]["rows"], "after": points[-1]["rows"]}
    figures = {**from_to, "metric": metric, "gain": value, "ends": interval}
    if value is None or interval is None or interval[0] <= 0 <= interval[1]:
        return Message("learning.flat", figures)
    better = (value > 0) == predictions[-1].metrics[metric].greater_is_better
    return Message("learning.better" if better else "learning.worse", figures)
