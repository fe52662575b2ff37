"""A table and a spec into arrays: target, task, fields, split, encoder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.checks import OF_THE_TARGET, check_sheet, drift
from fitserve.data.few_rows import SMALL_TABLE
from fitserve.data.finding import Severity
from fitserve.data.kinds import IN_DOUBT, check_spellings, infer_field, missing_column, parse_kinds, profile_of
from fitserve.data.series import column_of_series
from fitserve.data.sheet import Sheet
from fitserve.data.split import (
    Split,
    can_judge,
    content_hash,
    duplicate_groups,
    joined_groups,
    split_by_time,
    split_rows,
)
from fitserve.data.target import decide_target
from fitserve.errors import DataError, SpecError
from fitserve.features.arrays import Arrays
from fitserve.features.column import Coded, Column, Numbers, take
from fitserve.features.encoder import Encoder, fit_encoder
from fitserve.features.number import number_reader, numbers_of
from fitserve.metrics import default_metric, fitting_metric
from fitserve.models.base import Shape
from fitserve.schema import Field, Kind
from fitserve.tasks import Answerer, Task
from fitserve.training.advice import group_keys, log_column, order_of, split_advice
from fitserve.training.signal import has_signal
from fitserve.training.spec import Spec
from fitserve.training.weights import read_weights


@dataclass(frozen=True)
class Prepared:
    """Everything that a search needs. ``truth`` is the target of all kept rows as learners see it.

    ``groups`` gives rows that must not be divided equal numbers; ``moments`` is the order of the rows if they are
    split by it; ``weights`` says how much rows count in a fit; ``findings`` are sentences for the report.
    """

    spec: Spec
    task: Task
    task_reason: str
    answerer: Answerer
    metric: str
    fields: list[Field]
    table: dict[str, Column]
    truth: NDArray[Any]
    groups: NDArray[np.int64]
    moments: NDArray[np.float64] | None
    split: Split
    encoder: Encoder
    arrays: Arrays
    findings: list[str]
    dataset_sha256: str
    n_rows: int
    weights: NDArray[np.float64] | None = None

    @property
    def shape(self) -> Shape:
        """What learners may know before they see the training part."""
        return Shape(
            self.task.name,
            len(self.split.train),
            self.arrays.dense.shape[1],
            [step.n_codes for step in self.encoder.codes],
            self.encoder.n_terms,
            self.answerer.n_outputs,
        )

    def units(self, rows: NDArray[np.intp]) -> NDArray[np.int64] | None:
        """A number for each of some rows, equal for rows that are one witness; None where each is one by itself."""
        groups = self.groups[rows]
        return groups if self.spec.group is not None or len(np.unique(groups)) < len(rows) else None

    def part(self, rows: NDArray[np.intp]) -> dict[str, Column]:
        """Some rows of the table, as columns."""
        return {name: take(column, rows) for name, column in self.table.items()}


def prepare(frame: pl.DataFrame, spec: Spec) -> Prepared:
    """Decide what the table and its target are, and split it; raises DataError or SpecError.

    The split comes before everything that is learned: kinds, profiles, labels, scale of the target and steps
    see the training part alone.
    """
    kinds = _check(frame, spec)
    n_all, digest = frame.height, content_hash(frame)
    found = decide_target(frame, spec.target, spec.task, spec.spellings.get(spec.target, ""))
    task, task_reason, target, kept = found.task, found.reason, found.column, found.known
    findings = [f"{n_all - len(kept)} rows without a target were dropped"] if len(kept) < n_all else []
    if len(kept) < 2:
        raise DataError(f"only {len(kept)} row has a target; at least 2 are needed, 100 or more to be useful")
    frame, target = frame[kept], take(target, kept)
    strata = _strata(task, target)
    log = _log(frame, spec, kinds, strata if found.is_label else np.zeros_like(strata))
    split_by = spec if log is None else replace(spec, time=log)
    if log is not None:
        findings.append(f"the rows stand in the order of {log!r}, so the last judge; --shuffle has random ones judge")
    groups, n_duplicates = duplicate_groups(frame)
    if n_duplicates:
        findings.append(f"{n_duplicates} rows repeat an earlier row; they were kept, on one side of the split each")
    groups, moments, split = _split(frame, split_by, groups, strata)
    answerer = task.fit(take(target, split.train))
    truth = task.truth(target, answerer)
    fields, table = _fields(frame, spec, kinds, split.train)
    findings += _checked(Sheet(frame, [field for field in fields if field.used], table, found.take(kept)), split_by)
    fields = _leave_out(fields, table, truth, split, task.name)
    metric, of_the_metric = _metric(spec, task, answerer, split)
    findings += of_the_metric
    findings += [*_unused(fields), *_in_doubt(fields), *split_advice(split_by, fields, table, split)]
    train_table = {name: take(column, split.train) for name, column in table.items()}
    encoder = fit_encoder(fields, train_table)
    return Prepared(
        spec, task, task_reason, answerer, metric, fields, table, truth, groups, moments,
        split, encoder, encoder.columns(train_table, len(split.train)), findings, digest, n_all,
        read_weights(frame, spec.weight),
    )  # fmt: skip


def _checked(sheet: Sheet, spec: Spec) -> list[str]:
    """Sentences for what the checks find; raises DataError where a score would be a lie, unless that is wanted."""
    found = check_sheet(sheet, OF_THE_TARGET if spec.time is not None else (*OF_THE_TARGET, drift))
    grave = [finding for finding in found if finding.severity is Severity.STOP]
    if grave and not spec.force:
        raise DataError(f"{grave[0].message}, so the scores would be a lie: {grave[0].advice}")
    return [finding.sentence for finding in found]


def _log(frame: pl.DataFrame, spec: Spec, kinds: Mapping[str, Kind], labels: NDArray[np.int64]) -> str | None:
    """The column of dates in whose order the rows stand, where the user leaves the split open.

    None, too, where the last rows cannot judge, or hold labels that no other row has.
    """
    if spec.time is not None or spec.group is not None or spec.shuffle:
        return None
    left_out = (spec.target, spec.weight, *spec.exclude)
    names = [n for n in frame.columns if n not in left_out and kinds.get(n, Kind.DATETIME) is Kind.DATETIME]
    name = log_column(frame, names)
    return name if name is not None and can_judge(order_of(frame[name]), labels) else None


def _split(
    frame: pl.DataFrame, spec: Spec, groups: NDArray[np.int64], strata: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None, Split]:
    """Groups that must not be divided, the order of the rows if they are split by it, and the split."""
    if spec.time is not None:
        moments = order_of(frame[spec.time])
        return groups, moments, split_by_time(moments)
    if spec.group is not None:
        groups = joined_groups(groups, group_keys(frame[spec.group]))
        if len(np.unique(groups)) < 2:
            raise SpecError(f"all rows belong together by {spec.group!r} or are equal; name another --group")
    return groups, None, split_rows(groups, strata, spec.seed, named=spec.group is not None)


def _check(frame: pl.DataFrame, spec: Spec) -> dict[str, Kind]:
    """The user's kinds; raises SpecError for a spec that does not fit the table."""
    spec.check()
    named = [name for name in (spec.time, spec.group, spec.weight) if name is not None]
    for name in (spec.target, *spec.exclude, *named):
        if name not in frame.columns:
            raise SpecError(missing_column(name, frame.columns))
    check_spellings(spec.spellings, frame.columns)
    return parse_kinds(spec.kinds, frame.columns)


