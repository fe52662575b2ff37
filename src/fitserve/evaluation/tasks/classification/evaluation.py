"""What classification needs of a table, and how its models are evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve import schema
from fitserve.data.understanding.series import column_of_series
from fitserve.data.understanding.task import TARGET, Claim, Classes, Examples, Lost
from fitserve.evaluation.task import InCommon, Outputs, Responses
from fitserve.evaluation.tasks.classification.labels import fit_labels
from fitserve.evaluation.tasks.classification.outputs import Outputs as LabelOutputs
from fitserve.evaluation.tasks.classification.report import OF_LABELS, OF_TWO_LABELS
from fitserve.features.column import Column, Numbers
from fitserve.messages import AnyMessage, Message
from fitserve.metrics.weighted import WeightedScores, weighted_classification
from fitserve.models.objective import Probabilities
from fitserve.schema import Field, Kind, Remark
from fitserve.tasks.classification import ClassAnswerer

_MOST_CLASS_NUMBERS, _ROWS_A_CLASS_NUMBER = 10, 20
_MOST_LABELS = 1000
_MOST_NAMED = 5
_MOST_CURVES = 4
Truth = NDArray[np.int64]


class ClassificationEvaluation:
    """The heavy half of classification."""

    name: ClassVar[str] = "classification"
    needs: ClassVar[Sequence[str]] = (TARGET,)
    whole: ClassVar[bool] = False
    closer: ClassVar[str] = "right where the other is wrong"

    def examples(self, frame: pl.DataFrame, columns: Mapping[str, str]) -> Examples:
        """The rows as they are."""
        return Examples(frame, columns[TARGET])

    def claim(self, field: Field, column: Column) -> Claim | None:
        """Everything but numbers; and two whole numbers, or few that are often repeated."""
        numbers = isinstance(column, Numbers)
        texts = field.kind is Kind.TEXT and Remark.LONG_CODES not in field.remarks
        if texts or field.profile.get("n_levels", 0) > _MOST_LABELS:
            return Claim(doubt="too many to be labels", advice="" if numbers else "--task classification if they are")
        if not isinstance(column, Numbers):
            return Claim(Message("classification.labels", {"column": field.name, "reason": field.reason}))
        known = column.values[np.isfinite(column.values)]
        distinct, whole = len(np.unique(known)), bool((known == np.floor(known)).all())
        if distinct == 2 and whole:
            return Claim(Message("classification.two_numbers", {"column": field.name}))
        if whole and distinct <= _MOST_CLASS_NUMBERS and len(known) >= _ROWS_A_CLASS_NUMBER * distinct:
            return Claim(Message("classification.few_numbers", {"column": field.name, "distinct": distinct}))
        return None

    def column(self, series: pl.Series, understood: Column, spelling: str) -> Column:
        """Labels are what the column was taken for."""
        del series, spelling
        return understood

    def column_for(self, answerer: ClassAnswerer, series: pl.Series) -> Column:
        """The values as they are."""
        del answerer
        return column_of_series(series)

    def fit(self, target: Column, like: ClassAnswerer | None = None) -> ClassAnswerer:
        """See `fit_labels`."""
        return fit_labels(target, like)

    def lost(self, target: Column, name: str) -> list[Lost]:
        """None: whatever is there is a label."""
        del target, name
        return []

    def known(self, truth: Truth) -> NDArray[np.bool_]:
        """Rows with a label that the answerer has."""
        return np.asarray(truth >= 0)

    def strata(self, truth: Truth) -> NDArray[np.int64]:
        """The labels."""
        return truth

    def classes(self, answerer: ClassAnswerer, truth: Truth) -> Classes:
        """The labels."""
        return Classes(truth, answerer.names)

    def numbers(self, answerer: ClassAnswerer, truth: Truth) -> None:
        """Labels are none, also where they are spelled so."""
        del answerer, truth

    def has_truth(self, target: Column, truth: Truth) -> NDArray[np.bool_]:
        """Rows with a label, also one that training never saw."""
        if isinstance(target, Numbers):
            return np.asarray((truth >= 0) | ~np.isnan(target.values))
        return np.asarray((truth >= 0) | ~target.map(_is_missing, True, np.bool_))

    def unknown(self, truth: Truth) -> NDArray[np.bool_]:
        """Rows with a label that training never saw."""
        return np.asarray(truth < 0)

    def objective(self, answerer: ClassAnswerer) -> Probabilities:
        """Probabilities of the labels."""
        return Probabilities(answerer.n_outputs)

    def only_in_second(self, first: ClassAnswerer, second: ClassAnswerer) -> list[AnyMessage]:
        """Labels that no row of the first one has."""
        found = [name for name in second.names if name not in first.names]
        if not found:
            return []
        return [Message("classification.only_in_test", {"n": len(found), "first": found[0], "labels": found})]

    def in_common(self, first: Outputs, second: Outputs, targets: Sequence[Column]) -> InCommon:
        """The same order of labels, with those that only one of the two knows."""
        own, other = first[0], second[0]
        if sorted(own.names) == sorted(other.names):
            truth = np.concatenate([own.truth(column) for column in targets])
            return InCommon(first, _reordered(own, other, second[1]), truth, int((truth < 0).sum()))
        labels = {name: label for each in (own, other) for name, label in zip(each.names, each.labels, strict=True)}
        one_type = len({type(label) for label in labels.values()}) == 1
        union = ClassAnswerer(
            list(labels.values()) if one_type else list(labels), any_case=own.any_case or other.any_case
        )
        truth = np.concatenate([union.truth(column) for column in targets])
        notes = [
            (place, sentence)
            for place, each in enumerate((own, other))
            for sentence in _unknown_labels(union.names, each.names, truth)
        ]
        wide = [(union, _widened(union, answerer, raw)) for answerer, raw in (first, second)]
        return InCommon(wide[0], wide[1], truth, int((truth < 0).sum()), notes)

    def errors(self, answerer: ClassAnswerer, raw: NDArray[Any], truth: Truth) -> NDArray[np.float64]:
        """0 for each row that is right, 1 for each that is wrong."""
        return LabelOutputs(answerer, raw, truth).errors

    def weighted(self, answerer: ClassAnswerer, raw: NDArray[Any], truth: Truth, only: str = "") -> WeightedScores:
        """See `fitserve.metrics.weighted_classification`."""
        positive = 1 if answerer.n_outputs == 1 else None
        return weighted_classification(
            truth, answerer.probabilities(raw), positive, threshold=answerer.threshold, only=only
        )

    def sections(self, answerer: ClassAnswerer) -> Mapping[str, Any]:
        """Confusions, curves, calibration; of two labels gains and thresholds, too."""
        return OF_LABELS | (OF_TWO_LABELS if answerer.n_outputs == 1 else {})

    def responses(self, answerer: ClassAnswerer, raw: NDArray[Any], truth: Truth, target: str) -> Responses:
        """The probability of the positive label, or those of the four most frequent ones."""
        del target
        if answerer.n_outputs == 1:
            return Responses(answerer.probabilities(raw)[:, 1:], f"probability of {answerer.names[1]}")
        counts = np.bincount(truth[truth >= 0], minlength=len(answerer.names))
        frequent = np.argsort(-counts, kind="stable")[:_MOST_CURVES]
        names = [answerer.names[i] for i in frequent]
        return Responses(answerer.probabilities(raw)[:, frequent], "probability", names)


def _is_missing(level: object) -> bool:
    try:
        return schema.read_category(level) is None
    except ValueError:
        return False


def _reordered(own: ClassAnswerer, other: ClassAnswerer, raw: NDArray[Any]) -> Outputs:
    """The outputs of one model in the other's order of the same labels."""
    if own.names == other.names:
        return other, raw
    if own.n_outputs == 1:
        return replace(own, threshold=1 - other.threshold), 1 - raw
    return own, raw[:, [other.names.index(name) for name in own.names]]


def _widened(union: ClassAnswerer, own: ClassAnswerer, raw: NDArray[Any]) -> NDArray[Any]:
    """Probabilities for more labels: none for those that the model does not know."""
    wide = np.zeros((len(raw), len(union.names)))
    wide[:, [union.names.index(name) for name in own.names]] = own.probabilities(raw)
    return wide


def _unknown_labels(every: Sequence[str], known: Sequence[str], truth: Truth) -> list[str]:
    """What it costs a model not to know some labels."""
    lacking = [label for label in every if label not in known]
    if not lacking:
        return []
    n = int(np.isin(truth, [every.index(label) for label in lacking]).sum())
    shown = ", ".join(map(repr, lacking[:_MOST_NAMED])) + (", …" if len(lacking) > _MOST_NAMED else "")
    what = "label" if len(lacking) == 1 else "labels"
    return [f"does not know the {what} {shown}: {n:,} of {len(truth):,} rows have it, and count as wrong for it"]
