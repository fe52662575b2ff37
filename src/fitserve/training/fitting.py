"""One fit of a search: on which rows, with which weights, for how long."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from fitserve.models.base import Context, Fitted, Learner, Parameters
from fitserve.training.folds import FEWEST_ROWS_OF_A_FOLD, Fold, Folds
from fitserve.training.interrupts import interrupts_held
from fitserve.training.prepare import Prepared
from fitserve.training.weights import counted_rows, training_weights

_MOST_CELLS_FOR_ONE_THREAD = 2_000_000


class Fitting:
    """Fits learners on the training rows of a table. ``threads`` may be set to those of a recorded run."""

    def __init__(self, prepared: Prepared, folds: Folds) -> None:
        self.threads = _threads(prepared)
        self.truth = prepared.truth[prepared.split.train]
        self._arrays, self._shape, self._seed = prepared.arrays, prepared.shape, prepared.spec.seed
        given = None if prepared.weights is None else prepared.weights[prepared.split.train]
        self._classes = prepared.classes(prepared.split.train)
        self._weights = training_weights(given, self._classes, prepared.spec.class_weight)
        self._folds = folds
        self._libraries = ThreadpoolController()

    def context(
        self,
        effort: int | None,
        deadline: float | None = None,
        progress: Callable[[float], None] = lambda _share: None,
    ) -> Context:
        """The circumstances of a fit."""
        return Context(self._shape, self._seed, self.threads, None, deadline, effort, progress)

    def on_fold(
        self, learner: Learner, parameters: Parameters, fold: Fold, context: Context
    ) -> tuple[Fitted, NDArray[np.float32], bool]:
        """The model of a fold, its outputs for the rows held out, and whether its deadline has ended it.

        The outputs are as precise as those that are served.
        """
        begun = time.monotonic()
        held = self._arrays.take(fold.held)
        # Rows of one are no guide for early stopping: such a fit takes its full course.
        watched = (held, self.truth[fold.held]) if len(fold.held) >= FEWEST_ROWS_OF_A_FOLD else None
        weights = self._folds.weights(fold, self._weights, self._classes)
        fitted = self._fit(learner, parameters, fold.learned, weights, replace(context, validation=watched))
        # A fit ends early, too, where another step of it would have ended late.
        late = context.ends_within((time.monotonic() - begun) / max(fitted.effort, 1))
        with interrupts_held():
            return fitted, fitted.predict(held).astype(np.float32), late

    def seconds_of_few(self, learner: Learner, parameters: Parameters, rows: NDArray[np.intp]) -> float:
        """What the shortest fit on some training rows takes."""
        begun = time.monotonic()
        self._fit(learner, parameters, rows, self._weights, self.context(1))
        return time.monotonic() - begun

    def on_rows(
        self, learner: Learner, parameters: Parameters, effort: int, rows: NDArray[np.intp] | None = None
    ) -> Fitted:
        """A model of all training rows, or of some of them."""
        rows = np.arange(len(self.truth)) if rows is None else rows
        return self._fit(learner, parameters, rows, self._weights, self.context(effort))

    def _fit(
        self,
        learner: Learner,
        parameters: Parameters,
        rows: NDArray[np.intp],
        weights: NDArray[np.float64] | None,
        context: Context,
    ) -> Fitted:
        """Fit on some training rows, with one thread for linear algebra.

        Vectors of some ten thousand numbers, as texts have, are ten times slower with two threads that wait for
        each other; and so the bits do not depend on how many processors a machine has.
        """
        counted, weights = counted_rows(weights, rows)
        context = replace(context, shape=replace(context.shape, n_rows=len(counted)), weights=weights)
        with self._libraries.limit(limits=1, user_api="blas"), interrupts_held() as check:

            def progress(share: float) -> None:
                check()
                context.progress(share)

            watched = replace(context, progress=progress)
            return learner.fit(self._arrays.take(counted), self.truth[counted], parameters, watched)


def _threads(prepared: Prepared) -> int:
    """All processors for large tables, one for small ones, where threads wait for each other more than they work."""
    cells = len(prepared.arrays) * (prepared.arrays.dense.shape[1] + prepared.arrays.codes.shape[1])
    return (os.cpu_count() or 1) if cells > _MOST_CELLS_FOR_ONE_THREAD else 1
