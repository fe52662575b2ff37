"""Choosing a learner: every candidate of the plan is judged on the same held-out rows."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from fitserve.data.split import SMALL_TABLE, folds, last_rows
from fitserve.errors import NotForThisTable, SpecError
from fitserve.evaluation.judged import Judged
from fitserve.metrics import loss
from fitserve.models.base import Context, Fitted, Learner, Parameters
from fitserve.training.plan import Entry, make_plan
from fitserve.training.prepare import Prepared
from fitserve.training.progress import Clock, Observer, Progress
from fitserve.training.weights import counted_rows, training_weights

# Up to here five folds are affordable within a budget; above, one held-out fifth judges well enough.
_MOST_CELLS_FOR_FOLDS = 2_000_000
_MOST_ROWS_FOR_FOLDS = 10_000
_MOST_CELLS_FOR_ONE_THREAD = 2_000_000
_FOLDS = 5
_FEWEST_ROWS_OF_A_FOLD = 10


@dataclass(frozen=True)
class Trial:
    """One candidate, judged. ``efforts`` are those of its fits; a smaller ``loss`` is better.

    ``fold_losses`` are those of the single folds, where each has one. ``stopped_early`` says that a fit was ended by
    its share of the budget.
    """

    learner: str
    parameters: Parameters
    efforts: Sequence[int]
    loss: float
    scores: Mapping[str, float | None]
    seconds: float = 0.0
    fold_losses: Sequence[float] = ()
    stopped_early: bool = False

    @property
    def effort(self) -> int:
        """The effort for a fit on all training rows."""
        return max(1, round(float(np.mean(self.efforts))))

    def as_json(self) -> dict[str, Any]:
        """The trial as a JSON object, without raw outputs and time."""
        document = asdict(self)
        del document["seconds"], document["fold_losses"]
        return {**document, "parameters": dict(self.parameters), "efforts": list(self.efforts)}


@dataclass(frozen=True)
class _Attempt:
    """An entry of the plan, being tried: its place in words, and when its share is used up.

    A replay gives the efforts, and whether a fit had been ended by its share.
    """

    entry: Entry
    place: str
    until: float | None
    efforts: Sequence[int] | None = None
    stopped_early: bool = False


class _TooSlowError(Exception):
    """A candidate whose folds will not be finished in time; something else already is."""


class Search:
    """The trials of one training; `run` makes them, `trials` holds what is finished, in order."""

    def __init__(self, prepared: Prepared, learners: Sequence[Learner], clock: Clock, observer: Observer) -> None:
        self.prepared = prepared
        self.trials: list[Trial] = []
        self.plan = make_plan(learners, prepared.shape, clock.budget)
        self.planned = self.plan.as_json()
        self.refusals = dict(self.plan.refusals)
        self.untried = 0
        self.interrupted = False
        self.threads = _threads(prepared)
        self._learners = {learner.name: learner for learner in learners}
        self.clock = clock
        self._observer = observer
        self._libraries = ThreadpoolController()
        self._fold_of_row, self.validation = _judging(prepared)
        given = None if prepared.weights is None else prepared.weights[prepared.split.train]
        self._weights = training_weights(given, self.truth, prepared.spec.class_weight)
        self._outputs: list[tuple[Trial, NDArray[np.float32]]] = []

    @property
    def n_held_out(self) -> int:
        """On how many training rows trials are judged."""
        return int((self._fold_of_row >= 0).sum())

    @property
    def fold_numbers(self) -> list[int]:
        """The folds that are held out, in order."""
        return sorted(set(self._fold_of_row[self._fold_of_row >= 0].tolist()))

    def run(self) -> None:
        """Try candidates until all are judged or the time for searching is over. Ctrl-C keeps what is there."""
        self._check_chosen()
        self._observer(Progress("plan", self.plan.told(), None, self.clock.left))
        for entry in self.plan.entries:
            if self._skip(entry.learner):
                self.untried += 1
                continue
            try:
                self.trials.append(self._try(self._attempt(entry)))
            except NotForThisTable as refusal:
                self.refusals[entry.learner.name] = str(refusal)
            except _TooSlowError:
                self.untried += 1
            except KeyboardInterrupt:
                if not self.trials:
                    raise
                self.interrupted = True
                return

    def repeat(self, recorded: Sequence[Mapping[str, Any]]) -> None:
        """Make the recorded trials again, with their efforts instead of the clock."""
        for i, trial in enumerate(recorded):
            learner = self._learners.get(str(trial["learner"]))
            if learner is None:
                raise SpecError(f"the run used the learner {trial['learner']!r}, which is not installed")
            entry = Entry(learner, dict(trial["parameters"]), 1.0)
            place, stopped = f"{i + 1} of {len(recorded)}", bool(trial.get("stopped_early", False))
            self.trials.append(self._try(_Attempt(entry, place, None, list(trial["efforts"]), stopped)))

    def _attempt(self, entry: Entry) -> _Attempt:
        place = f"{self.plan.entries.index(entry) + 1} of {len(self.plan.entries)}"
        budget = self.clock.budget
        return _Attempt(entry, place, None if budget is None else time.monotonic() + entry.share * budget)

    def _check_chosen(self) -> None:
        """Raise SpecError if the user named learners, and none of them is for this table."""
        named = set(self.prepared.spec.learners or ()) - {"baseline"}
        if named and named.isdisjoint(entry.learner.name for entry in self.plan.entries):
            reasons = "; ".join(dict.fromkeys(self.refusals.values()))
            raise SpecError(f"none of the learners is for this table ({reasons}); choose others or leave --learner out")

    def _skip(self, learner: Learner) -> bool:
        if self.clock.search_over and self._has_learned:
            return True
        earlier = [trial.seconds for trial in self.trials if trial.learner == learner.name]
        return bool(earlier) and not self.clock.allows(max(earlier))

    @property
    def _has_learned(self) -> bool:
        """Whether there is something to serve that has learned."""
        return any(trial.learner != "baseline" for trial in self.trials)

    def _try(self, attempt: _Attempt) -> Trial:
        started = time.monotonic()
        learner, parameters = attempt.entry.learner, attempt.entry.parameters
        raw, used, stopped = self._fit_folds(attempt)
        if len(set(used)) > 1 and attempt.efforts is None:
            # Each fold stopped where its own held-out rows liked it best, so these scores flatter. All folds at
            # the one effort that the final fit will have: that is what it is worth.
            common = [max(1, round(float(np.mean(used))))] * len(used)
            raw, used, _ = self._fit_folds(replace(attempt, efforts=common))
        scores = self._score(raw)
        metric = self.prepared.metric
        value = scores[metric]
        judged = float("inf") if value is None else loss(metric, value)
        said = f"{attempt.place}, {learner.name}: {metric} {_shown(value)}"
        self._observer(Progress("searching", said, None, self.clock.left))
        seconds = time.monotonic() - started
        stopped = stopped or attempt.stopped_early
        trial = Trial(learner.name, parameters, used, judged, scores, seconds, self._fold_losses(raw), stopped)
        self._keep(trial, np.concatenate(raw).astype(np.float32))
        return trial

    def _keep(self, trial: Trial, outputs: NDArray[np.float32]) -> None:
        """Keep the outputs for the held-out rows: of every trial without a test part, else of each learner's best."""
        if len(self.prepared.split.test):
            if any(kept.learner == trial.learner and kept.loss <= trial.loss for kept, _ in self._outputs):
                return
            self._outputs = [each for each in self._outputs if each[0].learner != trial.learner]
        self._outputs.append((trial, outputs))

    def best_of(self, learner: str) -> Trial:
        """The best trial of a learner; the first of equals."""
        return min((trial for trial in self.trials if trial.learner == learner), key=lambda trial: trial.loss)

    def held_out(self, trial: Trial) -> Judged:
        """The outputs of a trial whose outputs are kept, for the held-out rows, fold after fold."""
        raw = next(outputs for kept, outputs in self._outputs if kept is trial)
        rows = self.held_out_rows
        groups = self.prepared.groups[self.prepared.split.train][rows] if self.prepared.spec.group else None
        return Judged(self.prepared.answerer, raw, self.truth[rows], groups, self._fold_of_row[rows])

    @property
    def held_out_rows(self) -> NDArray[np.intp]:
        """The training rows that are held out, in the order of `held_out`."""
        return np.concatenate([np.flatnonzero(self._fold_of_row == fold) for fold in self.fold_numbers])

    def _fit_folds(self, attempt: _Attempt) -> tuple[list[NDArray[np.float64]], list[int], bool]:
        """The raw outputs of the held-out rows, fold by fold, the fits' efforts, and whether one was cut short."""
        raw: list[NDArray[np.float64]] = []
        used: list[int] = []
        stopped = False
        started, learner = time.monotonic(), attempt.entry.learner
        folds_left = len(self.fold_numbers)
        for k, fold in enumerate(self.fold_numbers):
            a_fold = (time.monotonic() - started) / k if k else 0.0
            if self._has_learned and not self.clock.allows(a_fold * folds_left):
                raise _TooSlowError
            said = f"{learner.name}, {attempt.place}, part {k + 1} of {len(self.fold_numbers)}"
            deadline = self.clock.fit_deadline(attempt.until, folds_left)
            context = self._context(said, attempt.efforts[k] if attempt.efforts else None, deadline)
            fitted, outputs, late = self._fit_fold(attempt.entry, fold, context)
            raw.append(outputs)
            used.append(fitted.effort)
            stopped, folds_left = stopped or late, folds_left - 1
        return raw, used, stopped

    def ranked(self) -> list[Trial]:
        """The trials in the order in which they deserve to win.

        That is by loss, but for one exception: a trial of a cheaper learner comes first if it is behind the best
        by less than one standard error of their difference over the folds (the one-standard-error rule of
        Breiman et al. 1984): what noise alone may decide, simplicity decides.
        """
        by_loss = sorted(self.trials, key=lambda trial: trial.loss)
        for trial in sorted(by_loss, key=lambda trial: (self._learners[trial.learner].cost, trial.loss)):
            if _as_good(trial, by_loss[0]):
                return [trial, *(other for other in by_loss if other is not trial)]
        return by_loss

    def _fold_losses(self, raw: Sequence[NDArray[np.float64]]) -> list[float]:
        """The loss of each fold; none where there are too few folds, or too few rows in them."""
        parts = [self.truth[self._fold_of_row == fold] for fold in self.fold_numbers]
        if len(parts) < _FOLDS or min(len(part) for part in parts) < _FEWEST_ROWS_OF_A_FOLD:
            return []
        metric = self.prepared.metric
        values = [self.prepared.answerer.score(*pair)[metric] for pair in zip(raw, parts, strict=True)]
        return [loss(metric, value) for value in values if value is not None]

    def _score(self, raw: Sequence[NDArray[np.float64]]) -> dict[str, float | None]:
        """The mean of the folds' scores; where one has none, as for folds of one row, the scores of all rows.

        Models of different folds differ in level, which a ranking of all rows together would take for errors.
        """
        score, truth = self.prepared.answerer.score, self.truth
        parts = [truth[self._fold_of_row == fold] for fold in self.fold_numbers]
        each = [score(outputs, part) for outputs, part in zip(raw, parts, strict=True)]
        if min(len(part) for part in parts) < _FEWEST_ROWS_OF_A_FOLD or each[0][self.prepared.metric] is None:
            return score(np.concatenate(raw), np.concatenate(parts))
        return {name: _mean([scores[name] for scores in each]) for name in each[0]}

    @property
    def truth(self) -> NDArray[Any]:
        """The target of the training rows."""
        return self.prepared.truth[self.prepared.split.train]

    def _context(self, said: str, effort: int | None, deadline: float | None) -> Context:
        observer, clock = self._observer, self.clock

        def progress(share: float) -> None:
            observer(Progress("searching", said, share, clock.left))

        progress(0.0)
        return Context(self.prepared.shape, self.prepared.spec.seed, self.threads, None, deadline, effort, progress)

    def _fit_fold(self, entry: Entry, fold: int, context: Context) -> tuple[Fitted, NDArray[np.float64], bool]:
        """The model of all other folds, its outputs for this one, and whether its deadline has passed."""
        inside = np.flatnonzero(self._fold_of_row != fold)
        outside = np.flatnonzero(self._fold_of_row == fold)
        arrays = self.prepared.arrays
        held = arrays.take(outside)
        # Rows of one are no guide for early stopping: such a fit takes its full course.
        validation = (held, self.truth[outside]) if len(outside) >= _FEWEST_ROWS_OF_A_FOLD else None
        fitted = self._fit(entry.learner, inside, entry.parameters, replace(context, validation=validation))
        late = context.late
        return fitted, fitted.predict(held), late

    def _fit(self, learner: Learner, rows: NDArray[np.intp], parameters: Parameters, context: Context) -> Fitted:
        """Fit on some training rows, with one thread for linear algebra.

        Vectors of some ten thousand numbers, as texts have, are ten times slower with two threads that wait for
        each other; and so the bits do not depend on how many processors a machine has.
        """
        counted, weights = counted_rows(self._weights, rows)
        context = replace(context, shape=replace(context.shape, n_rows=len(counted)), weights=weights)
        with self._libraries.limit(limits=1, user_api="blas"):
            return learner.fit(self.prepared.arrays.take(counted), self.truth[counted], parameters, context)

    def refit(self, trial: Trial, effort: int, rows: NDArray[np.intp] | None = None) -> Fitted:
        """Fit a trial's candidate on all training rows, or on some of them."""
        context = Context(self.prepared.shape, self.prepared.spec.seed, self.threads, effort=effort)
        rows = np.arange(len(self.truth)) if rows is None else rows
        return self._fit(self._learners[trial.learner], rows, trial.parameters, context)

    def tell(self, said: str) -> None:
        """Say what is done after the search."""
        self._observer(Progress("packaging", said, None, self.clock.left))


