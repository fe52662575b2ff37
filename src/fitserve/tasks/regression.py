"""Regression: one number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve.errors import DataError
from fitserve.features.column import Column, Numbers
from fitserve.features.number import number_reader, numbers_of
from fitserve.features.spelling import NumberReader
from fitserve.metrics import regression_scores
from fitserve.tasks.base import Answer, Raw


@dataclass(frozen=True)
class NumberAnswerer:
    """Models predict ``(target - offset) / scale``; answers restore the target in float64.

    ``style``, ``prefix`` and ``suffix`` tell how the texts of the training spelled it.
    """

    offset: float
    scale: float
    style: str = ""
    prefix: str = ""
    suffix: str = ""
    n_outputs: ClassVar[int] = 1

    def decode(self, raw: Raw) -> list[Answer]:
        """Answers with ``prediction``."""
        return [{"prediction": self._restore(row[0])} for row in raw.tolist()]

    def _restore(self, value: float) -> float | None:
        number = value * self.scale + self.offset
        return number if math.isfinite(number) else None

    def columns(self, raw: Raw) -> dict[str, NDArray[Any]]:
        """``prediction`` alone."""
        return {"prediction": self._values(raw[:, 0])}

    def _values(self, standardised: NDArray[Any]) -> NDArray[np.float64]:
        return standardised.astype(np.float64) * self.scale + self.offset

    def score(self, raw: NDArray[Any], truth: NDArray[Any], only: str = "") -> dict[str, float | None]:
        """The scores of `fitserve.metrics.regression_scores`, in the target's own unit."""
        known = np.isfinite(truth)
        return regression_scores(self._values(truth[known]), self._values(raw[known, 0]), only=only)


class Regression:
    """Predict a number."""

    name: ClassVar[str] = "regression"

    def fit(self, target: Column, like: NumberAnswerer | None = None) -> NumberAnswerer:
        """Mean and deviation of a target; raises DataError if it holds no two different numbers.

        Texts are read as ``like`` reads them, or else in the way that is found out from them.
        """
        reader = NumberReader(like.style, like.prefix, like.suffix) if like is not None else number_reader(target)
        values = _numbers(target, reader)
        values = values[np.isfinite(values)]
        if len(values) == 0:
            raise DataError("the target holds no numbers; for labels use --task classification")
        if values.min() == values.max():
            raise DataError(f"the target has one value only ({values[0]:g}); there is nothing to learn")
        centre = float(values.mean())
        deviation = float(np.sqrt(np.mean(((values - centre) / 2) ** 2)) * 2)
        if not math.isfinite(centre) or not math.isfinite(deviation) or deviation == 0:
            raise DataError("the target's numbers are too large or too close to learn from; give them another unit")
        return NumberAnswerer(centre, deviation, reader.style, reader.prefix, reader.suffix)

    def load(self, state: dict[str, Any]) -> NumberAnswerer:
        """The answerer of a stored state."""
        answerer = NumberAnswerer(**state)
        if not (math.isfinite(answerer.offset) and 0 < answerer.scale < math.inf):
            raise ValueError("offset and scale of the target are no numbers to compute with")
        NumberReader(answerer.style, answerer.prefix, answerer.suffix).check()
        return answerer

    def truth(self, target: Column, answerer: NumberAnswerer) -> NDArray[np.float64]:
        """Standardised floats, NaN where missing or not a number."""
        values = _numbers(target, NumberReader(answerer.style, answerer.prefix, answerer.suffix))
        values = np.where(np.isfinite(values), values, np.nan)
        return (values - answerer.offset) / answerer.scale


def _numbers(target: Column, reader: NumberReader) -> NDArray[np.float64]:
    return target.values if isinstance(target, Numbers) else numbers_of(target, reader.read)
