"""The heavy half of a task: how a model is evaluated, and what its report tells.

Registered in the entry-point group ``fitserve.evaluations`` under the name of the task. One class has all of this, and
what `fitserve.data.understanding.task` asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from fitserve.data.understanding.task import TaskData, load_part
from fitserve.features.column import Column
from fitserve.messages import AnyMessage
from fitserve.metrics.weighted import WeightedScores
from fitserve.models.objective import Objective

Outputs = tuple[Any, NDArray[Any]]
"""An answerer, and raw outputs (n, n_outputs) as it means them."""


@dataclass(frozen=True)
class Responses:
    """How the answers to n rows are drawn: ``values`` (n, k) on an axis with a ``title``.

    ``names`` are those of the k curves, of which only the means are shown; none where there is one curve.
    """

    values: NDArray[np.float64]
    title: str
    names: Sequence[str] = ()


@dataclass(frozen=True)
class InCommon:
    """What two models say to the same rows, each with an answerer that means the same, and the truth for both.

    ``unknown`` rows have a truth that neither knows. ``notes`` say of each, by its place (0 or 1), what it costs it not
    to know what the other one knows: a sentence to be read after its name.
    """

    first: Outputs
    second: Outputs
    truth: NDArray[Any]
    unknown: int = 0
    notes: Sequence[tuple[int, str]] = field(default=())


class Learning(Protocol):
    """What learners are asked for, and what they have learned that no score tells of."""

    def objective(self, answerer: Any) -> Objective:
        """What raw outputs are to be."""

    def only_in_second(self, first: Any, second: Any) -> list[AnyMessage]:
        """A sentence where the answerer of more rows knows what that of some of them does not."""

    def in_common(self, first: Outputs, second: Outputs, targets: Sequence[Column]) -> InCommon:
        """The outputs of two models in the terms of one; ``targets`` are columns, one behind the other."""


class Errors(Protocol):
    """How wrong answers are. ``closer`` says that one model is less wrong than another one: "right where …"."""

    closer: ClassVar[str]

    def errors(self, answerer: Any, raw: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
        """How wrong each row is: (n,)."""

    def weighted(self, answerer: Any, raw: NDArray[Any], truth: NDArray[Any], only: str = "") -> WeightedScores:
        """The scores of `Answerer.score`, or ``only`` one, as a function of how often each row counts."""


class Reporting(Protocol):
    """What the report of a task tells besides what every report tells."""

    def sections(self, answerer: Any) -> Mapping[str, Any]:
        """Makers of sections by name, in order (see `fitserve.evaluation.sections`)."""

    def responses(self, answerer: Any, raw: NDArray[Any], truth: NDArray[Any], target: str) -> Responses:
        """How answers are drawn where one column changes; ``truth`` tells which curves are worth it."""

    def unknown(self, truth: NDArray[Any]) -> NDArray[np.bool_]:
        """Rows (n,) whose truth no answer of the model can meet."""


class TaskEvaluation(TaskData, Learning, Errors, Reporting, Protocol):
    """The heavy half of a task."""


def task_evaluation(name: str) -> TaskEvaluation:
    """The heavy half of the task of a name; raises SpecError if there is none, or if it cannot be loaded."""
    found: TaskEvaluation = load_part(name)
    return found
