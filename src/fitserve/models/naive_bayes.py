"""Naive Bayes on texts, of the labels or of their complements (Rennie et al. 2003), fitted by scikit-learn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.naive_bayes import ComplementNB, MultinomialNB

from fitserve.blocks import Arrays
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Fitted, Parameters, Shape
from fitserve.models.calibration import calibrate, crossed_decisions
from fitserve.models.constant import fit_constant
from fitserve.models.design import fit_design
from fitserve.models.labels import labels_of
from fitserve.models.linear_scores import calibrated
from fitserve.models.objective import PROBABILITIES
from fitserve.models.text_projection import sparse_text

Scores = tuple[NDArray[np.float64], NDArray[np.float64]]


class NaiveBayes:
    """Words as if they were independent, with calibrated probabilities. Other columns say nothing."""

    name: ClassVar[str] = "naive_bayes"
    cost: ClassVar[int] = 3
    objectives: ClassVar[Collection[str] | None] = (PROBABILITIES,)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Labels, and complements, which bear labels of unequal size; refuses tables without texts."""
        if not shape.n_terms:
            raise NotForThisTable("naive_bayes is for texts, of which this table has none")
        return [{"of": "label", "alpha": 0.1}, {"of": "complement", "alpha": 0.1}]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> Fitted:
        """Count the words of each label, and calibrate by the counts of other folds."""
        shape, weights = context.shape, context.weights
        if len(np.unique(target)) == 1 or arrays.text is None:
            return fit_constant(arrays, target, context)
        labels, design = labels_of(target, shape), fit_design(arrays, shape.level_counts, shape.n_terms)
        texts, numbered = sparse_text(arrays, shape.n_terms), labels.numbered(target)

        def decide(fitted: NDArray[np.intp], asked: NDArray[np.intp]) -> NDArray[np.float64]:
            own = None if weights is None else weights[fitted]
            slopes, shift = _count(texts[fitted], numbered[fitted], own, parameters, labels.n_seen)
            return np.asarray(texts[asked] @ slopes) + shift

        calibration = calibrate(crossed_decisions(decide, numbered, context.seed), numbered, weights)
        slopes, shift = _count(texts, numbered, weights, parameters, labels.n_seen)
        whole = np.zeros((sum(design.widths), labels.n_seen))
        whole[-shape.n_terms :] = slopes
        return calibrated(design, (whole, shift), calibration, labels, 1)


def _count(
    texts: Any, target: NDArray[Any], weights: NDArray[np.float64] | None, parameters: Parameters, outputs: int
) -> Scores:
    """Slopes (terms, outputs) and shift of the decisions; a label without rows is as likely as its words at random."""
    alpha = float(parameters["alpha"])
    kind = ComplementNB(alpha=alpha) if parameters["of"] == "complement" else MultinomialNB(alpha=alpha)
    model = kind.fit(texts, target, weights)
    if len(model.classes_) == 1:
        return np.zeros((texts.shape[1], outputs)), np.zeros(outputs)
    slopes = model.feature_log_prob_.T
    shift = model.class_log_prior_ if parameters["of"] == "label" else np.zeros(slopes.shape[1])
    if outputs == 1:
        return slopes[:, 1:] - slopes[:, :1], shift[1:] - shift[:1]
    every, shifts = np.repeat(slopes.mean(axis=1, keepdims=True), outputs, axis=1), np.full(outputs, shift.min())
    every[:, model.classes_], shifts[model.classes_] = slopes, shift
    # What a word says about all labels alike cancels out; left in, it would cost digits of the graph's float32.
    return every - every.mean(axis=1, keepdims=True), shifts - shifts.mean()
