"""The light half of a task: what a request holds, how raw outputs become answers, how answers are scored.

A task has two halves. This one is all that a server needs: the fitted state of a task for one target, an `Answerer`,
is a frozen dataclass of JSON values. The heavy one (`fitserve.evaluation.task`) says what a task needs of a table, how
a model is evaluated, and what its report tells. Nobody else asks which task it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from fitserve.features.column import Column
from fitserve.messages import AnyMessage, Message
from fitserve.metrics import Metric

Answer = dict[str, Any]
Json = dict[str, Any]
Raw = NDArray[np.float32]
Scored = dict[str, float | None]


class Request(Protocol):
    """What one request asks about. ``unit`` names it in the plural: rows, series.

    ``body_limit`` is how many bytes a request may have.
    """

    unit: ClassVar[str]
    body_limit: ClassVar[int]

    def fields(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values of the model's fields in a JSON object that asks one thing; never raises."""

    def request_schema(self, row: Json) -> Json:
        """JSON Schema of that object; ``row`` is that of the model's fields."""


class Response(Protocol):
    """How raw outputs become answers."""

    @property
    def n_outputs(self) -> int:
        """How many columns a model's raw output has."""

    def decode(self, raw: Raw) -> list[Answer]:
        """Raw outputs (n, n_outputs) as n JSON answers, each with ``prediction``. NaN becomes None."""

    def columns(self, raw: Raw) -> dict[str, NDArray[Any]]:
        """The same answers as named columns whose first axis is n, for bulk; the same bits."""


class Documents(Protocol):
    """How answers look as JSON."""

    def wrap(self, answers: Sequence[Answer]) -> Json:
        """The members of a body with many answers."""

    def answer_schema(self, *, many: bool) -> Json:
        """JSON Schema of the members of one answer, or of many."""

    def disagreement(self, answer: Answer, recorded: Mapping[str, Any]) -> str:
        """What an example does that it did not do at export, to be read after its name; "" where it is the same."""


class Scores(Protocol):
    """How answers are scored, in training, in reports, and live."""

    metrics: ClassVar[Mapping[str, Metric]]

    def truth(self, target: Column) -> NDArray[Any]:
        """The truth of n rows as learners see it; its first axis is n."""

    def score(self, raw: NDArray[Any], truth: NDArray[Any], only: str = "") -> Scored:
        """Every score of the task, or ``only`` one; None where a score is undefined."""


class MetricChoice(Protocol):
    """Which score chooses, and which ones people are shown."""

    def default_metric(self, *, few: bool = False) -> str:
        """The score to choose by where nobody names one; ``few``: there are too few rows for a test part."""

    def check_metric(self, name: str, truth: NDArray[Any]) -> tuple[str, AnyMessage]:
        """The score that a user means by a name, and what to tell them where it is another one.

        Raises SpecError for one that is not of this task, or that means nothing for this truth.
        """

    def shown(self, names: Sequence[str]) -> list[str]:
        """Those of some scores that say something of their own."""


class Words(Protocol):
    """What is said of a model and its answers; the words for it are in `Task.messages`.

    ``spoken`` names the score that `quality` puts into words.
    """

    spoken: ClassVar[str]

    def about(self) -> Json:
        """What there is to know of the target, for programs: labels, a unit."""

    def summary(self, learner: str) -> list[Message]:
        """What a model of a learner predicts, and what else to know of its target: a sentence each."""

    def quality(self, scored: Mapping[str, Any]) -> Message | None:
        """How good it is; ``scored`` holds ``scores``, ``intervals`` and ``baseline``. None where nothing is known."""


class Answerer(Request, Response, Documents, Scores, MetricChoice, Words, Protocol):
    """The fitted state of a task for one target; ``task`` is the name of that."""

    task: ClassVar[str]


class Task(Protocol):
    """One kind of prediction. Stateless; registered in the entry-point group ``fitserve.tasks``.

    ``metrics`` are its scores by name. ``parts`` gives titles to the parts that its reports have besides those of all.
    ``messages`` are the templates of what it tells, by language and code; each code begins with the task's name and a
    dot. One is needed: ``NAME.error`` says what a row's error is, a mean of which is shown for parts of the rows.
    """

    name: ClassVar[str]
    metrics: ClassVar[Mapping[str, Metric]]
    parts: ClassVar[Mapping[str, str]]
    messages: ClassVar[Mapping[str, Mapping[str, str]]]

    def load(self, state: dict[str, Any]) -> Answerer:
        """The answerer of a stored state; raises TypeError or ValueError on a wrong one."""


class RowRequest:
    """A request about rows: each a JSON object with a value for each field."""

    unit: ClassVar[str] = "rows"
    body_limit: ClassVar[int] = 16 << 20

    def fields(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The object as it is."""
        return document

    def request_schema(self, row: Json) -> Json:
        """That of the fields."""
        return row
