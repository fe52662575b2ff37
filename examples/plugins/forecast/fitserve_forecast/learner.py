"""Seasonal naive forecasts: each value as a season ago, with a band as wide as that has been wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.bundle.manifest import Graph
from fitserve.models.base import Context, Exported, Parameters, Shape
from fitserve.models.graph import MEMBER, GraphBuilder
from fitserve_forecast.past import PAST, Past
from fitserve_forecast.task import AHEAD


@dataclass(frozen=True)
class Path:
    """The next values, and half the width of a band around each. The loss of a row is its mean absolute error."""

    name: ClassVar[str] = "path"
    n_outputs: ClassVar[int] = 2 * AHEAD

    def constant(self, target: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """The mean path."""
        mean = np.average(target, axis=0, weights=weights)
        return np.concatenate([mean, np.quantile(np.abs(target - mean), 0.9, axis=0)])

    def losses(self, raw: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
        """Mean absolute errors."""
        losses: NDArray[np.float64] = np.abs(raw[:, :AHEAD] - target).mean(axis=1)
        return losses


@dataclass(frozen=True)
class FittedSeasonal:
    """``places`` of the past that say the next values, what stands for a value that is missing, and the band."""

    places: Sequence[int]
    middle: float
    half: NDArray[np.float32]
    effort: int = 1

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Float64 (n, 2 * AHEAD)."""
        past = arrays.blocks[Past.name].inputs()[Past.name].astype(np.float64)
        last = np.where(np.isnan(past[:, -1:]), self.middle, past[:, -1:])
        path = past[:, list(self.places)]
        path = np.where(np.isnan(path), last, path)
        return np.hstack([path, np.tile(self.half.astype(np.float64), (len(past), 1))])

    def export(self) -> Exported:
        """The same as a graph of Gather and Where."""
        builder = GraphBuilder()
        graph = Graph(MEMBER, "onnx", {Past.name: PAST}, merged=False, outputs=2 * AHEAD)
        last = builder.add("Gather", Past.name, builder.constant([PAST - 1], np.int64), axis=1)
        last = builder.add("Where", builder.add("IsNaN", last), builder.constant([[self.middle]], np.float32), last)
        path = builder.add("Gather", Past.name, builder.constant(list(self.places), np.int64), axis=1)
        path = builder.add("Where", builder.add("IsNaN", path), last, path)
        # Zeros of the shape of the path carry the band to every row.
        zeros = builder.add("Sub", path, path)
        known = builder.add("Where", builder.add("IsNaN", zeros), builder.constant([[0.0]], np.float32), zeros)
        band = builder.add("Add", known, builder.constant(self.half[None, :]))
        return Exported(graph, builder.build(builder.add("Concat", path, band, axis=1), graph))


class SeasonalNaive:
    """As a season ago; the season is what is tried."""

    name: ClassVar[str] = "seasonal_naive"
    cost: ClassVar[int] = 1
    objectives: ClassVar[Collection[str] | None] = (Path.name,)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Seasons that fit into the past."""
        del shape
        return [{"season": season} for season in (1, 4, 6, 7, 12, 24)]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedSeasonal:
        """Measure how wrong it has been."""
        del context
        season = int(parameters["season"])
        places = [PAST - season + h % season for h in range(AHEAD)]
        middle = float(np.float32(target.mean()))
        first = FittedSeasonal(places, middle, np.zeros(AHEAD, np.float32))
        off = np.abs(first.predict(arrays)[:, :AHEAD] - target)
        return FittedSeasonal(places, middle, np.quantile(off, 0.9, axis=0).astype(np.float32))
