"""Which labels a target has, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fitserve import schema
from fitserve.errors import DataError
from fitserve.features.category import coded_numbers, level_counts
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.spelling import ANY_CASE
from fitserve.tasks.classification.answerer import ClassAnswerer, Label, spelled

_POSITIVE = schema.TRUE_WORDS | {"positive", "pos", "+", "阳性"}


def fit_labels(target: Column, like: ClassAnswerer | None = None) -> ClassAnswerer:
    """The labels of a target; raises DataError for fewer than two, or if none occurs twice.

    Where ``like`` has the same ones, they keep its order: the positive class stays what it is.
    """
    labels, counts = _labels(target)
    if not labels:
        raise DataError("all values of the target are missing; there is nothing to learn")
    if len(labels) == 1:
        raise DataError(f"the target has one value only ({labels[0]!r}); there is nothing to tell apart")
    if max(counts) == 1 and len(labels) > 2:
        raise DataError(
            f"the target has {len(labels)} labels and each occurs once; "
            "nothing can be learned (is it an identifier? for numbers use --task regression)"
        )
    if like is not None and set(labels) == set(like.labels):
        return like
    if len(labels) == 2 and _first_is_positive(labels, counts):
        labels.reverse()
    return ClassAnswerer(labels, any_case=isinstance(target, Coded) and target.spelling == ANY_CASE)


def _labels(target: Column) -> tuple[list[Label], list[int]]:
    """The labels in order and how often each occurs; as texts where they are of several types, or beyond 64 bits."""
    column = coded_numbers(target) if isinstance(target, Numbers) else target
    counts = level_counts(column)
    typed: dict[str, Label] = {}
    for value in column.levels:
        name = spelled(value)
        if name in counts:
            typed.setdefault(name, _typed(value, name))
    types = {type(label) for label in typed.values()}
    if types == {int, float}:
        typed = {name: float(label) for name, label in typed.items()}
    elif len(types) > 1 or any(isinstance(label, int) and abs(label) >= 2**63 for label in typed.values()):
        typed = {name: name for name in typed}
    names = sorted(typed, key=lambda name: _sortable(typed[name]))
    return [typed[name] for name in names], [counts[name] for name in names]


def _typed(value: object, name: str) -> Label:
    """The label in the JSON type of the data: whole floats come from integer columns."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, float, np.number)):
        return int(name) if name.lstrip("-").isdigit() else float(name)
    return name


def _sortable(label: Label) -> Any:
    return label


def _first_is_positive(labels: Sequence[Label], counts: Sequence[int]) -> bool:
    """Whether the first of two labels is the event of interest: the one that says yes, else the rarer one.

    Of -1 and 1, as of 0 and 1, it is 1.
    """
    said = [isinstance(label, str) and label.casefold() in _POSITIVE for label in labels]
    if said[0] != said[1]:
        return said[0]
    if set(labels) in ({0, 1}, {-1, 1}):
        return labels[0] == 1
    return counts[0] < counts[1]
