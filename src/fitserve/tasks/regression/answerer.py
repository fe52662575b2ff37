"""Numbers: how they are read, answered, scored and spoken of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve.errors import SpecError
from fitserve.features.column import Column, Numbers
from fitserve.features.number import numbers_of
from fitserve.features.spelling import NumberReader
from fitserve.messages import AnyMessage, Message
from fitserve.metrics import Metric, regression_scores
from fitserve.tasks.base import Answer, Json, Raw, RowRequest, Scored
from fitserve.tasks.regression.metrics import METRICS
from fitserve.tasks.regression.words import MESSAGES, PARTS

TOLERANCE = 1e-5


@dataclass(frozen=True)
class NumberAnswerer(RowRequest):
    """Models predict ``(target - offset) / scale``; answers restore the target in float64.

    ``style``, ``prefix`` and ``suffix`` tell how the texts of the training spelled it.
    """

    offset: float
    scale: float
    style: str = ""
    prefix: str = ""
    suffix: str = ""
    n_outputs: ClassVar[int] = 1
    task: ClassVar[str] = "regression"
    spoken: ClassVar[str] = "mae"
    metrics: ClassVar[Mapping[str, Metric]] = METRICS

    def decode(self, raw: Raw) -> list[Answer]:
        """Answers with ``prediction``."""
        return [{"prediction": self._restore(row[0])} for row in raw.tolist()]

    def _restore(self, value: float) -> float | None:
        number = value * self.scale + self.offset
        return number if math.isfinite(number) else None

    def columns(self, raw: Raw) -> dict[str, NDArray[Any]]:
        """``prediction`` alone."""
        return {"prediction": self.values(raw[:, 0])}

    def values(self, standardised: NDArray[Any]) -> NDArray[np.float64]:
        """Standardised numbers in the unit of the target."""
        return standardised.astype(np.float64) * self.scale + self.offset

    def wrap(self, answers: Sequence[Answer]) -> Json:
        """``predictions`` alone."""
        return {"predictions": [answer["prediction"] for answer in answers]}

    def answer_schema(self, *, many: bool) -> Json:
        """A number, or null."""
        number: Json = {"type": ["number", "null"]}
        return {"predictions": {"type": "array", "items": number}} if many else {"prediction": number}

    def disagreement(self, answer: Answer, recorded: Mapping[str, Any]) -> str:
        """Numbers agree within 1e-5, of themselves or of the target's deviation."""
        mine, theirs = answer["prediction"], recorded.get("prediction")
        alike = mine == theirs
        if isinstance(mine, (int, float)) and isinstance(theirs, (int, float)):
            alike = math.isclose(mine, theirs, rel_tol=TOLERANCE, abs_tol=TOLERANCE * self.scale)
        return "" if alike else f"answers {answer} here, {recorded} at export"

    @property
    def reader(self) -> NumberReader:
        """How texts of the target are read."""
        return NumberReader(self.style, self.prefix, self.suffix)

    def truth(self, target: Column) -> NDArray[np.float64]:
        """Standardised floats, NaN where missing or no number."""
        values = numbers(target, self.reader)
        return (np.where(np.isfinite(values), values, np.nan) - self.offset) / self.scale

    def score(self, raw: NDArray[Any], truth: NDArray[Any], only: str = "") -> Scored:
        """The scores of `fitserve.metrics.regression_scores`, in the target's own unit."""
        known = np.isfinite(truth)
        return regression_scores(self.values(truth[known]), self.values(raw[known, 0]), only=only)

    def default_metric(self, *, few: bool = False) -> str:
        """The root of the mean squared error."""
        del few
        return "rmse"

    def check_metric(self, name: str, truth: NDArray[Any]) -> tuple[str, AnyMessage]:
        """A relative error means nothing where a truth is 0."""
        if name not in METRICS:
            offered = ", ".join(METRICS)
            raise SpecError(f"{name} does not score a regression; choose from {offered}, or leave --metric out")
        if name == "mape" and self.score(truth[:, None], truth, name)[name] is None:
            raise SpecError(
                "mape means nothing where a target is 0, or next to it, as in this table; choose mae or rmse"
            )
        return name, ""

    def shown(self, names: Sequence[str]) -> list[str]:
        """All of them."""
        return list(names)

    def about(self) -> Json:
        """No labels."""
        return {"labels": None}

    def summary(self, learner: str) -> list[Message]:
        """That it is a number."""
        return [Message("regression.summary", {"learner": learner})]

    def quality(self, scored: Mapping[str, Any]) -> Message | None:
        """How far off it is on average."""
        value, ends, baseline = (scored[name].get(self.spoken) for name in ("scores", "intervals", "baseline"))
        low, high = ends or (None, None)
        figures = {"value": value, "ends": ends, "low": low, "high": high, "baseline": baseline}
        return None if value is None else Message("regression.quality", figures)


class Regression:
    """Predict a number."""

    name: ClassVar[str] = "regression"
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    parts: ClassVar[Mapping[str, str]] = PARTS
    messages: ClassVar[Mapping[str, Mapping[str, str]]] = MESSAGES

    def load(self, state: dict[str, Any]) -> NumberAnswerer:
        """The answerer of a stored state."""
        answerer = NumberAnswerer(**state)
        if not (math.isfinite(answerer.offset) and 0 < answerer.scale < math.inf):
            raise ValueError("offset and scale of the target are no numbers to compute with")
        answerer.reader.check()
        return answerer


def numbers(target: Column, reader: NumberReader) -> NDArray[np.float64]:
    """The numbers of a target, NaN where there is none."""
    return target.values if isinstance(target, Numbers) else numbers_of(target, reader.read)
