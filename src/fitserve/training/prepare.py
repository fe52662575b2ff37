"""A table and a spec into arrays: target, task, fields, split, encoder."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.data.checks import FOR_TRAINING, check_table, drift
from fitserve.data.checks.finding import Severity
from fitserve.data.checks.table import CheckedTable
from fitserve.data.few_rows import SMALL_TABLE
from fitserve.data.frames import Frame
from fitserve.data.split import Split, split_by_time, split_rows
from fitserve.data.understanding.choices import Choices, missing_column, read_choices
from fitserve.data.understanding.table import UnderstoodColumns, UnderstoodTable, understand
from fitserve.data.understanding.target import Target, lost_rows
from fitserve.errors import DataError, SpecError
from fitserve.evaluation.evaluate import target_column
from fitserve.evaluation.reading import Reading
from fitserve.evaluation.task import TaskEvaluation, task_evaluation
from fitserve.features.column import Column, take
from fitserve.features.encoder import Encoder, fit_encoder
from fitserve.messages import AnyMessage, Message, render
from fitserve.models.base import Shape
from fitserve.prediction import Predictor
from fitserve.schema import Field, Remark
from fitserve.tasks import Answerer
from fitserve.training.advice import split_advice
from fitserve.training.spec import Spec
from fitserve.training.usable import leave_out

_MOST_NAMED = 5


@dataclass(frozen=True)
class Prepared:
    """Everything that a search needs. ``truth`` is the target of all kept rows as learners see it.

    ``understood`` is what is known of these rows, ``target`` that of all of them, ``table`` holds their columns.
    ``weights`` says how much rows count in a fit; ``notes`` are for the report; ``n_rows`` counts rows
    without a target, too. ``seconds_to_encode`` is what fitting the steps and encoding the training part took.
    """

    spec: Spec
    understood: UnderstoodTable
    target: Target
    task: TaskEvaluation
    answerer: Answerer
    metric: str
    fields: list[Field]
    table: dict[str, Column]
    truth: NDArray[Any]
    split: Split
    encoder: Encoder
    arrays: Arrays
    notes: list[AnyMessage]
    dataset_sha256: str
    n_rows: int
    weights: NDArray[np.float64] | None = None
    seconds_to_encode: float = 0.0

    @property
    def task_reason(self) -> AnyMessage:
        """Why it is this task."""
        return self.target.reason

    @property
    def groups(self) -> NDArray[np.int64]:
        """Equal numbers for rows that must not be divided: (n,)."""
        return self.understood.groups

    @property
    def moments(self) -> NDArray[np.float64] | None:
        """The order of the rows if they are split by it: (n,)."""
        return self.understood.moments

    @property
    def distinct(self) -> bool:
        """False where inputs are so few that equal rows are no copies."""
        return not self.understood.equal.combinations

    @property
    def findings(self) -> list[str]:
        """What is told, in words."""
        return [render(each) for each in self.notes]

    @property
    def shape(self) -> Shape:
        """What learners may know before they see the training part."""
        return Shape(
            self.task.objective(self.answerer),
            len(self.split.train),
            self.arrays.dense.shape[1],
            [step.n_codes for step in self.encoder.codes],
            self.encoder.n_terms,
            {name: self.encoder.widths[name] for name in self.arrays.others},
        )

    def classes(self, rows: NDArray[np.intp]) -> NDArray[np.int64] | None:
        """The classes of the target of some rows; None where it has none."""
        found = self.task.classes(self.answerer, self.truth[rows])
        return None if found is None else found.codes

    def units(self, rows: NDArray[np.intp]) -> NDArray[np.int64] | None:
        """A number for each of some rows, equal for rows that are one witness; None where each is one by itself."""
        groups = self.groups[rows]
        return groups if self.spec.group is not None or len(np.unique(groups)) < len(rows) else None

    @cached_property
    def test_arrays(self) -> Arrays:
        """The test part, as the steps that were fitted on the training part encode it."""
        return self.encoder.columns(self.part(self.split.test), len(self.split.test))

    def part(self, rows: NDArray[np.intp]) -> dict[str, Column]:
        """Some rows of the table, as columns."""
        return {name: take(column, rows) for name, column in self.table.items()}

    def test_part_for(self, predictor: Predictor) -> tuple[dict[str, Column], Column]:
        """The columns of the test part, and its target, as another model reads them; raises DataError if it cannot."""
        frame = self.understood.take(self.split.test).frame
        predictor.check_columns(frame.columns)
        return Reading(predictor).columns(frame), target_column(predictor, frame, self.target.name)


def prepare(frame: Frame, spec: Spec) -> Prepared:
    """Decide what the table and its target are, and split it; raises DataError or SpecError.

    The split comes before everything that is learned: kinds, profiles, labels, scale of the target and steps
    see the training part alone.
    """
    every = understand(frame, _choices(frame, spec))
    table, target = _with_target(every)
    task = task_evaluation(target.task.name)
    notes = _of_rows(every, table)
    split = _split(table, spec, task.strata(target.truth))
    answerer = task.fit(take(target.column, split.train))
    truth = answerer.truth(target.column)
    columns = _columns(table, split)
    notes += _checked(table, target, columns, spec)
    fields = leave_out(columns.fields, columns.columns, truth, split.train, task.objective(answerer))
    metric, of_the_metric = _metric(spec, answerer, truth, split)
    notes += [*of_the_metric, *_unused(fields), *_in_doubt(fields)]
    notes += [] if table.moments is not None else split_advice(spec, fields, columns.columns, split)
    train_table = {name: take(column, split.train) for name, column in columns.columns.items()}
    begun = time.monotonic()
    encoder = fit_encoder(fields, train_table, table.choices.missing, None if table.order is None else table.order.name)
    arrays = encoder.columns(train_table, len(split.train))
    seconds = time.monotonic() - begun
    return Prepared(
        spec=spec,
        understood=table,
        target=target,
        task=task,
        answerer=answerer,
        metric=metric,
        fields=fields,
        table=columns.columns,
        truth=truth,
        split=split,
        encoder=encoder,
        arrays=arrays,
        notes=notes,
        dataset_sha256=table.sha256,
        n_rows=len(every),
        weights=table.weights,
        seconds_to_encode=seconds,
    )


def _choices(frame: Frame, spec: Spec) -> Choices:
    """The user's word about the table; raises SpecError for a spec that does not fit it."""
    spec.check()
    named = [name for name in (spec.time, spec.group, spec.weight) if name is not None]
    for name in (*spec.columns.values(), *spec.exclude, *named):
        if name not in frame.columns:
            raise SpecError(missing_column(name, frame.columns))
    return replace(
        read_choices(spec.kinds, spec.spellings, spec.missing, frame.columns),
        target=spec.target,
        task=spec.task,
        roles=spec.columns if spec.task is not None else None,
        exclude=spec.exclude,
        time=spec.time,
        group=spec.group,
        weight=spec.weight,
        shuffle=spec.shuffle,
    )


