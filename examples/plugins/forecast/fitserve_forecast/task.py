"""The light half: raw outputs are the next values and half the widths of their bands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve.errors import SpecError
from fitserve.features.column import Coded, Column
from fitserve.messages import Message
from fitserve.metrics import Metric, named
from fitserve.tasks.base import Answer, Json, Raw, Scored

AHEAD = 6
SERIES = "series"
METRICS = named(
    Metric("mae", False, "Mean absolute error of all steps ahead.", math.inf),
    Metric("coverage", True, "Share of the true values within the band.", 0.0),
)


@dataclass(frozen=True)
class PathAnswerer:
    """``spread`` is the standard deviation of the values in training: the scale of what agrees."""

    spread: float
    unit: ClassVar[str] = "series"
    body_limit: ClassVar[int] = 1 << 20
    task: ClassVar[str] = "forecast"
    spoken: ClassVar[str] = "mae"
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    n_outputs: ClassVar[int] = 2 * AHEAD

    def fields(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The field of the past is called as in the request."""
        return document

    def request_schema(self, row: Json) -> Json:
        """An object with the series."""
        return {**row, "required": [SERIES]}

    def decode(self, raw: Raw) -> list[Answer]:
        """Lists of the next values, and of the ends of their bands."""
        path, half = raw[:, :AHEAD].astype(np.float64), raw[:, AHEAD:].astype(np.float64)
        parts = {"prediction": path, "low": path - half, "high": path + half}
        return [{name: _plain(values[i]) for name, values in parts.items()} for i in range(len(raw))]

    def columns(self, raw: Raw) -> dict[str, NDArray[Any]]:
        """A column for each step ahead."""
        path, half = raw[:, :AHEAD].astype(np.float64), raw[:, AHEAD:].astype(np.float64)
        parts = {"prediction": path, "low": path - half, "high": path + half}
        return {f"{name}_{h + 1}": values[:, h] for name, values in parts.items() for h in range(AHEAD)}

    def wrap(self, answers: Sequence[Answer]) -> Json:
        """A list of lists for each member."""
        names = {"prediction": "predictions", "low": "lows", "high": "highs"}
        return {many: [answer[one] for answer in answers] for one, many in names.items()}

    def answer_schema(self, *, many: bool) -> Json:
        """Lists of numbers."""
        path: Json = {"type": "array", "items": {"type": ["number", "null"]}, "minItems": AHEAD, "maxItems": AHEAD}
        names = ("predictions", "lows", "highs") if many else ("prediction", "low", "high")
        return {name: {"type": "array", "items": path} if many else path for name in names}

    def disagreement(self, answer: Answer, recorded: Mapping[str, Any]) -> str:
        """All values agree within 1e-5 of the spread."""
        pairs = zip(answer["prediction"], recorded.get("prediction", ()), strict=True)
        near = all(a == b or (a is not None and b is not None and abs(a - b) <= 1e-5 * self.spread) for a, b in pairs)
        return "" if near else f"answers {answer} here, {recorded} at export"

    def truth(self, target: Column) -> NDArray[np.float64]:
        """The next values (n, AHEAD), NaN where there are none."""
        found = np.full((len(target), AHEAD), np.nan)
        if isinstance(target, Coded):
            for i in np.flatnonzero(target.codes >= 0):
                found[i] = target.levels[target.codes[i]]
        return found

    def score(self, raw: NDArray[Any], truth: NDArray[Any], only: str = "") -> Scored:
        """Both scores of the rows whose next values are known."""
        known = np.isfinite(truth).all(axis=1)
        each = rows_of(raw[known], truth[known])
        return {name: float(v.mean()) if len(v) else None for name, v in each.items() if only in ("", name)}

    def default_metric(self, *, few: bool = False) -> str:
        """The mean absolute error."""
        del few
        return "mae"

    def check_metric(self, name: str, truth: NDArray[Any]) -> tuple[str, str]:
        """One of the two."""
        del truth
        if name not in METRICS:
            raise SpecError(f"{name} does not score a forecast; choose from {', '.join(METRICS)}")
        return name, ""

    def shown(self, names: Sequence[str]) -> list[str]:
        """Both."""
        return list(names)

    def about(self) -> Json:
        """How far it looks."""
        return {"ahead": [AHEAD]}

    def summary(self, learner: str) -> list[Message]:
        """What is predicted."""
        return [Message("forecast.summary", {"ahead": AHEAD, "learner": learner})]

    def quality(self, scored: Mapping[str, Any]) -> Message | None:
        """How far off it is."""
        value = scored["scores"].get("mae")
        return None if value is None else Message("forecast.quality", {"value": value, "ahead": AHEAD})


def rows_of(raw: NDArray[Any], truth: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """The scores of single rows: their mean absolute error, and the share of values within the band."""
    off = np.abs(raw[:, :AHEAD] - truth)
    return {"mae": off.mean(axis=1), "coverage": (off <= raw[:, AHEAD:]).mean(axis=1)}


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]


class Forecast:
    """Predict what comes next."""

    name: ClassVar[str] = "forecast"
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    parts: ClassVar[Mapping[str, str]] = {"by_step": "How errors grow with the steps"}
    messages: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "en": {
            "forecast.error": "mean error",
            "forecast.summary": "It predicts the next {ahead} values of a series by the learner {learner!r}.",
            "forecast.quality": "It is off by {value:number} on average over {ahead} steps.",
        },
        "zh": {"forecast.error": "平均误差"},
    }

    def load(self, state: dict[str, Any]) -> PathAnswerer:
        """The answerer of a stored state."""
        return PathAnswerer(float(state["spread"]))
