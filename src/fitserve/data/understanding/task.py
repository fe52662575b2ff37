"""What a task needs of a table, and what it says of its target.

The heavy half of a task (`fitserve.evaluation.tasks`) implements these contracts. It is found by the entry-point group
``fitserve.evaluations``, under the name of its task.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.errors import SpecError
from fitserve.features.column import Column
from fitserve.messages import AnyMessage
from fitserve.plugins import make, registered
from fitserve.schema import Field, Kind
from fitserve.tasks import get_task

_LOG = logging.getLogger(__name__)
GROUP = "fitserve.evaluations"
TARGET = "target"
"""The role of the column that is to be predicted."""


@dataclass(frozen=True)
class Examples:
    """A table as a task learns from it: a row for each thing to learn from.

    ``target`` names the column that holds what is to be predicted; ``kinds`` says what columns hold that the task has
    made itself; ``moments`` (n,) put the rows in order of time, where the task knows one.
    """

    frame: pl.DataFrame
    target: str
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    moments: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """Rows that cannot be learned from because of their target: how many, what it is, and what to do."""

    count: int
    what: AnyMessage
    advice: AnyMessage


@dataclass(frozen=True, slots=True)
class Claim:
    """Why a target is for a task where the user names none: a ``reason``, or a ``doubt`` with what to do about it."""

    reason: AnyMessage = ""
    doubt: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Classes:
    """A truth that is one of some classes: ``codes`` (n,), -1 where it is none of them, are indexes of ``names``."""

    codes: NDArray[np.int64]
    names: Sequence[str]


class Roles(Protocol):
    """Which columns a task needs, and what it makes of the table.

    ``needs`` names the roles, such as "target". ``whole`` says that examples are made of several rows, so that a table
    cannot be looked at in parts.
    """

    needs: ClassVar[Sequence[str]]
    whole: ClassVar[bool]

    def examples(self, frame: pl.DataFrame, columns: Mapping[str, str]) -> Examples:
        """The examples in a table; ``columns`` gives the column of each role. Raises DataError."""

    def claim(self, field: Field, column: Column) -> Claim | None:
        """Whether a target is for this task where the user names none; None if it is not."""


class TargetReader(Protocol):
    """How the target is read and fitted."""

    def column(self, series: pl.Series, understood: Column, spelling: str) -> Column:
        """The values of the target; ``understood`` is what they are taken for where nobody predicts them."""

    def fit(self, target: Column, like: Any = None) -> Any:
        """The answerer for a target; raises DataError if nothing can be learned from it.

        ``like`` is the answerer of some of these rows: how it reads and orders values stays, where that is possible.
        """

    def column_for(self, answerer: Any, series: pl.Series) -> Column:
        """The values of the target in another table, as an answerer reads them."""


class Statistics(Protocol):
    """What the truth is like, for whoever splits it or looks for what gives it away."""

    def known(self, truth: NDArray[Any]) -> NDArray[np.bool_]:
        """Which rows can be learned from: (n,)."""

    def strata(self, truth: NDArray[Any]) -> NDArray[np.int64]:
        """Numbers (n,) that a split is balanced by."""

    def classes(self, answerer: Any, truth: NDArray[Any]) -> Classes | None:
        """The truth as classes, which folds keep the shares of and weights can balance; None where it has none."""


class Truths(Protocol):
    """Which rows have a truth, why others have none, and a truth that is a number."""

    def lost(self, target: Column, name: str) -> list[Lost]:
        """Those of some rows that have a value and yet no truth, and why; ``name`` is that of the column."""

    def numbers(self, answerer: Any, truth: NDArray[Any]) -> NDArray[np.float64] | None:
        """The truth as numbers in the unit of the target (n,), NaN where missing; None where it is none."""

    def has_truth(self, target: Column, truth: NDArray[Any]) -> NDArray[np.bool_]:
        """Which rows can be evaluated: those with a truth, also one that no model could know."""


class TaskData(Roles, TargetReader, Statistics, Truths, Protocol):
    """All that the understanding of a table asks of a task."""

    name: ClassVar[str]


@cache
def load_part(name: str) -> Any:
    """The heavy half of a task; raises SpecError if none is registered, or if it cannot be loaded."""
    if name not in registered(GROUP):
        get_task(name)  # whose error tells more
        raise SpecError(f"the task {name!r} cannot be trained: its package registers nothing in {GROUP}; mend it")
    return make(GROUP, name, "task")


def task_data(name: str) -> TaskData:
    """What a task says of tables."""
    found: TaskData = load_part(name)
    return found


def all_task_data() -> list[TaskData]:
    """All tasks that are installed and can be loaded, in the order of their names."""
    found: list[TaskData] = []
    for name in registered(GROUP):
        try:
            found.append(task_data(name))
        except SpecError as error:
            _LOG.warning("%s", error)
    return found
