"""The kinds of steps that are installed, by name and by the kinds of columns that they are fitted to."""

from __future__ import annotations

from functools import cache

from fitserve.features.base import Step
from fitserve.plugins import registered
from fitserve.schema import Kind

_GROUP = "fitserve.steps"


@cache
def step_type(name: str) -> type[Step]:
    """The kind of step of a name; raises KeyError for one that is not registered."""
    found: type[Step] = registered(_GROUP)[name].load()
    return found


@cache
def step_name(kind: type[Step]) -> str:
    """The name under which a kind of step is registered; raises KeyError for one that is not."""
    return {step_type(name): name for name in registered(_GROUP)}[kind]


@cache
def steps_for(kind: Kind) -> tuple[type[Step], ...]:
    """The kinds of steps for a kind of column, in the order of their names; none where none is installed."""
    return tuple(step_type(name) for name in registered(_GROUP) if kind in step_type(name).kinds)


def step_names() -> list[str]:
    """The names of all kinds of steps."""
    return list(registered(_GROUP))
