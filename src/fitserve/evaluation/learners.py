"""The learners of one training beside each other, on the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitserve.evaluation.predictions import Predictions
from fitserve.evaluation.vega import Chart, interval_chart
from fitserve.messages import AnyMessage, Message
from fitserve.metrics.interval import difference

_DRAWS = 200


def compare_learners(predictions: Mapping[str, Predictions], metric: str, seed: int) -> list[dict[str, Any]]:
    """The score of each learner's best candidate, and its difference from the best one's, with paired intervals.

    ``within_chance`` says that the interval of the difference holds zero. Learners without the score are left out.
    """
    drawn = {name: each.drawn(seed, _DRAWS, metric) for name, each in predictions.items()}
    known = {name: value for name, each in drawn.items() if (value := each.scores.get(metric)) is not None}
    order = sorted(known, key=lambda name: predictions[name].metrics[metric].loss(known[name]))
    found = []
    for name in order:
        entry: dict[str, Any] = {"learner": name, "score": known[name], "interval": drawn[name].interval(metric)}
        if name != order[0]:
            behind = difference(drawn[order[0]], drawn[name])
            interval = behind.interval(metric)
            entry |= {"difference": behind.scores[metric], "difference_interval": interval}
            entry["within_chance"] = interval is None or interval[0] <= 0 <= interval[1]
        found.append(entry)
    return found


def learners_chart(found: Sequence[Mapping[str, Any]], metric: str, validation: AnyMessage) -> Chart:
    """The learners' scores with their intervals."""
    values = []
    for each in found:
        low, high = each["interval"] or (each["score"], each["score"])
        values.append({"what": each["learner"], "value": each["score"], "low": low, "high": high})
    note = Message("chart.learners.note", {"on": validation})
    return interval_chart(("learners", Message("chart.learners"), note), values, metric, zero=False)