def _metric(spec: Spec, task: Task, answerer: Answerer, split: Split) -> tuple[str, list[str]]:
    """The score to choose by, and what to tell of it."""
    n_classes = max(answerer.n_outputs, 2)
    if spec.metric is None:
        return default_metric(task.name, n_classes, few=len(split.train) + len(split.test) < SMALL_TABLE), []
    metric, told = fitting_metric(spec.metric, task.name, n_classes)
    return metric, [told] if told else []


def _strata(task: Task, target: Column) -> NDArray[np.int64]:
    """What a split is balanced by: labels, or tenths of a numeric target."""
    truth = task.truth(target, task.fit(target))
    if truth.dtype.kind == "i":
        return truth
    edges = np.quantile(truth, np.linspace(0, 1, 11)[1:-1])
    return np.searchsorted(edges, truth).astype(np.int64)


def _fields(
    frame: pl.DataFrame, spec: Spec, kinds: dict[str, Kind], train: NDArray[np.intp]
) -> tuple[list[Field], dict[str, Column]]:
    """The fields, inferred from the training rows, and the columns of all rows."""
    fields, table = [], {}
    learned = frame if len(train) == frame.height else frame[train]
    for name in frame.columns:
        if name == spec.target:
            continue
        if name in spec.exclude:
            fields.append(Field(name, Kind.TEXT, "excluded by the user", used=False))
            continue
        if name == spec.group:
            fields.append(Field(name, Kind.IDENTIFIER, "names the groups of the split", used=False))
            continue
        if name == spec.weight:
            fields.append(Field(name, Kind.NUMBER, "holds the weights of the rows", used=False))
            continue
        spelling = spec.spellings.get(name, "")
        field, column = infer_field(learned[name], kinds.get(name), spelling)
        table[name] = column if learned is frame else column_of_series(frame[name], field.kind, spelling)
        fields.append(field)
    if not any(field.used for field in fields):
        raise DataError("no column is left to predict from; give a table with at least one besides the target")
    return fields, table


