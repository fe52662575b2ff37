"""Scores of a bundle, as it would be served, on a table that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve import schema
from fitserve.charts.page import fragment
from fitserve.data.choices import missing_column
from fitserve.data.read import ReadOptions, name_of
from fitserve.data.series import column_of_series
from fitserve.data.split import content_hash
from fitserve.errors import DataError
from fitserve.evaluation.case import Case
from fitserve.evaluation.judged import Judged
from fitserve.evaluation.page import report_body, report_page
from fitserve.evaluation.probe import MOST_ROWS as MOST_ASKED
from fitserve.evaluation.probe import Probe
from fitserve.evaluation.reading import Reading, opened, told_missing
from fitserve.evaluation.report import build_report
from fitserve.evaluation.sample import Sample
from fitserve.faults import LeftOut
from fitserve.features.column import Column, Numbers
from fitserve.features.missing import said_missing
from fitserve.prediction import Predictor
from fitserve.schema import Kind
from fitserve.tasks import get_task

Part = tuple[NDArray[Any], NDArray[Any], pl.DataFrame]
_SEED = 0


@dataclass(frozen=True)
class Evaluation:
    """Scores on ``rows`` rows; ``without_target`` others had none and were left out.

    ``unknown_labels`` of the rows have a label that training never saw: each counts as predicted wrong.
    ``trained_on`` says that it is the very table of the training, so that the scores flatter. ``findings`` tell
    what was found out about the file and may be wrong, ``problems`` counts rows by field and code, as the warnings of
    single predictions would name them. ``case`` is what `report` is made of.
    """

    scores: dict[str, float | None]
    rows: int
    without_target: int
    missing_columns: list[str]
    unknown_labels: int = 0
    trained_on: bool = False
    findings: list[str] = field(default_factory=list)
    problems: dict[tuple[str, str], int] = field(default_factory=dict)
    case: Case | None = field(default=None, compare=False, repr=False)

    @cached_property
    def report(self) -> dict[str, Any]:
        """Everything that there is to tell, with charts; made when it is first asked for."""
        assert self.case is not None
        return build_report(self.case)

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
    predictor: Predictor, source: Any, options: ReadOptions | None = None, *, group: str | None = None
) -> Evaluation:
    """Predict a table, batch by batch, and compare with its target; raises DataError if it has none.

    ``group`` names a column whose rows belong together: intervals are then over groups.
    """
    found: list[str] = []
    judged: list[Part] = []
    missing, n, digests = [], 0, []
    reading = Reading(predictor, findings=found)
    with opened([reading], source, options, found) as batches:
        sample = Sample(list(reading.kinds), _SEED)
        for frame in batches:
            check_columns(predictor, frame, source, group)
            if not n:
                missing = [name for name in reading.kinds if name not in frame.columns]
                found += told_missing(missing, frame.columns, reading.kinds)
            n += frame.height
            digests.append(content_hash(frame))
            raw, truth, kept = judge(reading, frame)
            sample.add(kept)
            judged.append((raw, truth, kept.select([group] if group else [])))
    raw, truth = (np.concatenate([part[i] for part in judged]) for i in (0, 1))
    unknown = int((truth < 0).sum()) if truth.dtype.kind == "i" else 0
    check_truth(predictor, truth, unknown, name_of(source))
    trained_on = digests == [predictor.manifest.data.get("sha256")]
    groups = group_numbers([part[2][group] for part in judged]) if group else None
    whole = Judged(predictor.answerer, raw, truth, groups)
    case = _case(reading, whole, sample, f"rows of {name_of(source)}")
    scores = predictor.answerer.score(raw, truth)
    return Evaluation(
        scores, len(truth), n - len(truth), missing, unknown, trained_on, found, dict(reading.problems), case
    )  # fmt: skip


def check_columns(predictor: Predictor, frame: pl.DataFrame, source: Any, group: str | None) -> None:
    """Raise DataError if a table lacks the target, the column of groups, or all columns of the model."""
    check_column(frame, predictor.manifest.target, source, "the target")
    if group is not None:
        check_column(frame, group, source, "the column of groups")
    predictor.check_columns(frame.columns)


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


def _case(reading: Reading, whole: Judged, sample: Sample, on: str) -> Case:
    frame, places = sample.rows()
    predictor, table = reading.predictor, reading.columns(frame)
    own = whole.take(places)
    asked = Probe(predictor, table, own).sample(MOST_ASKED, _SEED)
    size = int(predictor.manifest.members[predictor.manifest.model_graph().member]["size"])
    baseline = whole.finite().constant().scores
    return Case(predictor, whole, on, _SEED, baseline, table, own, size, asked)


def judge(reading: Reading, frame: pl.DataFrame) -> Part:
    """Raw outputs, truth and columns of the rows that have a target."""
    predictor = reading.predictor
    manifest = predictor.manifest
    task = get_task(manifest.task)
    plain = manifest.task == "regression" and not getattr(predictor.answerer, "style", "")
    column = column_of_series(frame[manifest.target], Kind.NUMBER if plain else None)
    column = said_missing(column, frozenset(manifest.data.get("target_missing", ())))
    truth = task.truth(column, predictor.answerer)
    known = np.isfinite(truth) if truth.dtype.kind == "f" else (truth >= 0) | ~_without_label(column)
    frame, truth = frame.filter(known), truth[known]
    table = reading.columns(frame)
    reading.count(table, len(truth))
    return predictor.raw_columns(table, len(truth)), truth, frame


def _without_label(column: Column) -> NDArray[np.bool_]:
    if isinstance(column, Numbers):
        return np.isnan(column.values)
    return column.map(_is_missing, True, np.bool_)


def _is_missing(level: object) -> bool:
    try:
        return schema.read_category(level) is None
    except ValueError:
        return False


def check_truth(predictor: Predictor, truth: NDArray[Any], unknown: int, source: str) -> None:
    """Raise DataError if no row has a truth that the model could have told."""
    target = predictor.manifest.target
    if not len(truth):
        raise DataError(f"{source}: all values of the target {target!r} are missing; give rows with their truth")
    if unknown == len(truth):
        labels = [str(label) for label in predictor.manifest.answer.get("labels", ())]
        known = ", ".join(labels[:10]) + (", …" if len(labels) > 10 else "")
        raise DataError(
            f"{source}: no value of the target {target!r} is a label of the model ({known}); check the file"
        )
