"""Two models in the terms of one: the same order of labels, with those that only one of them knows; the same unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.features.column import Column
from fitserve.prediction.named import Named
from fitserve.tasks import Answerer, get_task
from fitserve.tasks.classification import ClassAnswerer

Answered = tuple[Answerer, NDArray[Any]]
_MOST_NAMED = 5


@dataclass(frozen=True)
class InCommon:
    """What two models say to the same rows, each with an answerer that means the same, and the truth for both.

    ``unknown`` rows have a label that neither knows. ``told`` names the labels that only one knows, and what it costs.
    """

    a: Answered
    b: Answered
    truth: NDArray[Any]
    unknown: int = 0
    told: list[str] = field(default_factory=list)


def in_common(
    a: Named, b: Named, raws: tuple[NDArray[Any], NDArray[Any]], targets: Sequence[Column], rows: NDArray[np.intp]
) -> InCommon:
    """The raw outputs of two models for some ``rows`` of the ``targets``, columns one behind the other."""
    task = get_task(a.predictor.manifest.task)
    own, other = a.predictor.answerer, b.predictor.answerer
    if not isinstance(own, ClassAnswerer) or not isinstance(other, ClassAnswerer):
        truth = np.concatenate([task.truth(column, own) for column in targets])[rows]
        answerer: Any = own
        values = other.columns(raws[1])["prediction"]
        raw = raws[1] if own == other else np.asarray((values - answerer.offset) / answerer.scale)[:, None]
        return InCommon((own, raws[0]), (own, raw), truth)
    if sorted(own.names) == sorted(other.names):
        truth = np.concatenate([task.truth(column, own) for column in targets])[rows]
        return InCommon((own, raws[0]), _reordered(own, other, raws[1]), truth, int((truth < 0).sum()))
    labels = {name: label for each in (own, other) for name, label in zip(each.names, each.labels, strict=True)}
    types = {type(label) for label in labels.values()}
    union = ClassAnswerer(
        list(labels.values()) if len(types) == 1 else list(labels), any_case=own.any_case or other.any_case
    )
    truth = np.concatenate([task.truth(column, union) for column in targets])[rows]
    told = [
        sentence
        for named, each in ((a, own), (b, other))
        for sentence in _unknown_labels(named.name, union.names, each.names, truth)
    ]
    return InCommon(
        (union, _widened(union, own, raws[0])), (union, _widened(union, other, raws[1])), truth,
        int((truth < 0).sum()), told,
    )  # fmt: skip


def _reordered(own: ClassAnswerer, other: ClassAnswerer, raw: NDArray[Any]) -> Answered:
    """The outputs of one model in the other's order of the same labels."""
    if own.names == other.names:
        return other, raw
    if own.n_outputs == 1:
        return replace(own, threshold=1 - other.threshold), 1 - raw
    return own, raw[:, [other.names.index(name) for name in own.names]]


def _widened(union: ClassAnswerer, own: ClassAnswerer, raw: NDArray[Any]) -> NDArray[Any]:
    """Probabilities for more labels: none for those that the model does not know."""
    wide = np.zeros((len(raw), len(union.names)))
    wide[:, [union.names.index(name) for name in own.names]] = own.probabilities(raw)
    return wide


def _unknown_labels(name: str, every: Sequence[str], known: Sequence[str], truth: NDArray[Any]) -> list[str]:
    """What it costs a model not to know some labels."""
    lacking = [label for label in every if label not in known]
    if not lacking:
        return []
    n = int(np.isin(truth, [every.index(label) for label in lacking]).sum())
    shown = ", ".join(map(repr, lacking[:_MOST_NAMED])) + (", …" if len(lacking) > _MOST_NAMED else "")
    what = "label" if len(lacking) == 1 else "labels"
    return [f"{name} does not know the {what} {shown}: {n:,} of {len(truth):,} rows have it, and count as wrong for it"]