def _leave_out(
    fields: list[Field], table: dict[str, Column], truth: NDArray[Any], split: Split, task: str
) -> list[Field]:
    """Drop constants and identifiers in which a quick fit finds no signal, where another column is left."""
    doubtful = (Kind.CONSTANT, Kind.IDENTIFIER)
    others = any(field.used and field.kind not in doubtful for field in fields)
    decided = []
    for field in fields:
        if not field.used or field.kind not in doubtful:
            decided.append(field)
            continue
        column = take(table[field.name], split.train)
        as_kind = _informative_kind(field, column)
        if not others and field.kind is Kind.IDENTIFIER:
            decided.append(replace(field, kind=as_kind, reason=f"{field.reason}; kept as the only column"))
        elif not others or has_signal(column, as_kind, truth[split.train], task):
            reason = f"{field.reason}; kept, for a quick fit finds signal in it" if others else field.reason
            decided.append(replace(field, kind=as_kind, reason=reason))
        else:
            decided.append(replace(field, used=False, reason=f"{field.reason}, and a quick fit finds no signal"))
    return _with_profiles(decided, table, split.train)


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


def _informative_kind(field: Field, column: Column) -> Kind:
    """The kind by which a doubtful column could speak: its numbers, its spelling, or its being missing."""
    if field.kind is Kind.CONSTANT and isinstance(column, Coded):
        types = {type(level) for level in column.levels}
        if types == {bool}:
            return Kind.BOOLEAN
        if any(issubclass(kind, dt.date) for kind in types):  # one date and gaps: its spelling is all there is
            return Kind.CATEGORY
    numbers = column.values if isinstance(column, Numbers) else numbers_of(column, number_reader(column).read)
    missing = np.isnan(numbers) if isinstance(column, Numbers) else (column.codes < 0) | np.isnan(numbers)
    if bool(np.isfinite(numbers).any()) and (field.kind is Kind.CONSTANT or not missing.any()):
        return Kind.NUMBER
    return Kind.CATEGORY if field.kind is Kind.CONSTANT else Kind.TEXT


def _with_profiles(fields: list[Field], table: dict[str, Column], train: NDArray[np.intp]) -> list[Field]:
    """Fields whose kind was changed get the profile of their new kind."""
    return [
        replace(field, profile=profile_of(take(table[field.name], train), field.kind)) if field.used else field
        for field in fields
    ]
