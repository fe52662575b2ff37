"""What a learner is asked for: probabilities, a number, or what a task of another package wants of learners of its own.

A task gives an objective, learners say by name which ones they know. Neither knows the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

NUMBER, PROBABILITIES = "number", "probabilities"
_LEAST_PROBABILITY = 1e-6


class Objective(Protocol):
    """What raw outputs mean. ``n_outputs`` is how many columns they have."""

    name: ClassVar[str]

    @property
    def n_outputs(self) -> int: ...

    def constant(self, target: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """The one raw output (n_outputs,) that fits all rows best: the answer without learning."""

    def losses(self, raw: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
        """How wrong the raw output of each row is: (n,), smaller is better."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number; the target is standardised. The loss of a row is its squared error."""

    name: ClassVar[str] = NUMBER
    n_outputs: ClassVar[int] = 1

    def constant(self, target: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """The mean."""
        return np.array([float(np.average(target, weights=weights))])

    def losses(self, raw: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
        """Squared errors."""
        squared: NDArray[np.float64] = (raw[:, 0] - target) ** 2
        return squared


@dataclass(frozen=True, slots=True)
class Probabilities:
    """The probability of the second of two classes (one output), or of each of several; the target holds indexes.

    The loss of a row is minus the logarithm of the probability of its class.
    """

    n_outputs: int
    name: ClassVar[str] = PROBABILITIES

    def constant(self, target: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """The share of each class."""
        if self.n_outputs == 1:
            return np.array([float(np.average(target, weights=weights))])
        shares = np.bincount(target, weights, minlength=self.n_outputs)
        return np.asarray(shares / shares.sum())

    def losses(self, raw: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
        """Log losses."""
        wide = np.hstack([1 - raw, raw]) if self.n_outputs == 1 else raw
        own = wide[np.arange(len(target)), target]
        surprise: NDArray[np.float64] = -np.log(np.clip(own, _LEAST_PROBABILITY, 1.0))
        return surprise
