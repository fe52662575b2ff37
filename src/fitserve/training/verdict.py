"""What a user should know of a training besides its scores."""

from __future__ import annotations

from fitserve.data.few_rows import SMALL_TABLE
from fitserve.messages import Message
from fitserve.training.choosing import Chosen
from fitserve.training.search import Search

_MOST_NAMED = 4


def of_the_search(search: Search, chosen: Chosen) -> list[Message]:
    """What to know of a search and of what it chose."""
    return [*_too_good(search, chosen), *_too_early(search), *_not_validated(search), *_failed(search)]


def _too_good(search: Search, chosen: Chosen) -> list[Message]:
    """A warning where the scores are next to perfect: then mostly something gives the target away."""
    prepared, baseline = search.prepared, search.best_of("baseline").loss
    perfect = -1.0 if prepared.answerer.metrics[prepared.metric].greater_is_better else 0.0
    if len(prepared.truth) < SMALL_TABLE or chosen.trial.loss - perfect > 1e-6 * abs(baseline - perfect):
        return []
    return [Message("next_to_perfect")]


def _too_early(search: Search) -> list[Message]:
    """How many candidates there was no time for, and which of them for a reason of their own."""
    n = len(search.given_up)
    if not n:
        return []
    own = {each.learner: each.reason for each in reversed(search.given_up) if each.has_own_reason}
    shown = [{"learner": name, "reason": reason} for name, reason in list(own.items())[:_MOST_NAMED]]
    return [Message("no_time_to_try", {"n": n, "of": n + len(search.trials), "reasons": shown})]


def _not_validated(search: Search) -> list[Message]:
    prepared, train = search.prepared, len(search.prepared.split.train)
    n = train - len(search.folds.held)
    if not n or train >= SMALL_TABLE or prepared.moments is not None:
        return []
    return [Message("rows_not_validated", {"n": n})]


def _failed(search: Search) -> list[Message]:
    """Which learners failed, and with what."""
    notes = []
    tried = {trial.learner for trial in search.trials}
    for name, reasons in search.failures.items():
        of_it = {"learner": name, "n": len(reasons), "tried": name in tried, "reason": reasons[0]}
        notes.append(Message("learner_failed", of_it))
    if search.failures and tried == {"baseline"}:
        notes.append(Message("no_learner_worked"))
    return notes
