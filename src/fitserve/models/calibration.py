"""Probabilities of decision values: one scale for all labels and a shift for each, fitted to decisions of other folds.

Two labels: Platt scaling (Platt 1999), with his targets, which are never quite 0 or 1. Several: temperature scaling
(Guo et al. 2017) with a bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

_FOLDS, _FEWEST_ROWS = 3, 9
# Keeps the fit in bounds where decisions part the labels without an error.
_PENALTY = 1e-3


@dataclass(frozen=True)
class Calibration:
    """``link(scale * decisions + shift)`` are probabilities; shift (outputs,)."""

    scale: float
    shift: NDArray[np.float64]


Decide = Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64]]


def crossed_decisions(decide: Decide, target: NDArray[Any], seed: int) -> NDArray[np.float64]:
    """Decisions (n, outputs) of models that have not seen their rows; of all rows where these are too few to part.

    ``decide`` fits on the first rows and decides about the second ones.
    """
    n, counts = len(target), np.unique(target, return_counts=True)[1]
    everything = np.arange(n)
    if n < _FEWEST_ROWS or counts.min() < 2:
        return decide(everything, everything)
    shuffled = np.random.default_rng(seed).permutation(n)
    fold = np.empty(n, dtype=np.int64)
    fold[shuffled[np.argsort(target[shuffled], kind="stable")]] = np.arange(n) % _FOLDS
    parts = [np.flatnonzero(fold == k) for k in range(_FOLDS)]
    found = [decide(np.flatnonzero(fold != k), part) for k, part in enumerate(parts)]
    every = np.empty((n, found[0].shape[1]))
    for part, decisions in zip(parts, found, strict=True):
        every[part] = decisions
    return every


def calibrate(decisions: NDArray[np.float64], target: NDArray[Any], weights: NDArray[np.float64] | None) -> Calibration:
    """Fit scale and shift to decisions (n, outputs) by weighted log loss; one output means two labels, 0 and 1."""
    outputs = decisions.shape[1]
    counted = np.ones(len(target)) if weights is None else weights
    spread = max(float(np.abs(decisions).max(initial=0.0)), 1e-12)
    truth = _soft_truth(target, max(outputs, 2))
    # Labels first: sums over a few labels are many times faster along the first axis.
    scaled, truth = np.ascontiguousarray((decisions / spread).T), (truth[:, 1:] if outputs == 1 else truth).T

    # What is linear in scale and shift is summed once, for there are many steps.
    of_scale, of_shift = float((truth * scaled).sum(axis=0) @ counted), truth @ counted

    def loss(free: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = free[0] * scaled
        scores += free[1:, None]
        if outputs == 1:
            total, share = np.logaddexp(0.0, scores[0]), expit(scores)
        else:
            highest = scores.max(axis=0)
            scores -= highest
            share = np.exp(scores, out=scores)
            sums = share.sum(axis=0)
            share /= sums
            total = np.log(sums) + highest
        penalty = _PENALTY * float((free**2).sum())
        value = float(total @ counted) - free[0] * of_scale - float(free[1:] @ of_shift) + penalty
        expected = share @ counted
        steps = [[float(np.einsum("ln,ln->n", share, scaled) @ counted) - of_scale], expected - of_shift]
        return value, np.concatenate(steps) + 2 * _PENALTY * free

    # Steps of one length in each direction: of labels, some have a thousand times the rows of others.
    total = float(counted.sum())
    bend = np.concatenate([[float(scaled.var(axis=0) @ counted)], of_shift * (1 - of_shift / total)])
    unit = 1 / np.sqrt(np.maximum(bend, 1.0))

    def in_units(free: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = loss(free * unit)
        return value, slope * unit

    start = np.concatenate([[1.0], np.zeros(outputs)]) / unit
    bounds = [(0.0, None), *[(None, None)] * outputs]
    found = minimize(in_units, start, jac=True, method="L-BFGS-B", bounds=bounds).x * unit
    # What is added to the scores of all labels alike changes no probability; least of it is best.
    shift = found[1:] - (found[1:].mean() if outputs > 1 else 0.0)
    return Calibration(float(found[0]) / spread, shift)


def _soft_truth(target: NDArray[Any], labels: int) -> NDArray[np.float64]:
    """Platt's targets: of a label with m rows (m + 1) / (m + 2), and the rest for the others."""
    counts = np.bincount(target, minlength=labels)
    own = (counts + 1) / (counts + 2)
    truth = np.repeat(((1 - own) / (labels - 1))[target][:, None], labels, axis=1)
    truth[np.arange(len(target)), target] = own[target]
    return truth
