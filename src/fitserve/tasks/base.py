"""What a task is: what is predicted, how raw outputs become answers, how they are scored."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from fitserve.errors import SpecError, in_a_line
from fitserve.features.column import Column

_LOG = logging.getLogger(__name__)

Answer = dict[str, Any]
Raw = NDArray[np.float32]


class Answerer(Protocol):
    """The fitted state of a task for one target: a frozen dataclass of JSON values."""

    @property
    def n_outputs(self) -> int:
        """How many columns a model's raw output has."""

    def decode(self, raw: Raw) -> list[Answer]:
        """Raw outputs (n, n_outputs) as n JSON answers, each with ``prediction``. NaN becomes None."""

    def columns(self, raw: Raw) -> dict[str, NDArray[Any]]:
        """The same answers as named columns of shape (n,), for bulk; the same bits."""

    def score(self, raw: NDArray[Any], truth: NDArray[Any], only: str = "") -> dict[str, float | None]:
        """Every score of the task, or ``only`` one; ``truth`` is of `Task.truth`. None where a score is undefined."""


class Task(Protocol):
    """One kind of prediction. Stateless; registered in the entry-point group ``fitserve.tasks``."""

    name: ClassVar[str]

    def fit(self, target: Column, like: Any = None) -> Any:
        """The answerer for a target without gaps; raises DataError if nothing can be learned from it.

        ``like`` is the answerer of some of these rows: how it reads and orders values stays, where that is possible.
        """

    def load(self, state: dict[str, Any]) -> Any:
        """The answerer of a stored state; raises TypeError or ValueError on a wrong one."""

    def truth(self, target: Column, answerer: Any) -> NDArray[Any]:
        """The target as learners see it: class indexes (-1 unknown), or standardised floats (NaN unknown)."""


def get_task(name: str) -> Task:
    """The task of that name; raises SpecError if none is registered, or if it cannot be loaded."""
    found = {entry.name: entry for entry in entry_points(group="fitserve.tasks")}
    if name not in found:
        raise SpecError(f"there is no task {name!r}; choose one of {', '.join(sorted(found))}")
    try:
        task: Task = found[name].load()()
    except Exception as error:  # noqa: BLE001 - a package of others may fail with anything
        _LOG.warning("the task %s cannot be loaded", name, exc_info=error)
        message = f"the task {name!r} cannot be loaded ({in_a_line(error)}); mend or uninstall its package"
        raise SpecError(message) from None
    return task
