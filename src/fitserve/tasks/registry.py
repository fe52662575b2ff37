"""The tasks that are installed, by name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from fitserve.errors import SpecError, in_a_line
from fitserve.tasks.base import Task

_LOG = logging.getLogger(__name__)
GROUP = "fitserve.tasks"


def task_names() -> list[str]:
    """The names of all tasks, in order."""
    return sorted(_entries())


@cache
def get_task(name: str) -> Task:
    """The task of that name; raises SpecError if none is registered, or if it cannot be loaded."""
    found = _entries()
    if name not in found:
        raise SpecError(f"there is no task {name!r}; choose one of {', '.join(sorted(found))}")
    try:
        task: Task = found[name].load()()
    except Exception as error:  # noqa: BLE001 - a package of others may fail with anything
        _LOG.warning("the task %s cannot be loaded", name, exc_info=error)
        message = f"the task {name!r} cannot be loaded ({in_a_line(error)}); mend or uninstall its package"
        raise SpecError(message) from None
    return task


def _entries() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
