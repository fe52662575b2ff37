"""What a user should know of a training besides its scores, in sentences."""

from __future__ import annotations

from fitserve.data.few_rows import SMALL_TABLE
from fitserve.training.choosing import Chosen
from fitserve.training.search import TIME_OVER, Search

_MOST_NAMED = 4


def of_the_search(search: Search, chosen: Chosen) -> list[str]:
    """What to know of a search and of what it chose."""
    return [*_too_good(search, chosen), *_too_early(search), *_not_judged(search), *_failed(search)]


def _too_good(search: Search, chosen: Chosen) -> list[str]:
    """A warning where the scores are next to perfect: then mostly something gives the target away."""
    prepared, baseline = search.prepared, search.best_of("baseline").loss
    perfect = -1.0 if prepared.answerer.metrics[prepared.metric].greater_is_better else 0.0
    if len(prepared.truth) < SMALL_TABLE or chosen.trial.loss - perfect > 1e-6 * abs(baseline - perfect):
        return []
    return [
        "the scores are next to perfect: look for a column, or a sum of columns, that is known only together "
        "with the target, and leave it out with --exclude"
    ]


def _too_early(search: Search) -> list[str]:
    """How many candidates there was no time for, and which of them for a reason of their own."""
    n = len(search.given_up)
    if not n:
        return []
    own = {each["learner"]: each["reason"] for each in reversed(search.given_up) if each["reason"] != TIME_OVER}
    shown = "; ".join(f"{name}: {reason}" for name, reason in list(own.items())[:_MOST_NAMED])
    of_all = f"{n} of {n + len(search.trials)} candidates"
    told = f"{of_all} were not judged, for there was no time; a larger budget may help"
    return [f"{told} ({shown})" if shown else told]


def _not_judged(search: Search) -> list[str]:
    prepared, train = search.prepared, len(search.prepared.split.train)
    n = train - len(search.folds.held)
    if not n or train >= SMALL_TABLE or prepared.moments is not None:
        return []
    what = "1 row was" if n == 1 else f"{n} rows were"
    return [f"{what} not judged, for only rows that belong together with it have its label; give more rows of it"]


def _failed(search: Search) -> list[str]:
    """Which learners failed, and with what."""
    told = []
    tried = {trial.learner for trial in search.trials}
    for name, reasons in search.failures.items():
        n, what = len(reasons), "candidate" if len(reasons) == 1 else "candidates"
        which = f"{n} {what} of the learner {name!r} failed" if name in tried else f"the learner {name!r} failed"
        told.append(f"{which} and did not take part ({reasons[0]})")
    if search.failures and tried == {"baseline"}:
        told.append("no learner but the answer without learning worked")
    return told