def _with_target(every: UnderstoodTable) -> tuple[UnderstoodTable, Target]:
    """The rows that have a target, and that; raises DataError if there are none to learn from."""
    assert every.target is not None
    known = every.target.known
    if len(known) < 2:
        raise DataError(f"only {len(known)} row has a target; at least 2 are needed, 100 or more to be useful")
    table = every.take(known)
    assert table.target is not None
    return table, table.target


def _of_rows(every: UnderstoodTable, table: UnderstoodTable) -> list[AnyMessage]:
    """Messages for rows that were left out, their order, and those that repeat others."""
    assert every.target is not None
    notes: list[AnyMessage] = [Message("lost_rows", asdict(lost)) for lost in lost_rows(every.target)]
    order, equal = table.order, table.equal
    if order is not None and table.choices.time is None:
        notes.append(Message("rows_in_order", {"column": order.name}))
    if equal.repeat:
        notes.append(Message("equal_rows", {"rows": equal.repeat, "why": equal.why}))
    return notes


def _split(table: UnderstoodTable, spec: Spec, strata: NDArray[np.int64]) -> Split:
    """The rows to learn from and those to evaluate on."""
    if table.moments is not None:
        return split_by_time(table.moments)
    split = split_rows(table.groups, strata, spec.seed, named=spec.group is not None)
    if table.equal.combinations and len(split.test):  # each row is a group of its own
        return replace(split, description=Message("split.random", {**split.description.arguments, "together": False}))
    return split


def _columns(table: UnderstoodTable, split: Split) -> UnderstoodColumns:
    """What the columns are by the training rows; raises DataError where one cannot be used, or none is left."""
    found = table.columns(split.train)
    if found.refused:
        raise found.refused[0]
    if not any(field.used for field in found.fields):
        raise DataError("no column is left to predict from; give a table with at least one besides the target")
    return found


def _checked(table: UnderstoodTable, target: Target, columns: UnderstoodColumns, spec: Spec) -> list[Message]:
    """What the checks find; raises DataError where a score would be a lie, unless that is wanted."""
    used = [field for field in columns.fields if field.used]
    checked = CheckedTable(table.frame, used, columns.columns, target)
    found = check_table(checked, FOR_TRAINING if table.moments is not None else (*FOR_TRAINING, drift))
    grave = [finding for finding in found if finding.severity is Severity.STOP]
    if grave and not spec.force:
        raise DataError(f"{grave[0].message}, so the scores would be a lie: {grave[0].advice}")
    return [finding.whole for finding in found]


def _metric(spec: Spec, answerer: Answerer, truth: NDArray[Any], split: Split) -> tuple[str, list[AnyMessage]]:
    """The score to choose by, and what to tell of it."""
    if spec.metric is None:
        return answerer.default_metric(few=len(split.train) + len(split.test) < SMALL_TABLE), []
    metric, note = answerer.check_metric(spec.metric, truth)
    return metric, [note] if note else []


def _in_doubt(fields: list[Field]) -> list[Message]:
    """What was decided about spellings although the texts do not tell."""
    doubtful = [field for field in fields if field.used and Remark.IN_DOUBT in field.remarks]
    return [Message("in_doubt", {"column": field.name, "reason": field.reason}) for field in doubtful]


def _unused(fields: list[Field]) -> list[Message]:
    """A message for each reason for which columns are not used, naming the first of them."""
    by_reason: dict[str, list[Field]] = {}
    for field in fields:
        if not field.used:
            by_reason.setdefault(render(field.reason), []).append(field)
    return [_not_used(alike[0].reason, [field.name for field in alike]) for alike in by_reason.values()]


def _not_used(reason: AnyMessage, names: list[str]) -> Message:
    shown = names[:_MOST_NAMED]
    details = {"count": len(names), "column": names[0], "columns": shown, "more": len(names) - len(shown)}
    return Message("unused_columns", {**details, "reason": reason})
