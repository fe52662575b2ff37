"""Classification: one of some labels, with a probability for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve import schema
from fitserve.errors import DataError
from fitserve.features.category import coded_numbers, level_counts
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.spelling import ANY_CASE, folded
from fitserve.metrics import classification_scores
from fitserve.tasks.base import Answer, Raw

Label = str | int | float | bool


_DTYPES: dict[type, Any] = {int: np.int64, float: np.float64, bool: np.bool_, str: np.object_}
_POSITIVE = schema.TRUE_WORDS | {"positive", "pos", "+", "阳性"}


@dataclass(frozen=True)
class ClassAnswerer:
    """Labels in the order of the probabilities, of the type that they had in the data; all are of one type.

    Of two labels the second is the positive one; a model then gives its probability alone. ``any_case`` says that
    labels which differ in case or blanks alone are one.
    """

    labels: Sequence[Label]
    threshold: float = 0.5
    any_case: bool = False

    @property
    def n_outputs(self) -> int:
        """One probability for two labels, else one for each."""
        return 1 if len(self.labels) == 2 else len(self.labels)

    @cached_property
    def names(self) -> list[str]:
        """The labels as JSON object keys."""
        return [_spelling(schema.Level(label) if isinstance(label, str) else label) for label in self.labels]

    def decode(self, raw: Raw) -> list[Answer]:
        """Answers with ``prediction`` and ``probabilities``."""
        if self.n_outputs == 1:
            return [self._two(row[0]) for row in raw.tolist()]
        answers = []
        for row in raw.tolist():
            best = max(range(len(row)), key=row.__getitem__)
            answers.append({"prediction": self.labels[best], "probabilities": dict(zip(self.names, row, strict=True))})
        return answers

    def _two(self, positive: float) -> Answer:
        negative_name, positive_name = self.names
        label = self.labels[1] if positive >= self.threshold else self.labels[0]
        return {
            "prediction": label,
            "probabilities": {negative_name: 1.0 - positive, positive_name: positive},
        }

    def probabilities(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        """Float64 (n, labels)."""
        wide = raw.astype(np.float64)
        return np.concatenate([1.0 - wide, wide], axis=1) if self.n_outputs == 1 else wide

    def columns(self, raw: Raw) -> dict[str, NDArray[Any]]:
        """``prediction`` and a ``probability_<label>`` for each label."""
        probabilities = self.probabilities(raw)
        if self.n_outputs == 1:
            best = (probabilities[:, 1] >= self.threshold).astype(np.intp)
        else:
            best = probabilities.argmax(axis=1)
        labels = np.array(self.labels, dtype=_DTYPES[type(self.labels[0])])
        found = {"prediction": labels[best]}
        for i, name in enumerate(self.names):
            found[f"probability_{name}"] = probabilities[:, i]
        return found

    def score(self, raw: NDArray[Any], truth: NDArray[Any], only: str = "") -> dict[str, float | None]:
        """The scores of `fitserve.metrics.classification_scores`."""
        positive = 1 if self.n_outputs == 1 else None
        return classification_scores(truth, self.probabilities(raw), positive, threshold=self.threshold, only=only)


class Classification:
    """Predict a label."""

    name: ClassVar[str] = "classification"

    def fit(self, target: Column, like: ClassAnswerer | None = None) -> ClassAnswerer:
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

    def load(self, state: dict[str, Any]) -> ClassAnswerer:
        """The answerer of a stored state."""
        answerer = ClassAnswerer(**state)
        labels = answerer.labels
        if not isinstance(labels, list) or not all(isinstance(label, (str, int, float)) for label in labels):
            raise TypeError("labels are texts, numbers, true or false")
        if len(labels) < 2 or len(set(answerer.names)) < len(labels) or not 0 <= answerer.threshold <= 1:
            raise ValueError("there are not two different labels with a threshold")
        if len({type(label) for label in labels}) > 1 or not isinstance(answerer.any_case, bool):
            raise TypeError("labels are of one type")
        return answerer

    def truth(self, target: Column, answerer: ClassAnswerer) -> NDArray[np.int64]:
        """Class indexes, -1 where missing or unknown."""
        index = {name: i for i, name in enumerate(answerer.names)}
        # A file spells True and False in its own way, a data frame has them.
        truths = {name.casefold(): i for name, i in index.items() if name.casefold() in ("true", "false")}
        if answerer.any_case:
            truths |= {folded(name): i for name, i in reversed(index.items())}
        column = coded_numbers(target) if isinstance(target, Numbers) else target

        def place(value: object) -> int:
            text = value.strip() if isinstance(value, str) else ""
            if text in index:  # a label that looks like a missing value, too
                return index[text]
            spelling = _spelling(value)
            return index.get(spelling, truths.get(folded(spelling), -1))

        return column.map(place, -1, np.int64)


def _spelling(value: object) -> str:
    try:
        return schema.read_category(value) or ""
    except ValueError:
        return ""


def _labels(target: Column) -> tuple[list[Label], list[int]]:
    """The labels in order and how often each occurs; as texts where they are of several types, or beyond 64 bits."""
    column = coded_numbers(target) if isinstance(target, Numbers) else target
    counts = level_counts(column)
    typed: dict[str, Label] = {}
    for value in column.levels:
        name = _spelling(value)
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
