"""Labels: how they are read, answered, scored and spoken of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve import schema
from fitserve.errors import SpecError
from fitserve.features.category import coded_numbers
from fitserve.features.column import Column, Numbers
from fitserve.features.spelling import folded
from fitserve.messages import AnyMessage, Message
from fitserve.metrics import Metric, classification_scores
from fitserve.tasks.base import Answer, Json, Raw, RowRequest, Scored
from fitserve.tasks.classification.metrics import MACRO, METRICS
from fitserve.tasks.classification.words import MESSAGES, PARTS

Label = str | int | float | bool

TOLERANCE = 1e-5
_DTYPES: dict[type, Any] = {int: np.int64, float: np.float64, bool: np.bool_, str: np.object_}
_MOST_NAMED = 10


@dataclass(frozen=True)
class ClassAnswerer(RowRequest):
    """Labels in the order of the probabilities, of the type that they had in the data; all are of one type.

    Of two labels the second is the positive one; a model then gives its probability alone. ``any_case`` says that
    labels which differ in case or blanks alone are one.
    """

    labels: Sequence[Label]
    threshold: float = 0.5
    any_case: bool = False
    task: ClassVar[str] = "classification"
    spoken: ClassVar[str] = "accuracy"
    metrics: ClassVar[Mapping[str, Metric]] = METRICS

    @property
    def n_outputs(self) -> int:
        """One probability for two labels, else one for each."""
        return 1 if len(self.labels) == 2 else len(self.labels)

    @cached_property
    def names(self) -> list[str]:
        """The labels as JSON object keys."""
        return [spelled(schema.Level(label) if isinstance(label, str) else label) for label in self.labels]

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

    def wrap(self, answers: Sequence[Answer]) -> Json:
        """``predictions`` and ``probabilities``."""
        members: Json = {"predictions": [answer["prediction"] for answer in answers]}
        if answers:
            members["probabilities"] = [answer["probabilities"] for answer in answers]
        return members

    def answer_schema(self, *, many: bool) -> Json:
        """One of the labels, and a share for each."""
        label: Json = {"enum": list(self.labels)}
        shares: Json = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}}
        if many:
            label, shares = ({"type": "array", "items": each} for each in (label, shares))
        return {"probabilities": shares, "predictions" if many else "prediction": label}

    def disagreement(self, answer: Answer, recorded: Mapping[str, Any]) -> str:
        """Probabilities agree within 1e-5; a label may differ where its probability ties within that."""
        mine, theirs = answer["probabilities"], recorded.get("probabilities", {})
        if not all(0 <= share <= 1 for share in mine.values()):
            return "gets probabilities outside 0 to 1"
        alike = mine.keys() == theirs.keys() and all(
            math.isclose(mine[name], theirs[name], rel_tol=TOLERANCE, abs_tol=TOLERANCE) for name in mine
        )
        return "" if alike else f"answers {answer} here, {recorded} at export"

    def truth(self, target: Column) -> NDArray[np.int64]:
        """Class indexes, -1 where missing or unknown."""
        index = {name: i for i, name in enumerate(self.names)}
        # A file spells True and False in its own way, a data frame has them.
        truths = {name.casefold(): i for name, i in index.items() if name.casefold() in ("true", "false")}
        if self.any_case:
            truths |= {folded(name): i for name, i in reversed(index.items())}
        column = coded_numbers(target) if isinstance(target, Numbers) else target

        def place(value: object) -> int:
            text = value.strip() if isinstance(value, str) else ""
            if text in index:  # a label that looks like a missing value, too
                return index[text]
            spelling = spelled(value)
            return index.get(spelling, truths.get(folded(spelling), -1))

        return column.map(place, -1, np.int64)

    def score(self, raw: NDArray[Any], truth: NDArray[Any], only: str = "") -> Scored:
        """The scores of `fitserve.metrics.classification_scores`."""
        positive = 1 if self.n_outputs == 1 else None
        return classification_scores(truth, self.probabilities(raw), positive, threshold=self.threshold, only=only)

    def default_metric(self, *, few: bool = False) -> str:
        """ROC area for two labels, log loss for more; and for few rows, of which a ranking says little."""
        return "log_loss" if len(self.labels) > 2 or few else "roc_auc"

    def check_metric(self, name: str, truth: NDArray[Any]) -> tuple[str, AnyMessage]:
        """Of more than two labels, scores of one class are means over the classes."""
        del truth
        if name not in METRICS:
            offered = ", ".join(METRICS)
            raise SpecError(f"{name} does not score a classification; choose from {offered}, or leave --metric out")
        several, n = f"{name}{MACRO}", len(self.labels)
        if n > 2 and several in METRICS:
            return several, Message("classification.macro", {"metric": name, "labels": n, "chosen": several})
        return name, ""

    def shown(self, names: Sequence[str]) -> list[str]:
        """Of two labels, no means over both."""
        return [name for name in names if len(self.labels) > 2 or not name.endswith(MACRO)]

    def about(self) -> Json:
        """The labels."""
        return {"labels": list(self.labels)}

    def summary(self, learner: str) -> list[Message]:
        """How many labels, and which; of two, the positive one."""
        n, first = len(self.labels), self.labels[:_MOST_NAMED]
        of_all = {"n": n, "labels": first, "more": n > len(first), "learner": learner}
        sentences = [Message("classification.summary", of_all)]
        return sentences + ([Message("classification.positive", {"positive": self.labels[1]})] if n == 2 else [])

    def quality(self, scored: Mapping[str, Any]) -> Message | None:
        """On how many of 100 rows it is right."""
        value, ends, baseline = (scored[name].get(self.spoken) for name in ("scores", "intervals", "baseline"))
        low, high = ends or (None, None)
        figures = {"share": value, "ends": ends, "low": low, "high": high}
        compared = {"baseline": baseline, "compared": baseline is not None}
        return None if value is None else Message("classification.quality", {**figures, **compared})


class Classification:
    """Predict a label."""

    name: ClassVar[str] = "classification"
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    parts: ClassVar[Mapping[str, str]] = PARTS
    messages: ClassVar[Mapping[str, Mapping[str, str]]] = MESSAGES

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


def spelled(value: object) -> str:
    """A value as a label is spelled; "" for what is none."""
    try:
        return schema.read_category(value) or ""
    except ValueError:
        return ""
