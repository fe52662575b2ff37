"""What a step is.

A step turns the values of one field into a few columns of one block of arrays. It has one fitted state,
a frozen dataclass of JSON values, and two evaluations that give the same bits:

* ``row``: one Python value, microseconds, used by every request;
* ``column``: a whole `Column`, used by training and bulk prediction.

Fitting is a plain function beside each step; training alone calls it.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from fitserve import schema
from fitserve.blocks import Ragged
from fitserve.errors import Problem
from fitserve.features.column import Column
from fitserve.names import NearNames
from fitserve.schema import Kind

Notes = list[Problem]


class PlacedStep(Protocol):
    """Which field a step reads, and which block it feeds: ``width`` is the number of columns that it makes there."""

    block: ClassVar[str]

    @property
    def field(self) -> str: ...

    @property
    def width(self) -> int: ...


class ReadingStep(Protocol):
    """The two evaluations."""

    def row(self, value: object, out: list[Any], notes: Notes) -> None:
        """Append what the block wants of one value (a matrix: ``width`` numbers), note what is unusual, never raise."""

    def column(self, column: Column) -> Any:
        """The same for a whole column, as the block joins it (a matrix: shape (n, width))."""


class FittedStep(Protocol):
    """How a step is fitted. ``kinds`` of columns are those that it is fitted to without being asked."""

    kinds: ClassVar[Sequence[Kind]]

    @classmethod
    def fit(cls, field: str, column: Column, *, ordered: bool = False) -> Step:
        """The step of a column; ``ordered``: rows are in order by it, and later ones will go on from there."""

    def again(self, column: Column) -> Step:
        """The same step fitted on other rows: how values are read stays."""


class StoredStep(Protocol):
    """How the state of a step is kept: JSON values, and plain arrays beside them."""

    @classmethod
    def load(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Step:
        """The step of a stored state; raises KeyError, TypeError or ValueError for what is none."""

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """The arrays by name."""


class DescribedStep(Protocol):
    """What a field is for whoever calls a service."""

    def schema(self, description: str) -> dict[str, Any]:
        """JSON Schema of a value; ``description`` says what the field is."""

    def example(self, profile: Mapping[str, Any], place: float) -> Any:
        """A value: ``place`` 0 is the low edge, 0.5 the middle or most frequent one, 1 the high edge."""


class Step(PlacedStep, ReadingStep, FittedStep, StoredStep, DescribedStep, Protocol):
    """One field's way into the arrays; a frozen dataclass, registered in the entry-point group ``fitserve.steps``."""


class PlainState:
    """A step whose state is JSON alone, and that is fitted again like for the first time."""

    @classmethod
    def load(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The step of a state whose values are of the types of its fields."""
        del arrays
        return cls(**checked_state(cls, state))

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """None."""
        return {}


def state_of(step: Any) -> dict[str, Any]:
    """The fitted state of a step as a JSON object."""
    return {f.name: getattr(step, f.name) for f in fields(step) if f.metadata.get("state", True)}


def checked_state(step_type: type[Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a step from a bundle; raises TypeError or ValueError if a value is not of its field's type."""
    known = {f.name: str(f.type) for f in fields(step_type)}
    for name, value in state.items():
        wanted = known.get(name)
        if wanted in _IS_OF and not _IS_OF[wanted](value):
            raise TypeError(f"{name!r} of a {step_type.__name__} is no {wanted}")
    if "scale" in known and not state["scale"] > 0:
        raise ValueError("the scale of a step is not above 0")
    return dict(state)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value) and len(set(value)) == len(value)


def checked_texts(value: object) -> list[str]:
    """Different texts from a bundle; raises TypeError for anything else."""
    if not isinstance(value, list) or not _is_texts(value):
        raise TypeError("no list of different texts")
    return value


_IS_OF: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "bool | None": lambda value: value is None or isinstance(value, bool),
    "float": _is_number,
    "Sequence[str]": _is_texts,
}


def described(value: object) -> object:
    """A value as it is shown in a problem: short, and always JSON."""
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return described(schema.read_number(value))
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else _spelled(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _spelled(value: object) -> str:
    """A list or an object as JSON; other things, and what is nested deep, as Python shows them, in short."""
    try:
        return orjson.dumps(value).decode() if isinstance(value, (list, dict)) else reprlib.repr(value)
    except TypeError:
        return reprlib.repr(value)


def documents(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Problems as JSON objects, the first of them with the nearest known name, the first of a field with what is known.

    The search for it is bounded: some requests are wrong in thousands of places, and some on purpose.
    """
    found = []
    names = NearNames()
    named: set[str] = set()
    for problem in problems:
        document = problem.as_json()
        if "known" in document and problem.field in named:
            del document["known"]  # of many rows, the first one tells
        named.add(problem.field)
        if problem.among and problem.nearest is None and names.left > 0:
            meant = problem.sent if problem.code == "unseen_category" else problem.field
            near = names.nearest(str(meant), problem.among)
            if near is not None:
                document["nearest"] = near
        found.append(document)
    return found


__all__ = ["Column", "Notes", "Problem", "Ragged", "Step", "described", "documents", "state_of"]
