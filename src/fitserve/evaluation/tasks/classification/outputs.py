"""Raw outputs beside true labels, as the charts of labels want them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.tasks.classification import ClassAnswerer


@dataclass(frozen=True)
class Outputs:
    """Raw outputs (n, outputs) and the indexes of true labels (n,), -1 unknown."""

    answerer: ClassAnswerer
    raw: NDArray[Any]
    truth: NDArray[np.int64]

    @property
    def labels(self) -> list[str]:
        """The labels as texts."""
        return self.answerer.names

    @property
    def two(self) -> bool:
        """Whether one of two labels is predicted; the second is the positive one."""
        return len(self.labels) == 2

    @property
    def threshold(self) -> float:
        """The least probability that predicts the positive one."""
        return self.answerer.threshold

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """(n, labels)."""
        return self.answerer.probabilities(self.raw)

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """The indexes of the predicted labels, (n,)."""
        if self.two:
            return np.asarray(self.probabilities[:, 1] >= self.threshold, dtype=np.intp)
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def errors(self) -> NDArray[np.float64]:
        """0 for each row that is right, 1 for each that is wrong."""
        return np.asarray(self.predicted != self.truth, dtype=np.float64)
