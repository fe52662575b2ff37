"""The declarative description of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from fitserve.data.understanding.task import TARGET, task_data
from fitserve.errors import SpecError
from fitserve.tasks import get_task, task_names


def _asked(meant: str, default: Any) -> Any:
    """A field of the spec: what to give, and its default; a type makes a new one."""
    made = {"default_factory": default} if isinstance(default, type) else {"default": default}
    return field(**made, metadata={"meant": meant})


# A list is no text here, and true is no number.
_IS_OF: Mapping[str, Callable[[Any], bool]] = {
    "None": lambda value: value is None,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "Mapping": lambda value: isinstance(value, Mapping),
    "Sequence": lambda value: isinstance(value, (list, tuple)),
}


def _is_of(value: Any, annotation: str) -> bool:
    """Whether a value is of a type that is written as in this file."""
    return any(_IS_OF[each.split("[")[0]](value) for each in annotation.split(" | "))


@dataclass(frozen=True)
class Spec:
    """What to train; everything but the columns that the task needs has a default.

    Most tasks need a ``target``, the column to predict; other columns are named by ``roles``, such as "series".
    ``budget`` is in seconds, for the whole training. ``learners`` None means all that fit the task.
    ``kinds`` overrides what columns hold, ``spellings`` how their numbers, dates or levels are meant, ``missing`` which
    values mean that there is none (an empty list: only blank cells do); ``exclude`` names columns to leave out.
    ``time`` names the column by which rows are in order, so that the last ones are held out (by itself, where they
    stand in the order of a date), ``shuffle`` says that random ones are; ``group`` names the column whose rows are not
    to be divided. ``weight`` names the column that says how much a row counts in a fit, ``class_weight`` "balanced"
    lets all labels count alike; scores count every row once. ``force`` trains although a check says that the scores
    would be a lie. ``learning_curve`` asks for the score by the number of training rows, which takes more than twice
    another fit. ``refit`` False serves the model that was evaluated, which has not learned from the test part.
    """

    target: str | None = _asked("give the name of a column", None)
    task: str | None = _asked("give the name of a task", None)
    roles: Mapping[str, str] = _asked("give a mapping from role to column", dict)
    metric: str | None = _asked("give the name of a score", None)
    budget: float = _asked('give seconds, or a text such as "5m"', 60.0)
    learners: Sequence[str] | None = _asked("give a list of names", None)
    kinds: Mapping[str, str] = _asked("give a mapping from column to kind", dict)
    spellings: Mapping[str, str] = _asked("give a mapping from column to spelling", dict)
    missing: Mapping[str, Sequence[str]] = _asked("give a mapping from column to a list of values", dict)
    exclude: Sequence[str] = _asked("give a list of columns", ())
    time: str | None = _asked("give the name of a column", None)
    group: str | None = _asked("give the name of a column", None)
    shuffle: bool = _asked("give true or false", False)
    force: bool = _asked("give true or false", False)
    weight: str | None = _asked("give the name of a column", None)
    class_weight: str | None = _asked('give "balanced"', None)
    seed: int = _asked("give a whole number", 0)
    learning_curve: bool = _asked("give true or false", False)
    refit: bool = _asked("give true or false", True)

    @property
    def columns(self) -> dict[str, str]:
        """The columns of all roles, the target among them."""
        return {**self.roles, **({} if self.target is None else {TARGET: self.target})}

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
        for each in fields(self):
            value = getattr(self, each.name)
            if not _is_of(value, str(each.type)):
                raise SpecError(f"{each.name} cannot be {' '.join(repr(value).split())[:80]}; {each.metadata['meant']}")
        self._check_roles()
        self._check_columns()
        if not self.budget > 0:
            raise SpecError(f"a budget of {self.budget:g} s leaves no time; give seconds above 0, such as 60")
        if self.class_weight not in (None, "balanced"):
            raise SpecError(f'class_weight is "balanced" or left out, not {self.class_weight!r}')
        if self.metric is not None and self.metric not in (known := _metric_names()):
            raise SpecError(f"there is no metric {self.metric!r}; choose from {', '.join(known)}")
        if not 0 <= self.seed < 2**31:
            raise SpecError("a seed is a whole number from 0 to 2147483647")

    def _check_roles(self) -> None:
        """Raise SpecError unless the task has a column for each of its roles."""
        if self.task is None and self.target is None:
            raise SpecError("name the column to predict, the target, or a task that needs none")
        needs = (TARGET,) if self.task is None else task_data(self.task).needs
        for role in needs:
            if role not in self.columns:
                how = "--target COLUMN" if role == TARGET else f"--role {role}=COLUMN"
                raise SpecError(f"the task {self.task!r} needs a column for its {role}; name it: {how}")
        for role, column in self.columns.items():
            if role not in needs:
                raise SpecError(f"the task {self.task!r} has no {role}; it needs {', '.join(needs) or 'no column'}")
            if column in self.exclude:
                raise SpecError(f"the {role} {column!r} cannot be excluded; leave it out of exclude")

    def _check_columns(self) -> None:
        for column in (self.time, self.group):
            if column is not None and column in (*self.columns.values(), *self.exclude):
                raise SpecError(f"rows cannot be split by {column!r}, the target or excluded; name another column")
        if self.weight is not None and self.weight in (*self.columns.values(), self.time, self.group, *self.exclude):
            raise SpecError(
                f"{self.weight!r} cannot be the weight, for it is something else already; name another column"
            )
        if self.shuffle and self.time is not None:
            raise SpecError("rows are either in order of time or shuffled; leave --time or --shuffle out")
        if self.time is not None and self.group is not None:
            raise SpecError("rows are split by --time or by --group; give one")


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
