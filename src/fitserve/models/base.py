"""What a learner is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.bundle.manifest import Graph
from fitserve.errors import NotForThisTable, SpecError, in_a_line
from fitserve.models.objective import Objective
from fitserve.plugins import registered

Parameters = Mapping[str, Any]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a learner may know of a table before it sees it.

    ``level_counts`` says how many codes each code column has; ``n_terms`` how many term ids there are over all texts;
    ``others`` are the widths of blocks that tables do not have, by name.
    """

    objective: Objective
    n_rows: int
    n_dense: int
    level_counts: Sequence[int]
    n_terms: int
    others: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_outputs(self) -> int:
        """How many columns raw outputs have."""
        return self.objective.n_outputs


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of one fit.

    ``validation`` is for early stopping only. ``deadline`` is a time of `time.monotonic`, at which a fit
    stops and keeps what it has. ``effort`` (trees, rounds, iterations) replaces deadline and early stopping
    where it is given: then the same seed gives the same model whatever the clock says. ``threads`` may be
    used at once. ``weights`` says how much each row counts (n,), about 1 on average and above 0; None: all alike.
    """

    shape: Shape
    seed: int = 0
    threads: int = 1
    validation: tuple[Arrays, NDArray[Any]] | None = None
    deadline: float | None = None
    effort: int | None = None
    progress: Callable[[float], None] = field(default=lambda _share: None)
    weights: NDArray[np.float64] | None = None

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return self.ends_within(0.0)

    def ends_within(self, step: float) -> bool:
        """Whether the deadline will have passed after another step of so many seconds."""
        return self.effort is None and self.deadline is not None and time.monotonic() + step > self.deadline


@dataclass(frozen=True, slots=True)
class Exported:
    """A model as a graph. ``thresholds`` are values of dense columns at which its answer jumps.

    ``before`` are graphs whose outputs it takes (see `Graph.sources`), in the order in which they run.
    """

    graph: Graph
    model: bytes
    thresholds: Mapping[int, Sequence[float]] = field(default_factory=dict)
    before: Sequence[tuple[Graph, bytes]] = ()

    @property
    def graphs(self) -> list[tuple[Graph, bytes]]:
        """All of its graphs in the order in which they run, the last one answers."""
        return [*self.before, (self.graph, self.model)]


class Fitted(Protocol):
    """A trained model. Immutable."""

    @property
    def effort(self) -> int:
        """The trees, rounds or iterations that it took; `Context.effort` repeats them."""

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs (n, n_outputs), as the objective has them."""

    def export(self) -> Exported:
        """The same function as a graph of standard operators."""


class Learner(Protocol):
    """One family of models. Stateless; registered in the entry-point group ``fitserve.learners``.

    ``cost`` orders learners, simplest first: of equally good ones the simpler one is taken. ``objectives`` are the
    names of what it can be asked for; None means anything.
    """

    name: ClassVar[str]
    cost: ClassVar[int]
    objectives: ClassVar[Collection[str] | None]

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """The parameter sets worth trying, best guess first; raises NotForThisTable. See `candidates_of`."""

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> Fitted:
        """A model. ``target`` (n,) or (n, …) is what the objective has it to be, without gaps."""


def candidates_of(learner: Learner, shape: Shape) -> Sequence[Parameters]:
    """What a learner offers for a table; raises NotForThisTable where it is for other objectives, or refuses."""
    wanted = shape.objective.name
    if learner.objectives is not None and wanted not in learner.objectives:
        own = " or ".join(sorted(learner.objectives))
        raise NotForThisTable(f"{learner.name} has the objective {own}, this target needs {wanted}")
    return learner.candidates(shape)


def get_learners() -> dict[str, Learner]:
    """All registered learners that can be loaded by name, cheapest first."""
    return _load()[0]


def broken_learners() -> dict[str, str]:
    """What those failed with that are registered and cannot be loaded, by the names that they are registered by."""
    return _load()[1]


def choose_learners(names: Sequence[str] | None) -> list[Learner]:
    """The named learners, or all; raises SpecError for one that is unknown, or cannot be loaded."""
    known, broken = _load()
    for name in names or ():
        if name in broken and name not in known:
            raise SpecError(
                f"the learner {name!r} cannot be loaded ({broken[name]}); mend its package, or choose others"
            )
        if name not in known:
            raise SpecError(f"there is no learner {name!r}; choose from {', '.join(known)}")
    return [learner for name, learner in known.items() if not names or name in names]


def _load() -> tuple[dict[str, Learner], dict[str, str]]:
    """The learners that can be loaded, and why others cannot: one broken package stops nobody."""
    loaded: list[Learner] = []
    broken: dict[str, str] = {}
    for name, entry in registered("fitserve.learners").items():
        try:
            learner = entry.load()()
            _ = learner.name + "", learner.cost + 0, learner.objectives  # what it is sorted and chosen by
            loaded.append(learner)
        except Exception as error:  # noqa: BLE001 - a package of others may fail with anything
            broken[name] = in_a_line(error)
            _LOG.warning("the learner %s cannot be loaded", name, exc_info=error)
    return {each.name: each for each in sorted(loaded, key=lambda each: (each.cost, each.name))}, broken
