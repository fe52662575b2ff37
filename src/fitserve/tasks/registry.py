"""The tasks that are installed, by name."""

from __future__ import annotations

from functools import cache

from fitserve.errors import SpecError
from fitserve.plugins import make, registered
from fitserve.tasks.base import Task

GROUP = "fitserve.tasks"


def task_names() -> list[str]:
    """The names of all tasks, in order."""
    return list(registered(GROUP))


@cache
def get_task(name: str) -> Task:
    """The task of that name; raises SpecError if none is registered, or if it cannot be loaded."""
    if name not in registered(GROUP):
        raise SpecError(f"there is no task {name!r}; choose one of {', '.join(task_names())}")
    task: Task = make(GROUP, name, "task")
    return task
