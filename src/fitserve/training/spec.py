"""The declarative description of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from fitserve.errors import SpecError
from fitserve.tasks import get_task, task_names


@dataclass(frozen=True)
class Spec:
    """What to train. Every field but the target has a default.

    ``budget`` is in seconds, for the whole training. ``learners`` None means all that fit the task.
    ``kinds`` overrides what columns hold, ``spellings`` how their numbers, dates or levels are meant, ``missing`` which
    values mean that there is none (an empty list: only blank cells do); ``exclude`` names columns to leave out.
    ``time`` names the column by which rows are in order, so that the last ones judge (by itself, where they stand in
    the order of a date), ``shuffle`` says that random ones judge; ``group`` names the column whose rows are not to
    be divided. ``weight`` names the column that says how much a row counts in a fit, ``class_weight`` "balanced"
    lets all labels count alike; scores count every row once. ``force`` trains although a check says that the scores
    would be a lie. ``learning_curve`` asks for the score by the number of training rows, which takes more than twice
    another fit. ``refit`` False serves the model that was judged, which has not learned from the test part.
    """

    target: str
    task: str | None = None
    metric: str | None = None
    budget: float = 60.0
    learners: Sequence[str] | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exclude: Sequence[str] = ()
    time: str | None = None
    group: str | None = None
    shuffle: bool = False
    force: bool = False
    weight: str | None = None
    class_weight: str | None = None
    seed: int = 0
    learning_curve: bool = False
    refit: bool = True

    def as_json(self) -> dict[str, Any]:
        """The spec as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Spec:
        """The spec of a JSON object; raises SpecError for an unknown field."""
        unknown = document.keys() - {f.name for f in fields(cls)}
        if unknown:
            raise SpecError(f"unknown fields in the spec: {', '.join(sorted(unknown))}")
        budget = document.get("budget")
        return cls(**{**document, "budget": seconds_of(budget)} if isinstance(budget, str) else document)

    def check(self) -> None:
        """Raise SpecError for a value that no table could make right."""
        for name, wanted in _TYPES.items():
            value = getattr(self, name)
            if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
                raise SpecError(f"{name} cannot be {' '.join(repr(value).split())[:80]}; {_MEANT[name]}")
        if self.target in self.exclude:
            raise SpecError(f"the target {self.target!r} cannot be excluded; leave it out of exclude")
        self._check_columns()
        if not self.budget > 0:
            raise SpecError(f"a budget of {self.budget:g} s leaves no time; give seconds above 0, such as 60")
        if self.class_weight not in (None, "balanced"):
            raise SpecError(f'class_weight is "balanced" or left out, not {self.class_weight!r}')
        if self.metric is not None and self.metric not in (known := _metric_names()):
            raise SpecError(f"there is no metric {self.metric!r}; choose from {', '.join(known)}")
        if not 0 <= self.seed < 2**31:
            raise SpecError("a seed is a whole number from 0 to 2147483647")

    def _check_columns(self) -> None:
        for column in (self.time, self.group):
            if column is not None and column in (self.target, *self.exclude):
                raise SpecError(f"rows cannot be split by {column!r}, the target or excluded; name another column")
        if self.weight is not None and self.weight in (self.target, self.time, self.group, *self.exclude):
            raise SpecError(
                f"{self.weight!r} cannot be the weight, for it is something else already; name another column"
            )
        if self.shuffle and self.time is not None:
            raise SpecError("rows are either in order of time or shuffled; leave --time or --shuffle out")
        if self.time is not None and self.group is not None:
            raise SpecError("rows are split by --time or by --group; give one")


_TYPES: dict[str, Any] = {
    "target": str,
    "task": str | None,
    "metric": str | None,
    "budget": int | float,
    "learners": list | tuple | None,
    "kinds": Mapping,
    "spellings": Mapping,
    "missing": Mapping,
    "exclude": list | tuple,
    "time": str | None,
    "group": str | None,
    "shuffle": bool,
    "force": bool,
    "weight": str | None,
    "class_weight": str | None,
    "seed": int,
    "learning_curve": bool,
    "refit": bool,
}
_MEANT = {
    "target": "give the name of a column",
    "task": "give the name of a task",
    "metric": "give the name of a score",
    "budget": 'give seconds, or a text such as "5m"',
    "learners": "give a list of names",
    "kinds": "give a mapping from column to kind",
    "spellings": "give a mapping from column to spelling",
    "missing": "give a mapping from column to a list of values",
    "exclude": "give a list of columns",
    "time": "give the name of a column",
    "group": "give the name of a column",
    "shuffle": "give true or false",
    "force": "give true or false",
    "weight": "give the name of a column",
    "class_weight": 'give "balanced"',
    "seed": "give a whole number",
    "learning_curve": "give true or false",
    "refit": "give true or false",
}


def _metric_names() -> list[str]:
    """The scores of all tasks that can be loaded."""
    found: dict[str, None] = {}
    for name in task_names():
        with suppress(SpecError):
            found |= dict.fromkeys(get_task(name).metrics)
    return list(found)


def seconds_of(text: str) -> float:
    """Seconds of a duration such as ``90``, ``60s``, ``5m`` or ``1h``; raises SpecError."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    stripped = text.strip().lower()
    number, unit = (stripped[:-1], units[stripped[-1]]) if stripped[-1:] in units else (stripped, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        raise SpecError(f"{text!r} is not a duration; write 90, 60s, 5m or 1h") from None
    if not 0 < seconds < float("inf"):
        raise SpecError(f"{text!r} leaves no time; write 90, 60s, 5m or 1h")
    return seconds
