"""The light half: raw outputs are logarithms of expected counts; an answer is the count with an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve.errors import SpecError
from fitserve.features.column import Column, Numbers
from fitserve.features.number import number_reader, numbers_of
from fitserve.messages import Message
from fitserve.metrics import Metric, named
from fitserve.tasks.base import Answer, Json, Raw, RowRequest, Scored

METRICS = named(
    Metric("poisson_deviance", False, "Mean Poisson deviance of the expected counts.", math.inf),
    Metric("mae", False, "Mean absolute error, in counts.", math.inf),
)
# Beyond this logarithm no count is a number any more.
_LARGEST = 80.0
_Z = 1.645  # nine counts in ten lie within


def expected(raw: NDArray[Any]) -> NDArray[np.float64]:
    """Expected counts (n,) of raw outputs (n, 1)."""
    return np.exp(np.minimum(raw[:, 0].astype(np.float64), _LARGEST))


def deviances(truth: NDArray[np.float64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Poisson deviance of each row."""
    ratio = np.log(np.where(truth > 0, truth, 1.0) / np.maximum(rate, 1e-12))
    return 2 * (np.where(truth > 0, truth * ratio, 0.0) - (truth - rate))


@dataclass(frozen=True)
class CountAnswerer(RowRequest):
    """Counts have no state but their ``highest`` value in training, which is told."""

    highest: float
    task: ClassVar[str] = "counts"
    spoken: ClassVar[str] = "mae"
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    n_outputs: ClassVar[int] = 1

    def decode(self, raw: Raw) -> list[Answer]:
        """Each count with the ends of its interval (Anscombe 1948)."""
        columns = {name: values.tolist() for name, values in self.columns(raw).items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def columns(self, raw: Raw) -> dict[str, NDArray[Any]]:
        """``prediction``, ``low`` and ``high``."""
        rate = expected(raw)
        root = np.sqrt(rate + 0.375)
        low, high = (np.maximum((root + end / 2) ** 2 - 0.375, 0.0) for end in (-_Z, _Z))
        return {"prediction": rate, "low": np.where(root < _Z / 2, 0.0, low), "high": high}

    def wrap(self, answers: Sequence[Answer]) -> Json:
        """A list for each member."""
        return {
            "predictions": [answer["prediction"] for answer in answers],
            "intervals": [[answer["low"], answer["high"]] for answer in answers],
        }

    def answer_schema(self, *, many: bool) -> Json:
        """Numbers of 0 or more."""
        count: Json = {"type": "number", "minimum": 0}
        ends: Json = {"type": "array", "items": count, "minItems": 2, "maxItems": 2}
        if many:
            return {"predictions": {"type": "array", "items": count}, "intervals": {"type": "array", "items": ends}}
        return {"prediction": count, "low": count, "high": count}

    def disagreement(self, answer: Answer, recorded: Mapping[str, Any]) -> str:
        """Counts agree within 1e-5 of themselves."""
        alike = math.isclose(answer["prediction"], recorded.get("prediction", -1.0), rel_tol=1e-5, abs_tol=1e-5)
        return "" if alike else f"answers {answer} here, {recorded} at export"

    def truth(self, target: Column) -> NDArray[np.float64]:
        """Counts as floats, NaN where there is none."""
        values = target.values if isinstance(target, Numbers) else numbers_of(target, number_reader(target).read)
        return np.where(np.isfinite(values) & (values >= 0), values, np.nan)

    def score(self, raw: NDArray[Any], truth: NDArray[Any], only: str = "") -> Scored:
        """Mean deviance and mean absolute error of the rows with a count."""
        known = np.isfinite(truth)
        rows = truth[known], expected(raw)[known]
        each = {"poisson_deviance": deviances(*rows), "mae": np.abs(rows[0] - rows[1])}
        return {name: float(v.mean()) if len(v) else None for name, v in each.items() if only in ("", name)}

    def default_metric(self, *, few: bool = False) -> str:
        """The deviance."""
        del few
        return "poisson_deviance"

    def check_metric(self, name: str, truth: NDArray[Any]) -> tuple[str, str]:
        """One of the two."""
        del truth
        if name not in METRICS:
            raise SpecError(f"{name} does not score counts; choose from {', '.join(METRICS)}")
        return name, ""

    def shown(self, names: Sequence[str]) -> list[str]:
        """Both."""
        return list(names)

    def about(self) -> Json:
        """The highest count of the training."""
        return {"highest": self.highest}

    def summary(self, learner: str) -> list[Message]:
        """What is predicted."""
        return [Message("counts.summary", {"learner": learner})]

    def quality(self, scored: Mapping[str, Any]) -> Message | None:
        """How far off it is."""
        value, baseline = scored["scores"].get("mae"), scored["baseline"].get("mae")
        return None if value is None else Message("counts.quality", {"value": value, "baseline": baseline})


class Counts:
    """Predict how many."""

    name: ClassVar[str] = "counts"
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    parts: ClassVar[Mapping[str, str]] = {"by_count": "How errors grow with the count"}
    messages: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "en": {
            "counts.error": "mean error",
            "counts.summary": "It predicts a count by the learner {learner!r}.",
            "counts.quality": "It is off by {value:number} counts; without learning, by {baseline:number}.",
        },
        "zh": {"counts.error": "平均误差"},
    }

    def load(self, state: dict[str, Any]) -> CountAnswerer:
        """The answerer of a stored state."""
        return CountAnswerer(float(state["highest"]))
