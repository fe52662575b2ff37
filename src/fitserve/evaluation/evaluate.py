"""Scores of a bundle, as it would be served, on a table that it has not seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve import schema
from fitserve.data.kinds import missing_column
from fitserve.data.read import ReadOptions, is_location, name_of, read_batches, read_frame
from fitserve.data.series import column_of_series
from fitserve.data.split import content_hash
from fitserve.errors import DataError
from fitserve.evaluation.bulk import used_kinds
from fitserve.features.column import Column, Numbers
from fitserve.prediction import Predictor
from fitserve.schema import Kind
from fitserve.tasks import get_task

Judged = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores on ``rows`` rows; ``without_target`` others had none and were left out.

    ``unknown_labels`` of the rows have a label that training never saw: each counts as predicted wrong.
    ``trained_on`` says that it is the very table of the training, so that the scores flatter. ``findings`` tell
    what was found out about the file and may be wrong.
    """

    scores: dict[str, float | None]
    rows: int
    without_target: int
    missing_columns: list[str]
    unknown_labels: int = 0
    trained_on: bool = False
    findings: list[str] = field(default_factory=list)


def evaluate_model(predictor: Predictor, source: Any, options: ReadOptions | None = None) -> Evaluation:
    """Predict a table, batch by batch, and compare with its target; raises DataError if it has none."""
    found: list[str] = []
    located = is_location(source)
    batches: Iterable[pl.DataFrame] = read_batches(source, options, found) if located else [read_frame(source)]
    target, kinds = predictor.manifest.target, used_kinds(predictor)
    judged: list[Judged] = []
    missing, n = list(kinds), 0
    digests = []
    for frame in batches:
        if target not in frame.columns:
            raise DataError(f"{name_of(source)} lacks the target: {missing_column(target, frame.columns)}")
        missing = [name for name in kinds if name not in frame.columns]
        n += frame.height
        digests.append(content_hash(frame))
        judged.append(_judge(predictor, frame, kinds))
    raw, truth = (np.concatenate(parts) for parts in zip(*judged, strict=True))
    unknown = int((truth < 0).sum()) if truth.dtype.kind == "i" else 0
    _check_truth(predictor, truth, unknown, name_of(source))
    trained_on = digests == [predictor.manifest.data.get("sha256")]
    scores = predictor.answerer.score(raw, truth)
    return Evaluation(scores, len(truth), n - len(truth), missing, unknown, trained_on, found)


def _judge(predictor: Predictor, frame: pl.DataFrame, kinds: dict[str, Kind]) -> Judged:
    """Raw outputs and truth of the rows that have a target."""
    manifest = predictor.manifest
    task = get_task(manifest.task)
    plain = manifest.task == "regression" and not getattr(predictor.answerer, "style", "")
    column = column_of_series(frame[manifest.target], Kind.NUMBER if plain else None)
    truth = task.truth(column, predictor.answerer)
    known = np.isfinite(truth) if truth.dtype.kind == "f" else ~_without_label(column)
    frame, truth = frame.filter(known), truth[known]
    there = set(frame.columns)
    table = {name: column_of_series(frame[name], kind) for name, kind in kinds.items() if name in there}
    return predictor.raw_columns(table, len(truth)), truth


def _without_label(column: Column) -> NDArray[np.bool_]:
    if isinstance(column, Numbers):
        return np.isnan(column.values)
    return column.map(_is_missing, True, np.bool_)


def _is_missing(level: object) -> bool:
    try:
        return schema.read_category(level) is None
    except ValueError:
        return False


def _check_truth(predictor: Predictor, truth: NDArray[Any], unknown: int, source: str) -> None:
    target = predictor.manifest.target
    if not len(truth):
        raise DataError(f"{source}: all values of the target {target!r} are missing; give rows with their truth")
    if unknown == len(truth):
        labels = [str(label) for label in predictor.manifest.answer.get("labels", ())]
        known = ", ".join(labels[:10]) + (", …" if len(labels) > 10 else "")
        raise DataError(
            f"{source}: no value of the target {target!r} is a label of the model ({known}); check the file"
        )
