"""Choosing a learner: every candidate of the plan is evaluated on the same held-out rows."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.errors import NotForThisTable, SpecError, in_a_line
from fitserve.evaluation.predictions import Predictions
from fitserve.formatting import score
from fitserve.messages import AnyMessage, Message, as_message, render, stored
from fitserve.models.base import Fitted, Learner, Parameters
from fitserve.training.costs import Costs
from fitserve.training.fitting import Fitting
from fitserve.training.folds import validation_folds
from fitserve.training.plan import Entry, make_plan
from fitserve.training.prepare import Prepared
from fitserve.training.probe import Probe, TooSlowError
from fitserve.training.progress import Clock, Observer, Progress
from fitserve.training.scoring import BestByChance, Scoring
from fitserve.training.trial import Trial, ranked

_LOG = logging.getLogger(__name__)


_TIME_OVER = Message("time_over")


@dataclass(frozen=True)
class GivenUp:
    """A candidate that there was no time for; the ``reason`` is a sentence in records of before."""

    learner: str
    parameters: Parameters
    reason: AnyMessage

    @property
    def has_own_reason(self) -> bool:
        """Whether it was given up for what it takes, and not because all the time was over."""
        return isinstance(self.reason, Message) and self.reason.code != _TIME_OVER.code

    def as_json(self) -> dict[str, Any]:
        """What there is to know of it, in words, with the code of the reason beside them."""
        document = {"learner": self.learner, "parameters": dict(self.parameters), "reason": render(self.reason)}
        return document | ({"codes": {"reason": stored(self.reason)}} if isinstance(self.reason, Message) else {})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> GivenUp:
        """The candidate of a JSON object."""
        reason = document.get("codes", {}).get("reason", document["reason"])
        return cls(document["learner"], document["parameters"], as_message(reason))


@dataclass(frozen=True)
class _Folded:
    """The models of all folds: raw outputs of the held-out rows and efforts, fold by fold; the last model itself.

    ``stopped`` says that the clock has ended one of the fits, ``seconds`` what one took on average.
    """

    raw: Sequence[NDArray[np.float32]]
    efforts: list[int]
    stopped: bool
    fitted: Fitted
    seconds: float


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


class Search:
    """The trials of one training; `run` makes them, `trials` holds what is finished, in order.

    ``refusals`` tells why a learner has no trial, or fewer than it might; ``failures`` holds, for each learner that
    failed where it should not, what each of its candidates failed with.
    """

    def __init__(self, prepared: Prepared, learners: Sequence[Learner], clock: Clock, observer: Observer) -> None:
        self.prepared = prepared
        self.trials: list[Trial] = []
        self.plan = make_plan(learners, prepared.shape, clock.budget)
        self.planned = self.plan.as_json()
        self.refusals = dict(self.plan.refusals)
        self.failures: dict[str, list[str]] = {}
        for name, reason in self.plan.failures.items():
            self.add_failure(name, reason)
        self.given_up: list[GivenUp] = []
        self.interrupted = False
        self.folds = validation_folds(prepared)
        self.fitting = Fitting(prepared, self.folds)
        self.costs = Costs(prepared, min(len(fold.learned) for fold in self.folds.parts))
        held = prepared.split.train[self.folds.held]
        truth, units = prepared.truth[held], prepared.units(held)
        self.scoring = Scoring(prepared.answerer, prepared.metric, self.folds, truth, units, prepared.spec.seed)
        self.clock = clock
        self._probe = Probe(prepared, self.fitting, self.folds)
        self._learners = {learner.name: learner for learner in learners}
        self._listener = observer
        self._of_the_observer: Exception | None = None
        self._outputs: list[tuple[Trial, NDArray[np.float32]]] = []

    @property
    def validation(self) -> Message:
        """How candidates are evaluated."""
        return self.folds.name

    @property
    def truth(self) -> NDArray[Any]:
        """The target of the training rows."""
        return self.fitting.truth

    def run(self) -> None:
        """Try candidates until all are evaluated or the time for searching is over. Ctrl-C keeps what is there.

        A candidate that fails, whatever it fails with, loses its trial and no more.
        """
        self._check_chosen()
        self._observer(Progress("plan", self.plan.summary(), None, self.clock.left))
        self._plan_second_fit()
        try:
            self._try_all()
        except KeyboardInterrupt:
            if not self.trials:
                raise
            self.interrupted = True

    def _try_all(self) -> None:
        for entry in self.plan.entries:
            first = not self._has_learned
            self._try_entry(entry, in_time=True)
            if first and self._has_learned:
                self._plan_second_fit()
        # Something that learns is always tried, even if there is no time for it.
        for entry in self._given_up_by_time():
            if not self._has_learned:
                self._try_entry(entry, in_time=False)

    def _plan_second_fit(self) -> None:
        """Keep no time for a second fit where that would end the search before it has begun."""
        self.costs.plans_second_fit = self._room() > 0

    def _given_up_by_time(self) -> list[Entry]:
        """The candidates that were given up, what takes the least time first, as far as is known."""
        known = [(each.learner, each.parameters) for each in self.given_up]
        entries = [entry for entry in self.plan.entries if (entry.learner.name, dict(entry.parameters)) in known]
        return sorted(entries, key=lambda entry: self._probe.shortest.get(entry.learner.name, np.inf))

    def _try_entry(self, entry: Entry, *, in_time: bool) -> None:
        """Try one entry of the plan, or note why it was not."""
        name, parameters = entry.learner.name, dict(entry.parameters)
        try:
            if in_time:
                self._check_time(entry)
            else:
                this = (name, parameters)
                self.given_up = [each for each in self.given_up if (each.learner, each.parameters) != this]
            self.trials.append(self._try(self._attempt(entry)))
        except NotForThisTable as refusal:
            self.refusals[name] = str(refusal)
        except TooSlowError as error:
            self._give_up(GivenUp(name, parameters, error.reason))
        except Exception as error:
            if name == "baseline" or error is self._of_the_observer:
                raise
            self._fail(entry, error)

    def _give_up(self, candidate: GivenUp) -> None:
        """Note a candidate that there is no time for, and say so where the reason is its own."""
        name = candidate.learner
        if candidate.has_own_reason and all(each.learner != name for each in self.given_up):
            reason = render(candidate.reason)
            self._observer(Progress("searching", f"{name} is given up: {reason}", None, self.clock.left))
        self.given_up.append(candidate)

    def _observer(self, progress: Progress) -> None:
        """Tell whoever listens; what they raise in the middle of a fit is not the learner's failure."""
        try:
            self._listener(progress)
        except Exception as error:
            self._of_the_observer = error
            raise

    def _fail(self, entry: Entry, error: Exception) -> None:
        name, reason = entry.learner.name, in_a_line(error)
        self.add_failure(name, reason)
        _LOG.warning("candidate %s of %s failed", dict(entry.parameters), name, exc_info=error)
        self._observer(Progress("searching", f"{name} failed: {reason}", None, self.clock.left))

    def add_failure(self, learner: str, reason: str) -> None:
        """Note that a learner, or a candidate of it, has failed."""
        self.failures.setdefault(learner, []).append(reason)
        self.refusals.setdefault(learner, f"failed: {reason}")

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

    def _check_time(self, entry: Entry) -> None:
        """Raise TooSlowError if there is no time for a candidate, as far as is known before it starts."""
        room, name = self._room(), entry.learner.name
        if room <= 0 and name != "baseline":
            raise TooSlowError(_TIME_OVER)
        earlier = [trial.seconds for trial in self.trials if trial.learner == name]
        if earlier and max(earlier) > room:
            raise TooSlowError(Message("another_took_long", {"took": max(earlier), "left": room}))
        if name in self._probe.too_slow:
            raise TooSlowError(self._probe.too_slow[name])
        if name != "baseline" and self._probe.may_be_slow(name) and np.isfinite(room):
            for_fits = self.clock.room(self.costs.besides_fits)
            if self._probe.is_vain(for_fits):
                raise TooSlowError(_TIME_OVER)
            self._telling(f"{name} on a few rows, for what it takes")
            self._probe.ask(entry, self._fits, for_fits)
        needed = self._probe.shortest.get(name, 0.0) * self._fits
        if needed and not earlier and needed > self.clock.room(self.costs.besides_fits):
            raise TooSlowError(Message("shortest_fits_too_long", {"needed": needed, "left": max(room, 0.0)}))

    @property
    def _fits(self) -> float:
        """The fits of a candidate until it is served, counted in fits of the search."""
        return len(self.folds.parts) + self.costs.fits_afterwards

    def _room(self) -> float:
        """Seconds that further candidates may take, so that the best one so far can still be made ready."""
        learned = [trial for trial in self.trials if trial.learner != "baseline"]
        best = min(learned, key=lambda trial: trial.loss, default=None)
        return self.clock.room(self.costs.besides_fits if best is None else self.costs.afterwards(best))

    def _fit_deadline(self, attempt: _Attempt, fits: int) -> float | None:
        """When a fit that starts now has to stop, if it is the first of so many of its round.

        Its share of the plan, what is left if the best one so far is served, and what is left if it is itself.
        """
        if self.clock.budget is None or attempt.until is None:
            return None
        now = time.monotonic()
        # All folds are fitted a second time, at one effort.
        more = fits + (len(self.folds.parts) if len(self.folds.parts) > 1 else 0)
        own = self.clock.room(self.costs.besides_fits) / (more + self.costs.fits_afterwards)
        other = self._room() / more if self._has_learned else own
        return now + max(min((attempt.until - now) / fits, own, other), 0.0)

    @property
    def _has_learned(self) -> bool:
        """Whether there is something to serve that has learned."""
        return any(trial.learner != "baseline" for trial in self.trials)

    def _try(self, attempt: _Attempt) -> Trial:
        started = time.monotonic()
        learner, parameters = attempt.entry.learner, attempt.entry.parameters
        done = self._fit_folds(attempt)
        stopped = done.stopped or attempt.stopped_early
        if len(set(done.efforts)) > 1 and attempt.efforts is None:
            # Each fold stopped where its own held-out rows liked it best, so these scores flatter. All folds at
            # the one effort that the final fit will have: that is what it is worth.
            common = [max(1, round(float(np.mean(done.efforts))))] * len(done.efforts)
            done = self._fit_folds(replace(attempt, efforts=common))
        outputs, metric = np.concatenate(done.raw), self.prepared.metric
        scores = self.scoring.scores(outputs)
        chance = None if learner.name == "baseline" else self.scoring.chance(outputs)
        loss = self.scoring.loss_of(scores)
        self._measure_export(done.fitted, learner.name, loss)
        trial = Trial(
            learner.name,
            parameters,
            done.efforts,
            loss,
            scores,
            time.monotonic() - started,
            done.seconds,
            self.scoring.fold_losses(outputs),
            chance,
            stopped,
        )
        said = f"{attempt.place}, {learner.name}: {metric} {score(scores[metric])}"
        self._observer(Progress("searching", said, None, self.clock.left))
        self._keep(trial, outputs)
        return trial

    def _measure_export(self, fitted: Fitted, name: str, loss: float) -> None:
        """Take the time of turning a model into a graph, where it is the best so far: it may have to be done."""
        if self.clock.budget is None or name in self.costs.exports or any(trial.loss < loss for trial in self.trials):
            return
        begun = time.monotonic()
        with suppress(Exception):  # it is told where the candidate is chosen
            fitted.export()
        self.costs.exports[name] = (time.monotonic() - begun, fitted.effort)

    def _fit_folds(self, attempt: _Attempt) -> _Folded:
        """A candidate's models of all folds."""
        raw: list[NDArray[np.float32]] = []
        efforts: list[int] = []
        stopped = False
        started, entry, parts = time.monotonic(), attempt.entry, self.folds.parts
        for k, fold in enumerate(parts):
            a_fold, left = (time.monotonic() - started) / k if k else 0.0, len(parts) - k
            if self._has_learned and a_fold * left > (room := self._room()):
                figures = {"n": left, "of": len(parts), "needed": a_fold * left, "left": max(room, 0.0)}
                raise TooSlowError(Message("fits_too_long", figures))
            progress = self._telling(f"{entry.learner.name}, {attempt.place}, part {k + 1} of {len(parts)}")
            deadline = self._fit_deadline(attempt, left)
            context = self.fitting.context(attempt.efforts[k] if attempt.efforts else None, deadline, progress)
            fitted, outputs, late = self.fitting.on_fold(entry.learner, entry.parameters, fold, context)
            raw.append(outputs)
            efforts.append(fitted.effort)
            stopped = stopped or late
        return _Folded(raw, efforts, stopped, fitted, (time.monotonic() - started) / len(parts))

    def _telling(self, said: str) -> Any:
        def progress(share: float) -> None:
            self._observer(Progress("searching", said, share, self.clock.left))

        progress(0.0)
        return progress

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

    def held_out(self, trial: Trial) -> Predictions:
        """The outputs of a trial whose outputs are kept, for the held-out rows, fold after fold."""
        outputs = next(outputs for kept, outputs in self._outputs if kept is trial)
        return Predictions(self.prepared.answerer, outputs, self.scoring.truth, self.scoring.units, self.folds.numbers)

    def ranked(self) -> list[Trial]:
        """The trials in the order in which they deserve to win."""
        return ranked(self.trials, lambda name: self._learners[name].cost, self.best_by_chance.limit)

    @property
    def best_by_chance(self) -> BestByChance:
        """How good the best of the trials would be by chance."""
        return self.scoring.best_by_chance([trial.chance for trial in self.trials if trial.chance is not None])

    def refit(self, trial: Trial, effort: int, rows: NDArray[np.intp] | None = None) -> Fitted:
        """Fit a trial's candidate on all training rows, or on some of them."""
        return self.fitting.on_rows(self._learners[trial.learner], trial.parameters, effort, rows)

    def fit_on(self, prepared: Prepared, trial: Trial, effort: int) -> Fitted:
        """Fit a trial's candidate on the training rows of another division of the table."""
        fitting = Fitting(prepared, self.folds)
        fitting.threads = self.fitting.threads
        return fitting.on_rows(self._learners[trial.learner], trial.parameters, effort)

    def tell(self, said: str) -> None:
        """Say what is done after the search."""
        self._observer(Progress("packaging", said, None, self.clock.left))
