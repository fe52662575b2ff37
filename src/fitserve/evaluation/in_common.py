"""Two models in the terms of one: the same order of labels, with those that only one of them knows; the same unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.evaluation.task import InCommon, task_evaluation
from fitserve.features.column import Column, take
from fitserve.prediction.named import Named


def in_common(
    a: Named, b: Named, raws: tuple[NDArray[Any], NDArray[Any]], targets: Sequence[Column], rows: NDArray[np.intp]
) -> InCommon:
    """The raw outputs of two models for some ``rows`` of the ``targets``, columns one behind the other."""
    answerers = [named.predictor.answerer for named in (a, b)]
    ends = np.cumsum([0, *map(len, targets)])
    parts = [
        take(column, rows[(rows >= start) & (rows < start + len(column))] - start)
        for column, start in zip(targets, ends, strict=False)
    ]
    task = task_evaluation(a.predictor.manifest.task)
    return task.in_common((answerers[0], raws[0]), (answerers[1], raws[1]), parts)


def label_notes(found: InCommon, names: Sequence[str]) -> list[str]:
    """What each of two models does not know, and what it costs, a sentence for each."""
    return [f"{names[place]} {note}" for place, note in found.notes]
