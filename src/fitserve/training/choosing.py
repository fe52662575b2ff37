"""Which candidate is served: the best one that answers as a graph like itself and is light enough."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fitserve.errors import FitserveError, ParityError, UserError, in_a_line
from fitserve.training.export import check_parity, hostile_arrays, weigh
from fitserve.training.package import Chosen
from fitserve.training.progress import Observer, Progress
from fitserve.training.search import Search
from fitserve.training.trial import Trial

_LOG = logging.getLogger(__name__)
_PARITY_ROWS = 2000
_SHRINKS = 3
# A candidate is nearly as good as the best if it is behind by less than this share of the way to the baseline.
_NEARLY, _MOST_WHOLE = 0.05, 6


def choose(search: Search, observer: Observer, plan: Mapping[str, Any] | None = None) -> tuple[Chosen, list[str]]:
    """The model to serve, and why better ones were passed over; both as in a recorded ``plan``, where there is one.

    Raises ParityError if no candidate can be served.
    """
    if plan is not None:
        trial = search.trials[int(plan["chosen"])]
        return _export(search, trial, int(plan["effort"]), observer), list(plan.get("passed_over", ()))
    ranked = search.ranked()
    passed_over: list[str] = []
    tried: set[tuple[int, int]] = set()
    failed: set[int] = set()
    for place, effort in attempts(ranked):
        trial = ranked[place]
        if place in failed or (place, effort) in tried:
            continue
        tried.add((place, effort))
        try:
            chosen = _export(search, trial, effort, observer)
            heavy = weigh(chosen.exported).too_heavy
        except UserError:  # a setting that is none, a disk that is full
            raise
        except Exception as error:  # noqa: BLE001 - all rows may be more than a learner takes
            if not isinstance(error, FitserveError):
                _LOG.warning("%s cannot be fitted on all rows and exported", trial.learner, exc_info=error)
            passed_over.append(f"{trial.learner}: {in_a_line(error)}")
            failed.add(place)
            continue
        if heavy is None:
            return chosen, passed_over
        observer(Progress("shrinking", f"{trial.learner} {heavy}, more than a server should need"))
        passed_over.append(f"{trial.learner} with effort {effort} {heavy} and was passed over")
    raise ParityError(f"no candidate can be served: {'; '.join(passed_over)}")


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


def _export(search: Search, trial: Trial, effort: int, observer: Observer) -> Chosen:
    observer(Progress("refitting", f"{trial.learner} on all training rows", None, search.clock.left))
    prepared = search.prepared
    fitted = search.refit(trial, effort)
    exported = fitted.export()
    test = prepared.split.test[:_PARITY_ROWS]
    samples = [
        prepared.arrays.take(np.arange(min(_PARITY_ROWS, len(prepared.arrays)))),
        prepared.encoder.columns(prepared.part(test), len(test)),
        hostile_arrays(prepared.arrays, exported),
    ]
    return Chosen(trial, effort, exported, check_parity(fitted, exported, samples))
