"""Whether one column says anything about the target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.features.column import Column, take
from fitserve.features.encoder import fit_encoder
from fitserve.models.base import Context, Shape
from fitserve.models.lightgbm import LightGBM
from fitserve.models.objective import Objective
from fitserve.schema import Field, Kind

_ROUNDS, _MOST_ROWS, _MOST_OUTPUTS = 30, 20_000, 50
# The gain in loss must be so many standard errors: a column of noise passes once in some forty times.
_STANDARD_ERRORS = 2.0
_PARAMETERS = {"learning_rate": 0.1, "num_leaves": 8, "min_data_in_leaf": 10}


def has_signal(column: Column, kind: Kind, truth: NDArray[Any], objective: Objective, *, named: bool = False) -> bool:
    """Whether a quick fit on half of the rows, at random, predicts the other half better than no column does.

    A column of names (``named``) has to do so for the second half of the table from its first one, too: names that were
    given in the order of the rows tell what stands beside them, and nothing of rows to come. False for an objective
    that a quick fit is not for.
    """
    if objective.name not in LightGBM.objectives:
        return False
    shuffled = np.random.default_rng(0).permutation(len(truth))[:_MOST_ROWS]
    orders = [shuffled, np.sort(shuffled)] if named else [shuffled]
    return all(_tells(column, kind, truth, objective, order) for order in orders)


def _tells(column: Column, kind: Kind, truth: NDArray[Any], objective: Objective, order: NDArray[np.intp]) -> bool:
    """Whether a quick fit on the first half of some rows predicts the second."""
    half = len(order) // 2
    fitted, held_out = np.sort(order[:half]), np.sort(order[half:])
    if half < 5 or len(np.unique(truth[fitted])) < 2:
        return False
    encoder = fit_encoder([Field("column", kind, "")], {"column": take(column, fitted)})
    train = encoder.columns({"column": take(column, fitted)}, len(fitted))
    test = encoder.columns({"column": take(column, held_out)}, len(held_out))
    if not _varies(train):
        return False
    counts = [step.n_codes for step in encoder.codes]
    if objective.n_outputs > _MOST_OUTPUTS:
        return False
    shape = Shape(objective, half, train.dense.shape[1], counts, encoder.n_terms)
    model = LightGBM().fit(train, truth[fitted], _PARAMETERS, Context(shape, effort=_ROUNDS))
    constant = np.tile(objective.constant(truth[fitted], None), (len(held_out), 1))
    gains = objective.losses(constant, truth[held_out]) - objective.losses(model.predict(test), truth[held_out])
    error = float(gains.std()) / np.sqrt(len(gains))
    return float(gains.mean()) > _STANDARD_ERRORS * error and float(gains.mean()) > 0


def _varies(arrays: Arrays) -> bool:
    """Whether two rows differ at all."""
    columns = (*arrays.dense.T, *arrays.codes.T)
    return arrays.text is not None or any(len(np.unique(column)) > 1 for column in columns)
