"""What all models share that add up weighted columns and perhaps pass the sums through a link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.models.base import Exported
from fitserve.models.calibration import Calibration
from fitserve.models.design import Design
from fitserve.models.labels import Labels, links


@dataclass(frozen=True)
class FittedLinear:
    """``link(design @ weights + bias)``; weights (width, outputs), bias (outputs,)."""

    design: Design
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    link: str
    effort: int

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs, float64 (n, outputs)."""
        summed: NDArray[np.float64] = np.asarray(self.design.matrix(arrays) @ self.weights) + self.bias
        return links[self.link](summed)

    def export(self) -> Exported:
        """The same sum as a graph, in float64."""
        return self.design.export(self.weights, self.bias, self.link)


def calibrated(
    design: Design,
    scores: tuple[NDArray[np.float64], NDArray[np.float64]],
    calibration: Calibration,
    labels: Labels,
    effort: int,
) -> FittedLinear:
    """The model of decisions ``design @ weights + bias``, ``scores`` being the two, as calibrated probabilities."""
    weights, bias = scores[0] * calibration.scale, scores[1] * calibration.scale + calibration.shift
    link = "Sigmoid" if labels.seen is None else "Softmax"
    return FittedLinear(design, labels.spread_weights(weights), labels.spread(bias[None, :])[0], link, effort)