def _threads(prepared: Prepared) -> int:
    """All processors for large tables, one for small ones, where threads wait for each other more than they work."""
    cells = len(prepared.arrays) * (prepared.arrays.dense.shape[1] + prepared.arrays.codes.shape[1])
    return (os.cpu_count() or 1) if cells > _MOST_CELLS_FOR_ONE_THREAD else 1


def _as_good(trial: Trial, best: Trial) -> bool:
    """Whether a trial is the best one, or behind it by less than a standard error of the difference."""
    if trial is best:
        return True
    if not trial.fold_losses or len(trial.fold_losses) != len(best.fold_losses):
        return False
    behind = np.subtract(trial.fold_losses, best.fold_losses)
    return bool(behind.mean() <= behind.std(ddof=1) / np.sqrt(len(behind)))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"


def _judging(prepared: Prepared) -> tuple[NDArray[np.int64], str]:
    """The fold of each training row, -1 for rows that are never held out, and what that is called."""
    train = prepared.split.train
    n = len(train)
    if n < SMALL_TABLE:
        return np.arange(n), "leave-one-out"
    if prepared.moments is not None:
        last = last_rows(prepared.moments[train], 1 / _FOLDS)
        if last.any() and not last.all():
            return np.where(last, 0, -1), "the last fifth of the training rows in time"
    truth = prepared.truth[train]
    strata = truth if prepared.task.name == "classification" else None
    named = prepared.spec.group is not None
    numbers = folds(prepared.groups[train], strata, _FOLDS, prepared.spec.seed, named=named)
    arrays, shape = prepared.arrays, prepared.shape
    n_entries = len(arrays.text.ids) if arrays.text is not None else 0
    cells = (n * (arrays.dense.shape[1] + arrays.codes.shape[1]) + n_entries) * shape.n_outputs
    if n <= _MOST_ROWS_FOR_FOLDS and cells <= _MOST_CELLS_FOR_FOLDS:
        return numbers, f"{_FOLDS}-fold cross-validation"
    return np.where(numbers == 0, 0, -1), "a held-out fifth of the training rows"
