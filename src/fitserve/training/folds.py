"""The held-out rows of a search: training rows to evaluate candidates on, and those that their model learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.data.few_rows import EXPANDING, SMALL_TABLE
from fitserve.data.split import Rows, folds, last_rows, left_out, windows
from fitserve.messages import Message
from fitserve.training.prepare import Prepared

FEWEST_ROWS_OF_A_FOLD = 10
# Up to here five folds are affordable within a budget; above, one held-out fifth is enough.
_MOST_CELLS_FOR_FOLDS = 2_000_000
_MOST_ROWS_FOR_FOLDS = 10_000
_FOLDS = 5


@dataclass(frozen=True)
class Fold:
    """Training rows, by their place among them, ascending: a model of ``learned`` predicts ``held``."""

    learned: Rows
    held: Rows


@dataclass(frozen=True)
class Folds:
    """The fits by which a candidate is evaluated.

    ``pooled`` says that scores are those of all held-out rows together, else means over the folds. A ranking of all
    rows takes for skill by how much the models of single folds differ in level, and where a row is left out its label
    becomes rarer among the others, so that even a constant answer ranks it wrong. Therefore ``keeps_shares``: the rows
    that are learned from are weighed so that each label keeps its share of all rows.
    """

    parts: Sequence[Fold]
    name: Message
    pooled: bool
    keeps_shares: bool

    @cached_property
    def held(self) -> Rows:
        """The rows that are held out, fold after fold."""
        return np.concatenate([fold.held for fold in self.parts])

    @property
    def numbers(self) -> NDArray[np.int64] | None:
        """The fold of each of those rows; None where they are scored together."""
        if self.pooled:
            return None
        return np.repeat(np.arange(len(self.parts)), [len(fold.held) for fold in self.parts])

    def weights(self, fold: Fold, weights: NDArray[np.float64] | None, classes: NDArray[np.int64] | None) -> Any:
        """The weights of all training rows (n,) for the fit of one fold; None where all rows count alike."""
        if not self.keeps_shares or classes is None:
            return weights
        given = np.ones(len(classes)) if weights is None else weights
        wanted = np.bincount(classes, given)
        left = np.bincount(classes[fold.learned], given[fold.learned], minlength=len(wanted))
        return given * np.where(left > 0, wanted / np.where(left > 0, left, 1.0), 1.0)[classes]


def validation_folds(prepared: Prepared) -> Folds:
    """The folds of a table: single rows or groups where there are few, else five, or a fifth of many rows."""
    train = prepared.split.train
    n, groups = len(train), prepared.groups[train]
    if prepared.moments is not None:
        moments = prepared.moments[train]
        if n < SMALL_TABLE:
            return _folds([Fold(*pair) for pair in windows(moments)], EXPANDING, keeps_shares=False)
        last = last_rows(moments, 1 / _FOLDS)
        if last.any() and not last.all():
            return _single(last, Message("last_fifth"))
    named = prepared.spec.group is not None
    strata = prepared.classes(train)
    if n < SMALL_TABLE:
        _, numbers = np.unique(groups, return_inverse=True)
        parts = _held_out_in_turn(numbers)
        # What no other row is cannot be learned, nor evaluated: the answer without learning would be ranked as wrong.
        parts = [fold for fold in parts if strata is None or _has_all_labels(strata[fold.learned], strata)] or parts
        return _folds(parts, left_out(groups, named=named), keeps_shares=True)
    numbers = folds(groups, strata, _FOLDS, prepared.spec.seed, named=named)
    if n > _MOST_ROWS_FOR_FOLDS or cells_of(prepared) > _MOST_CELLS_FOR_FOLDS:
        return _single(numbers == 0, Message("held_out_fifth"))
    parts = _held_out_in_turn(numbers)
    name = Message("cross_validation", {"folds": _FOLDS})
    if all(_can_be_scored(fold, groups, strata) for fold in parts):
        return Folds(parts, name, pooled=False, keeps_shares=False)
    return _folds(parts, name, keeps_shares=True)


def _single(held: NDArray[np.bool_], name: Message) -> Folds:
    return _folds([Fold(np.flatnonzero(~held), np.flatnonzero(held))], name, keeps_shares=False)


def _folds(parts: list[Fold], name: Message, *, keeps_shares: bool) -> Folds:
    return Folds(parts, name, pooled=True, keeps_shares=keeps_shares)


def _held_out_in_turn(numbers: NDArray[np.int64]) -> list[Fold]:
    """A fold for each number; rows with a number below 0 are never held out."""
    every = np.unique(numbers[numbers >= 0])
    return [Fold(np.flatnonzero(numbers != number), np.flatnonzero(numbers == number)) for number in every]


def _has_all_labels(some: NDArray[Any], every: NDArray[Any]) -> bool:
    return len(np.unique(some)) == len(np.unique(every))


def _can_be_scored(fold: Fold, groups: NDArray[np.int64], strata: NDArray[Any] | None) -> bool:
    """Whether the score of a fold by itself means something."""
    held = fold.held
    several = len(np.unique(groups[held])) > 1 and (strata is None or len(np.unique(strata[held])) > 1)
    return several and len(held) >= FEWEST_ROWS_OF_A_FOLD


def cells_of(prepared: Prepared) -> int:
    """How much there is to learn from: cells of the training part and terms of its texts, times outputs."""
    arrays = prepared.arrays
    n_entries = len(arrays.text.ids) if arrays.text is not None else 0
    width = arrays.dense.shape[1] + arrays.codes.shape[1]
    return int((len(arrays) * width + n_entries) * prepared.shape.n_outputs)
