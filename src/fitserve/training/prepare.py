"""A table and a spec into arrays: target, task, fields, split, encoder."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.checks import FOR_TRAINING, check_table, drift
from fitserve.data.checks.finding import Severity
from fitserve.data.checks.table import CheckedTable
from fitserve.data.few_rows import SMALL_TABLE
from fitserve.data.split import (
    EqualRows,
    Split,
    can_judge,
    content_hash,
    equal_rows,
    joined_groups,
    split_by_time,
    split_rows,
)
from fitserve.data.understanding.choices import Choices, missing_column, read_choices, without_missing
from fitserve.data.understanding.kinds import IN_DOUBT, Gaps, infer_field, read_alike
from fitserve.data.understanding.missing_spellings import GapSpellings
from fitserve.data.understanding.target import decide_target, lost_rows
from fitserve.errors import DataError, SpecError
from fitserve.evaluation.task import TaskEvaluation, task_evaluation
from fitserve.features.arrays import Arrays
from fitserve.features.column import Column, take
from fitserve.features.encoder import Encoder, fit_encoder
from fitserve.models.base import Shape
from fitserve.schema import Field, Kind
from fitserve.tasks import Answerer
from fitserve.training.advice import Order, group_keys, log_order, order_of, split_advice
from fitserve.training.spec import Spec
from fitserve.training.usable import leave_out
from fitserve.training.weights import read_weights


@dataclass(frozen=True)
class Prepared:
    """Everything that a search needs. ``truth`` is the target of all kept rows as learners see it.

    ``target`` is the same as a column. ``groups`` gives rows that must not be divided equal numbers; ``moments`` is the
    order of the rows if they are split by it; ``weights`` says how much rows count in a fit; ``findings`` are
    sentences for the report. ``frame`` holds the kept rows as they were read; ``distinct`` is false where inputs are
    so few that equal rows are no copies. ``seconds_to_encode`` is what fitting the steps and encoding the training part
    took.
    """

    spec: Spec
    task: TaskEvaluation
    task_reason: str
    answerer: Answerer
    metric: str
    fields: list[Field]
    table: dict[str, Column]
    target: Column
    truth: NDArray[Any]
    groups: NDArray[np.int64]
    moments: NDArray[np.float64] | None
    split: Split
    encoder: Encoder
    arrays: Arrays
    findings: list[str]
    dataset_sha256: str
    n_rows: int
    frame: pl.DataFrame
    distinct: bool
    weights: NDArray[np.float64] | None = None
    seconds_to_encode: float = 0.0

    @property
    def shape(self) -> Shape:
        """What learners may know before they see the training part."""
        return Shape(
            self.task.objective(self.answerer),
            len(self.split.train),
            self.arrays.dense.shape[1],
            [step.n_codes for step in self.encoder.codes],
            self.encoder.n_terms,
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


def prepare(frame: pl.DataFrame, spec: Spec) -> Prepared:
    """Decide what the table and its target are, and split it; raises DataError or SpecError.

    The split comes before everything that is learned: kinds, profiles, labels, scale of the target and steps
    see the training part alone.
    """
    choices = _check(frame, spec)
    n_all, digest = frame.height, content_hash(frame)
    frame = without_missing(frame, choices.missing)
    found = decide_target(frame, spec.target, spec.task, choices)
    task, target, kept = task_evaluation(found.task.name), found.column, found.known
    findings = [f"{lost.count} rows with {lost.what} were left out; {lost.advice}" for lost in lost_rows(found)]
    if len(kept) < 2:
        raise DataError(f"only {len(kept)} row has a target; at least 2 are needed, 100 or more to be useful")
    frame, target = frame[kept], take(target, kept)
    strata, classes = _strata(task, target)
    order = _order(frame, spec, choices, np.zeros_like(strata) if classes is None else classes)
    split_by = spec if order is None else replace(spec, time=order.name)
    if order is not None and spec.time is None:
        findings.append(
            f"the rows stand in the order of {order.name!r}, so the last judge; --shuffle has random ones judge"
        )
    equal = equal_rows(frame.drop(*spec.exclude, *([spec.weight] if spec.weight else [])), spec.target)
    findings += _of_equal_rows(equal)
    groups, split = _split(frame, split_by, equal, strata, order)
    answerer = task.fit(take(target, split.train))
    truth = answerer.truth(target)
    fields, table = _fields(frame, spec, choices, split.train, order)
    used = [field for field in fields if field.used]
    findings += _checked(CheckedTable(frame, used, table, found.take(kept)), split_by)
    fields = leave_out(fields, table, truth, split.train, task.objective(answerer))
    metric, of_the_metric = _metric(spec, answerer, truth, split)
    findings += of_the_metric
    findings += [*_unused(fields), *_in_doubt(fields), *split_advice(split_by, fields, table, split)]
    train_table = {name: take(column, split.train) for name, column in table.items()}
    begun = time.monotonic()
    encoder = fit_encoder(fields, train_table, choices.missing, None if order is None else order.name)
    arrays = encoder.columns(train_table, len(split.train))
    seconds = time.monotonic() - begun
    moments = None if order is None else order.moments
    return Prepared(
        spec, task, found.reason, answerer, metric, fields, table, target, truth, groups, moments,
        split, encoder, arrays, findings, digest, n_all, frame, not equal.combinations,
        read_weights(frame, spec.weight), seconds,
    )  # fmt: skip


def _checked(table: CheckedTable, spec: Spec) -> list[str]:
    """Sentences for what the checks find; raises DataError where a score would be a lie, unless that is wanted."""
    found = check_table(table, FOR_TRAINING if spec.time is not None else (*FOR_TRAINING, drift))
    grave = [finding for finding in found if finding.severity is Severity.STOP]
    if grave and not spec.force:
        raise DataError(f"{grave[0].message}, so the scores would be a lie: {grave[0].advice}")
    return [finding.sentence for finding in found]


def _order(frame: pl.DataFrame, spec: Spec, choices: Choices, labels: NDArray[np.int64]) -> Order | None:
    """What the rows are in order by: the user's column, or that of dates in whose order they stand.

    None where the user leaves the split open and the last rows cannot judge, or hold labels that no other row has.
    """
    if spec.time is not None:
        return order_of(frame[spec.time], choices)
    if spec.group is not None or spec.shuffle:
        return None
    left_out = (spec.target, spec.weight, *spec.exclude)
    names = [n for n in frame.columns if n not in left_out and choices.kinds.get(n, Kind.DATETIME) is Kind.DATETIME]
    order = log_order(frame, names, choices)
    return order if order is not None and can_judge(order.moments, labels) else None


def _of_equal_rows(equal: EqualRows) -> list[str]:
    if not equal.repeat:
        return []
    told = f"{equal.repeat} rows repeat an earlier row"
    if equal.combinations:
        return [f"{told}, for there {equal.why}; they were split like other rows"]
    return [f"{told}; they were kept, on one side of the split each"]


def _split(
    frame: pl.DataFrame, spec: Spec, equal: EqualRows, strata: NDArray[np.int64], order: Order | None
) -> tuple[NDArray[np.int64], Split]:
    """Groups that must not be divided, and the split."""
    groups = equal.groups
    if order is not None:
        return groups, split_by_time(order.moments)
    if spec.group is not None:
        groups = joined_groups(groups, group_keys(frame[spec.group]))
        if len(np.unique(groups)) < 2:
            raise SpecError(f"all rows belong together by {spec.group!r} or are equal; name another --group")
    split = split_rows(groups, strata, spec.seed, named=spec.group is not None)
    if equal.combinations:
        split = replace(split, reason=split.reason.removesuffix(", equal rows kept together"))
    return groups, split


def _check(frame: pl.DataFrame, spec: Spec) -> Choices:
    """The user's word about columns; raises SpecError for a spec that does not fit the table."""
    spec.check()
    named = [name for name in (spec.time, spec.group, spec.weight) if name is not None]
    for name in (spec.target, *spec.exclude, *named):
        if name not in frame.columns:
            raise SpecError(missing_column(name, frame.columns))
    return read_choices(spec.kinds, spec.spellings, spec.missing, frame.columns)


