"""What is tried in which order, and how much of the budget each try may take.

Quick learners come first, so that there is something to serve after seconds; then the boosters, which win most
often on tables (TabArena, Erickson et al. 2025); then what answers in another way; then further candidates. A learner
that this file does not know has its turn with the other ways.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fitserve.errors import NotForThisTable, in_a_line
from fitserve.models.base import Learner, Parameters, Shape, candidates_of

_LOG = logging.getLogger(__name__)
_QUICK = ("baseline", "linear", "naive_bayes", "ridge", "logistic", "tree")
_TEXT_FAVOURITES = ("naive_bayes", "ridge", "logistic")
_BOOSTERS = ("lightgbm", "catboost", "xgboost")
_OTHERS = ("forest", "extra_trees", "mlp", "linear_svm", "elastic_net", "lasso", "svm", "knn")
# Shares of the whole budget: of quick learners, of those where texts make them the favourites, of the first
# booster, of the others, and of everything else.
_QUICK_SHARE, _FAVOURITE_SHARE, _FIRST_SHARE, _BOOSTER_SHARE, _OTHER_SHARE = 0.1, 0.22, 0.35, 0.15, 0.2
# Cells of the table times outputs for each second of the budget: beyond, slower boosters do not get far.
_EASY_CELLS_A_SECOND = 25_000


@dataclass(frozen=True)
class Entry:
    """One try: a learner's candidate, and the share of the whole budget that its fits may take at most."""

    learner: Learner
    parameters: Parameters
    share: float

    def as_json(self) -> dict[str, Any]:
        """The entry as a JSON object."""
        return {"learner": self.learner.name, "parameters": dict(self.parameters), "share": self.share}


@dataclass(frozen=True)
class Plan:
    """The tries in their order, why some learners have none, and what those failed with that should have some."""

    entries: Sequence[Entry]
    refusals: Mapping[str, str]
    failures: Mapping[str, str]

    def as_json(self) -> list[dict[str, Any]]:
        """The entries as JSON objects."""
        return [entry.as_json() for entry in self.entries]

    def summary(self) -> str:
        """The plan in a line: every learner at its first turn with its share, and how many tries follow."""
        first: dict[str, str] = {}
        for entry in self.entries:
            first.setdefault(entry.learner.name, f"{entry.learner.name} {entry.share:.0%}")
        more = len(self.entries) - len(first)
        return ", ".join(first.values()) + (f", then {more} more candidates of theirs" if more else "")


def make_plan(learners: Sequence[Learner], shape: Shape, budget: float | None) -> Plan:
    """The plan for a table; ``budget`` in seconds tells whether slow learners can do anything with their share."""
    offers: dict[str, list[Entry]] = {}
    refusals: dict[str, str] = {}
    failures: dict[str, str] = {}
    empty = not (shape.n_dense or shape.level_counts or shape.n_terms or shape.others)
    for learner in learners:
        try:
            if empty and learner.name != "baseline":
                raise NotForThisTable("no column holds anything that could be learned from")  # noqa: TRY301
            share = _share(learner.name, shape)
            offers[learner.name] = [Entry(learner, dict(p), share) for p in candidates_of(learner, shape)]
        except NotForThisTable as refusal:
            refusals[learner.name] = str(refusal)
        except Exception as error:  # noqa: BLE001 - one learner stops nobody else
            failures[learner.name] = in_a_line(error)
            _LOG.warning("the candidates of %s failed", learner.name, exc_info=error)
    early = _TEXT_FAVOURITES if shape.n_terms else ()
    return Plan(_ordered(offers, early, _is_tight(shape, budget)), refusals, failures)


def _ordered(offers: Mapping[str, list[Entry]], early: Sequence[str], tight: bool) -> list[Entry]:
    """Quick learners, the first booster, what quick learners have left; then turn by turn, boosters leading.

    Those of ``early`` have their second turn before the first booster. On a tight budget that booster, which is the
    quickest, has all of its turns before the slower ones.
    """
    turns = range(max((len(own) for own in offers.values()), default=0))
    lead, slower = _BOOSTERS[:1], _BOOSTERS[1:]
    others = (*_OTHERS, *(name for name in offers if name not in (*_QUICK, *_BOOSTERS, *_OTHERS)))
    stages = [
        [(name, 0) for name in _QUICK],
        [(name, 1) for name in early],
        [(name, turn) for name in lead for turn in (turns if tight else turns[:1])],
        [(name, turn) for turn in turns[1:] for name in _QUICK],
        [(name, 0) for name in (*slower, *others)],
        *([(name, turn) for name in (*_BOOSTERS, *others)] for turn in turns[1:]),
    ]
    order = dict.fromkeys(pair for stage in stages for pair in stage)
    return [offers[name][turn] for name, turn in order if turn < len(offers.get(name, ()))]


def _share(name: str, shape: Shape) -> float:
    if name in _QUICK:
        return _FAVOURITE_SHARE if shape.n_terms and name in _TEXT_FAVOURITES else _QUICK_SHARE
    if name in _BOOSTERS:
        return _FIRST_SHARE if name == _BOOSTERS[0] else _BOOSTER_SHARE
    return _OTHER_SHARE


def _is_tight(shape: Shape, budget: float | None) -> bool:
    cells = shape.n_rows * (shape.n_dense + len(shape.level_counts)) * shape.n_outputs
    return budget is not None and cells > _EASY_CELLS_A_SECOND * budget
