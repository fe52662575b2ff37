"""Scores of a bundle, as it would be served, on a table that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.charts.page import fragment
from fitserve.data.reading.read import ReadOptions, name_of
from fitserve.data.understanding.choices import missing_column
from fitserve.data.understanding.task import Examples
from fitserve.errors import DataError
from fitserve.evaluation.case import Case
from fitserve.evaluation.page import report_body, report_page
from fitserve.evaluation.predictions import Predictions
from fitserve.evaluation.probe import MOST_ROWS as MOST_ASKED
from fitserve.evaluation.probe import Probe
from fitserve.evaluation.reading import Reading, missing_notes, opened, problem_notes
from fitserve.evaluation.report import build_report
from fitserve.evaluation.sample import Sample
from fitserve.evaluation.seen import Mask, Overlap, SeenRows, overlap, seen_by
from fitserve.evaluation.sentences import as_sentence
from fitserve.evaluation.spoken import spoken
from fitserve.evaluation.task import task_evaluation
from fitserve.faults import LeftOut
from fitserve.features.column import Column
from fitserve.features.missing import said_missing
from fitserve.messages import stored
from fitserve.prediction import Predictor
from fitserve.prediction.named import Named

_SEED = 0


@dataclass(frozen=True)
class Part:
    """Some rows that have a target: raw outputs, truth, the rows themselves, and which of them were ``seen``."""

    raw: NDArray[Any]
    truth: NDArray[Any]
    frame: pl.DataFrame
    seen: Mask


@dataclass(frozen=True)
class Evaluation:
    """Scores on ``rows`` rows; ``without_target`` others had none and were left out.

    ``unknown_labels`` of the rows have a label that training never saw: each counts as predicted wrong. ``overlap``
    says which rows the model has learned from, and whether they are among those of the scores. ``findings`` tell
    what was found out about the file and may be wrong, ``problems`` counts rows by field and code, as the warnings of
    single predictions would name them. ``case`` is what `report` is made of.
    """

    scores: dict[str, float | None]
    rows: int
    without_target: int
    missing_columns: list[str]
    unknown_labels: int = 0
    overlap: Overlap | None = None
    findings: list[str] = field(default_factory=list)
    problems: dict[tuple[str, str], int] = field(default_factory=dict)
    case: Case | None = field(default=None, compare=False, repr=False)

    @property
    def notes(self) -> list[str]:
        """What a reader of the scores has to know, the most important first."""
        found = [*(self.overlap.notes() if self.overlap is not None else ()), *self.findings]
        if self.without_target:
            found.append(f"{self.without_target} rows without a target were left out")
        if self.unknown_labels:
            found.append(f"{self.unknown_labels} rows have a label that training never saw; each counts as wrong")
        return [*found, *problem_notes(self.problems, self.rows)]

    @cached_property
    def report(self) -> dict[str, Any]:
        """Everything that there is to tell, with charts; made when it is first asked for."""
        assert self.case is not None
        report = build_report(self.case)
        notes, lead = [stored(as_sentence(each)) for each in self.notes], report["lead"]
        flatters = self.overlap is not None and self.overlap.flatters
        return spoken(report | {"lead": [*notes, *lead] if flatters else [*lead, *notes]})

    @property
    def baseline(self) -> dict[str, float | None]:
        """The scores of the one answer that fits these rows best."""
        return dict(self.case.baseline) if self.case is not None else {}

    @property
    def intervals(self) -> dict[str, Any]:
        """The 95 % interval of each score, over rows, or over groups where a column of groups was named."""
        case = self.case
        return (LeftOut().attempt("intervals", lambda: case.finite.intervals(_SEED)) or {}) if case is not None else {}

    def html(self, title: str = "Evaluation") -> str:
        """The report as a page of its own."""
        return report_page(self.report, title)

    def _repr_html_(self) -> str:
        return fragment(report_body(self.report))


def evaluate_model(
    predictor: Predictor,
    source: Any,
    options: ReadOptions | None = None,
    *,
    group: str | None = None,
    seen: SeenRows | None = None,
) -> Evaluation:
    """Predict a table, batch by batch, and compare with its target; raises DataError if it has none.

    ``group`` names a column whose rows belong together: intervals are then over groups. Rows that the model has
    ``seen`` are left out, where enough others are left.
    """
    found: list[str] = []
    predictions: list[Part] = []
    missing, n = [], 0
    reading = Reading(predictor, findings=found)
    task = task_evaluation(predictor.manifest.task)
    with opened([reading], source, options, found, whole=task.whole) as batches:
        samples = Sample(list(reading.kinds), _SEED), Sample(list(reading.kinds), _SEED)
        for batch in batches:
            check_columns(predictor, batch, source, group)
            examples = examples_in(predictor, batch)
            frame = examples.frame
            if not n:
                missing = [name for name in reading.kinds if name not in frame.columns]
                found += missing_notes(missing, frame.columns, reading.kinds)
            n += frame.height
            part = evaluate_part(reading, examples, seen)
            samples[0].add(part.frame)
            samples[1].add(part.frame.filter(~part.seen))
            predictions.append(replace(part, frame=part.frame.select([group] if group else [])))
    raw, truth, was_seen = (
        np.concatenate([getattr(part, name) for part in predictions]) for name in ("raw", "truth", "seen")
    )
    overlapping = overlap(was_seen)
    rows = np.flatnonzero(overlapping.predictions)
    groups = group_numbers([part.frame[group] for part in predictions])[rows] if group else None
    raw, without = raw[rows], n - len(truth)
    truth = truth[rows]
    unknown = int(task.unknown(truth).sum())
    check_truth(predictor, truth, unknown, name_of(source))
    whole = Predictions(predictor.answerer, raw, truth, groups)
    case = _case(reading, whole, samples[overlapping.excludes], f"rows of {name_of(source)}")
    scores = predictor.answerer.score(raw, truth)
    return Evaluation(scores, len(truth), without, missing, unknown, overlapping, found, dict(reading.problems), case)


def evaluate_named(
    named: Named, source: Any, options: ReadOptions | None = None, *, group: str | None = None
) -> Evaluation:
    """The same for a version of the workspace, which knows the rows that it has learned from."""
    seen = seen_by(named)
    found = evaluate_model(named.predictor, source, options, group=group, seen=seen)
    if seen is not None or found.overlap is None:
        return found
    return replace(found, overlap=replace(found.overlap, unknown=[named.name]))


def check_columns(predictor: Predictor, frame: pl.DataFrame, source: Any, group: str | None) -> None:
    """Raise DataError if a table lacks the target, the column of groups, or all columns of the model."""
    for role, column in predictor.manifest.roles.items():
        check_column(frame, column, source, f"the {role}")
    if group is not None:
        check_column(frame, group, source, "the column of groups")
    if predictor.manifest.target is not None:
        predictor.check_columns(frame.columns)


def examples_in(predictor: Predictor, frame: pl.DataFrame) -> Examples:
    """The examples in a table, with what is to be predicted."""
    return task_evaluation(predictor.manifest.task).examples(frame, predictor.manifest.roles)


def check_column(frame: pl.DataFrame, name: str, source: Any, what: str) -> None:
    """Raise DataError if a column is not there."""
    if name not in frame.columns:
        raise DataError(f"{name_of(source)} lacks {what}: {missing_column(name, frame.columns)}")


def group_numbers(parts: list[pl.Series]) -> NDArray[np.int64]:
    """A number for each row, equal for equal values; rows without a value are groups of their own."""
    texts = pl.concat([part.cast(pl.String, strict=False) for part in parts])
    numbers = texts.rank("dense").cast(pl.Int64).to_numpy().astype(np.float64)
    gaps = np.isnan(numbers)
    numbers[gaps] = np.nanmax(numbers, initial=0.0) + 1 + np.arange(int(gaps.sum()))
    return numbers.astype(np.int64)


def _case(reading: Reading, whole: Predictions, sample: Sample, on: str) -> Case:
    frame, places = sample.rows()
    predictor, table = reading.predictor, reading.columns(frame)
    own = whole.take(places)
    asked = Probe(predictor, table, own).sample(MOST_ASKED, _SEED)
    members = predictor.manifest.members
    size = sum(int(members[graph.member]["size"]) for graph in predictor.manifest.model_graphs())
    baseline = whole.finite().constant().scores
    return Case(predictor, whole, on, _SEED, baseline, table, own, size, asked)


def evaluate_part(reading: Reading, examples: Examples, seen: SeenRows | None = None) -> Part:
    """What a model says to the rows that have a target, and which of them it has learned from."""
    predictor = reading.predictor
    column = target_column(predictor, examples.frame, examples.target)
    truth = predictor.answerer.truth(column)
    known = task_evaluation(predictor.manifest.task).has_truth(column, truth)
    frame, truth = examples.frame.filter(known), truth[known]
    table = reading.columns(frame)
    reading.count(table, len(truth))
    return Part(predictor.raw_columns(table, len(truth)), truth, frame, seen_among(predictor, table, truth, seen))


def seen_among(predictor: Predictor, table: dict[str, Column], truth: NDArray[Any], seen: SeenRows | None) -> Mask:
    """Which rows of a table a model has learned from: (n,)."""
    if seen is None:
        return np.zeros(len(truth), dtype=bool)
    return seen.among(predictor.encoder.columns(table, len(truth)), truth)


def target_column(predictor: Predictor, frame: pl.DataFrame, name: str) -> Column:
    """The target of some examples, a column of that name, as a model reads it."""
    manifest = predictor.manifest
    column = task_evaluation(manifest.task).column_for(predictor.answerer, frame[name])
    return said_missing(column, frozenset(manifest.data.get("target_missing", ())))


def _known_values(predictor: Predictor) -> str:
    """What a model knows of its target, in brackets."""
    known = [str(each) for values in predictor.answerer.about().values() for each in values or ()]
    return f" ({', '.join(known[:10])}{', …' if len(known) > 10 else ''})" if known else ""


def check_truth(predictor: Predictor, truth: NDArray[Any], unknown: int, source: str) -> None:
    """Raise DataError if no row has a truth that the model could have told."""
    target = predictor.manifest.predicts
    if not len(truth):
        raise DataError(f"{source}: all values of the target {target!r} are missing; give rows with their truth")
    if unknown == len(truth):
        known = f"one that the model knows{_known_values(predictor)}"
        raise DataError(f"{source}: no value of the target {target!r} is {known}; check the file")