def _metric(spec: Spec, answerer: Answerer, truth: NDArray[Any], split: Split) -> tuple[str, list[str]]:
    """The score to choose by, and what to tell of it."""
    if spec.metric is None:
        return answerer.default_metric(few=len(split.train) + len(split.test) < SMALL_TABLE), []
    metric, told = answerer.check_metric(spec.metric, truth)
    return metric, [told] if told else []


def _strata(task: TaskEvaluation, target: Column) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """What a split is balanced by, and the classes of the target, if it has some."""
    answerer = task.fit(target)
    truth = answerer.truth(target)
    classes = task.classes(answerer, truth)
    return task.strata(truth), None if classes is None else classes.codes


def _fields(
    frame: pl.DataFrame, spec: Spec, choices: Choices, train: NDArray[np.intp], order: Order | None
) -> tuple[list[Field], dict[str, Column]]:
    """The fields, inferred from the training rows, and the columns of all rows.

    The column that puts the rows in order has been read already, and is read so again.
    """
    fields, table = [], {}
    learned = frame if len(train) == frame.height else frame[train]
    gaps = GapSpellings(frame)
    unused = _said_unused(spec)
    for name in frame.columns:
        if name == spec.target:
            continue
        if name in unused:
            fields.append(unused[name])
            continue
        if order is not None and name == order.name and order.field.kind is Kind.DATETIME:
            field, table[name] = order.of_rows(train), order.column
        else:
            kind, spelling = choices.kinds.get(name), choices.spellings.get(name, "")
            field, column = infer_field(learned[name], kind, spelling, Gaps(gaps, all_kept=name in choices.missing))
            table[name] = column if learned is frame else read_alike(frame[name], field, column)
        fields.append(field)
    if not any(field.used for field in fields):
        raise DataError("no column is left to predict from; give a table with at least one besides the target")
    return fields, table


def _said_unused(spec: Spec) -> dict[str, Field]:
    """The columns that the user has given another part."""
    found = {name: Field(name, Kind.TEXT, "excluded by the user", used=False) for name in spec.exclude}
    if spec.group is not None:
        found[spec.group] = Field(spec.group, Kind.IDENTIFIER, "names the groups of the split", used=False)
    if spec.weight is not None:
        found[spec.weight] = Field(spec.weight, Kind.NUMBER, "holds the weights of the rows", used=False)
    return found


def _in_doubt(fields: list[Field]) -> list[str]:
    """What was decided about spellings although the texts do not tell."""
    return [f"column {field.name!r}: {field.reason}" for field in fields if field.used and IN_DOUBT in field.reason]


def _unused(fields: list[Field]) -> list[str]:
    """A sentence for each reason for which columns are not used, naming the first of them."""
    by_reason: dict[str, list[str]] = {}
    for field in fields:
        if not field.used:
            by_reason.setdefault(field.reason, []).append(field.name)
    sentences = []
    for reason, names in by_reason.items():
        if len(names) == 1:
            sentences.append(f"column {names[0]!r} is not used: {reason}")
        else:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            sentences.append(f"{len(names)} columns are not used: {reason} ({', '.join(names[:5])}{more})")
    return sentences
