"""Which candidate is served: the best one that answers as a graph like itself and is light enough."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitserve.errors import FitserveError, ParityError, UserError, in_a_line
from fitserve.messages import AnyMessage, Message, as_message, render
from fitserve.models.base import Exported, Fitted
from fitserve.training.again import on_all_rows
from fitserve.training.export import check_parity, hostile_arrays, weigh
from fitserve.training.prepare import Prepared
from fitserve.training.progress import Observer, Progress
from fitserve.training.search import Search
from fitserve.training.trial import Trial

_LOG = logging.getLogger(__name__)
_PARITY_ROWS = 2000
_SHRINKS = 3
# A candidate is nearly as good as the best if it is behind by less than this share of the way to the baseline.
_NEARLY, _MOST_WHOLE = 0.05, 6
# Of the report's time the second fit leaves this share: a part of a report is worth less than rows to learn from.
_OF_REPORT = 0.3


@dataclass(frozen=True)
class Chosen:
    """A candidate as a graph, fitted on the training part of ``prepared``.

    ``parity`` is its largest difference from the trained model.
    """

    prepared: Prepared
    trial: Trial
    effort: int
    exported: Exported
    parity: float


@dataclass(frozen=True)
class Choice:
    """What a training ends with: the model that is ``evaluated``, and the one that is ``served``.

    They are one and the same unless it was fitted again on all rows. ``notes`` are for the report;
    ``passed_over`` says why better candidates were not taken, ``not_refitted`` why there was no second fit.
    """

    evaluated: Chosen
    served: Chosen
    passed_over: Sequence[AnyMessage] = ()
    not_refitted: AnyMessage = ""
    notes: Sequence[AnyMessage] = ()

    @property
    def refitted(self) -> bool:
        """Whether what is served has learned from the test part of its sibling, too."""
        return self.served is not self.evaluated


def choose(search: Search, observer: Observer, plan: Mapping[str, Any] | None = None) -> Choice:
    """The model to evaluate and the one to serve; both as in a recorded ``plan``, where there is one.

    Raises ParityError if no candidate can be served.
    """
    if plan is not None:
        evaluated = _export(search, search.trials[int(plan["chosen"])], int(plan["effort"]), observer)
        passed_over = [as_message(each) for each in plan.get("passed_over", ())]
        if not plan.get("refitted", False):
            reason = as_message(plan.get("not_refitted", plan.get("only_judged", "")))
            return Choice(evaluated, evaluated, passed_over, reason, [reason] if reason else [])
        served = _again(search, evaluated, observer)
        return Choice(evaluated, served, passed_over, "", _only_in_second(evaluated, served))
    evaluated, passed_over, seconds = _choose(search, observer)
    return _with_all_rows(search, evaluated, passed_over, seconds, observer)


def _choose(search: Search, observer: Observer) -> tuple[Chosen, list[AnyMessage], float]:
    """The best candidate that can be served, why better ones were passed over, and the seconds that it took itself."""
    ranked = search.ranked()
    passed_over: list[AnyMessage] = []
    tried: set[tuple[int, int]] = set()
    failed: set[int] = set()
    for place, effort in attempts(ranked):
        trial = ranked[place]
        if place in failed or (place, effort) in tried:
            continue
        tried.add((place, effort))
        begun = time.monotonic()
        try:
            chosen = _export(search, trial, effort, observer)
            heavy = _weigh(search, chosen)
        except UserError:  # a setting that is none, a disk that is full
            raise
        except Exception as error:  # noqa: BLE001 - all rows may be more than a learner takes
            if not isinstance(error, FitserveError):
                _LOG.warning("%s cannot be fitted on all rows and exported", trial.learner, exc_info=error)
            passed_over.append(Message("cannot_be_served", {"learner": trial.learner, "reason": in_a_line(error)}))
            failed.add(place)
            continue
        if heavy is None:
            return chosen, passed_over, time.monotonic() - begun
        observer(Progress("shrinking", f"{trial.learner} {heavy}, more than a server should need"))
        details = {"learner": trial.learner, "effort": effort, "reason": heavy}
        passed_over.append(Message("passed_over", details))
    raise ParityError(f"no candidate can be served: {'; '.join(map(render, passed_over))}")


def attempts(ranked: Sequence[Trial]) -> Iterator[tuple[int, int]]:
    """Places in the ranking with efforts, in the order in which they deserve to be served.

    Half of a model may be worth less than all of the next one: whole candidates that are nearly as good come first.
    What comes after the answer without learning is never served: it has not learned.
    """
    best, last = ranked[0].loss, next(place for place, trial in enumerate(ranked) if trial.learner == "baseline")
    prior = ranked[last].loss
    limit = best + _NEARLY * (prior - best) if np.isfinite(prior) else best
    worthy = ranked[: last + 1]
    near = [place for place, trial in enumerate(worthy) if trial.loss <= limit]
    yield from ((place, ranked[place].effort) for place in near[:_MOST_WHOLE])
    for place, trial in enumerate(worthy):
        yield from ((place, max(1, trial.effort >> halvings)) for halvings in range(_SHRINKS))


def _with_all_rows(
    search: Search, evaluated: Chosen, passed_over: list[AnyMessage], seconds: float, observer: Observer
) -> Choice:
    """The choice with a second fit, on all rows, where there is time for it and it can be served.

    ``seconds`` is what the first one took, with the proof of its graph.
    """
    if not search.costs.wants_second_fit:
        return Choice(evaluated, evaluated, passed_over)
    needed = search.costs.again(evaluated.trial, seconds)
    room = search.clock.room(0.0, _OF_REPORT)
    if needed > room:
        details = {"rows": len(evaluated.prepared.truth), "needed": needed, "left": max(room, 0.0)}
        reason = Message("no_time_for_second_fit", details)
        return Choice(evaluated, evaluated, passed_over, reason, [reason])
    try:
        served = _again(search, evaluated, observer)
        heavy = _weigh(search, served)
        if heavy is None:
            return Choice(evaluated, served, passed_over, "", _only_in_second(evaluated, served))
        why = heavy
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - what was evaluated can be served all the same
        if not isinstance(error, FitserveError):
            _LOG.warning("%s cannot be fitted again on all rows", evaluated.trial.learner, exc_info=error)
        why = in_a_line(error)
    reason = Message("second_fit_not_served", {"reason": why})
    return Choice(evaluated, evaluated, passed_over, reason, [reason])


def _export(search: Search, trial: Trial, effort: int, observer: Observer) -> Chosen:
    prepared = search.prepared
    observer(Progress("refitting", f"{trial.learner} on the training part", None, search.clock.left))
    unseen = prepared.test_arrays.take(np.arange(min(_PARITY_ROWS, len(prepared.test_arrays))))
    return _proven(prepared, trial, effort, search.refit(trial, effort), [unseen])


def _again(search: Search, evaluated: Chosen, observer: Observer) -> Chosen:
    """The same candidate, fitted on all rows."""
    trial, prepared = evaluated.trial, search.prepared
    note = f"{trial.learner} on all {len(prepared.truth):,} rows"
    observer(Progress("refitting", note, None, search.clock.left))
    prepared = on_all_rows(prepared)
    return _proven(prepared, trial, evaluated.effort, search.fit_on(prepared, trial, evaluated.effort), [])


def _only_in_second(evaluated: Chosen, served: Chosen) -> list[AnyMessage]:
    """What is served and was not evaluated."""
    return evaluated.prepared.task.only_in_second(evaluated.prepared.answerer, served.prepared.answerer)


def _proven(prepared: Prepared, trial: Trial, effort: int, fitted: Fitted, samples: list[Any]) -> Chosen:
    """A fitted model as a graph that answers like it."""
    exported = fitted.export()
    rows = np.arange(min(_PARITY_ROWS, len(prepared.arrays)))
    samples = [prepared.arrays.take(rows), *samples, hostile_arrays(prepared.arrays, exported)]
    return Chosen(prepared, trial, effort, exported, check_parity(fitted, exported, samples))


def _weigh(search: Search, chosen: Chosen) -> str | None:
    """Why a server could not take a graph, if so; what finding out takes is noted."""
    begun = time.monotonic()
    heavy = weigh(chosen.exported).too_heavy
    search.costs.loading = time.monotonic() - begun
    return heavy
