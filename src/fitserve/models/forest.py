"""Trees that are not boosted, fitted by scikit-learn.

Single trees (Breiman et al. 1984), random forests (Breiman 2001) and extremely randomised trees (Geurts et al. 2006).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fitserve.blocks import Arrays
from fitserve.models.base import Context, Exported, Parameters, Shape
from fitserve.models.graph import SHARES, Trees
from fitserve.models.objective import NUMBER, PROBABILITIES
from fitserve.models.tree_inputs import TreeInputs, fit_inputs

_MOST_TREES, _TREES_AT_FIRST, _TREES_AT_ONCE = 200, 2, 10
# Unlimited forests cost gigabytes as graphs; so many leaves over all trees keep one within 100 MB.
_MOST_LEAVES = 400_000


@dataclass(frozen=True)
class FittedForest:
    """The mean answer of some trees.

    ``model`` is the library's, ``classes`` are the labels that it knows, None for numbers.
    """

    model: Any
    estimators: Sequence[Any]
    classes: NDArray[np.int64] | None
    inputs: TreeInputs
    n_outputs: int

    @property
    def effort(self) -> int:
        """The number of trees."""
        return len(self.estimators)

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs, float64 (n, outputs)."""
        if not len(arrays):
            return np.empty((0, self.n_outputs))
        matrix = self.inputs.matrix(arrays)
        with np.errstate(over="ignore", invalid="ignore"):  # the library adds all values up to find infinite ones
            if self.classes is None:
                return np.asarray(self.model.predict(matrix), dtype=np.float64)[:, None]
            return self._spread(np.asarray(self.model.predict_proba(matrix), dtype=np.float64))

    def export(self) -> Exported:
        """One tree ensemble whose mean is the answer; the shares of several labels are made to add up to 1."""
        trees = Trees(averaged=True)
        for estimator in self.estimators:
            tree = estimator.tree_
            trees.add(
                tree.feature,
                tree.threshold,
                tree.children_left,
                tree.children_right,
                tree.missing_go_to_left,
                tree.children_left == -1,
                self._leaf_weights(tree.value[:, 0, :]),
            )
        return self.inputs.export(trees, self.n_outputs, SHARES if self.n_outputs > 1 else "")

    def _leaf_weights(self, values: NDArray[Any]) -> NDArray[Any]:
        return values if self.classes is None else self._spread(values)

    def _spread(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """A column for every label, also for those that the fit did not see; one alone for two labels."""
        every = np.zeros((len(shares), max(self.n_outputs, 2)))
        every[:, self.classes] = shares / shares.sum(axis=1, keepdims=True)
        return every[:, 1:] if self.n_outputs == 1 else every


def _fitted(model: Any, estimators: Sequence[Any], inputs: TreeInputs, shape: Shape) -> FittedForest:
    classes = None if shape.objective.name == NUMBER else model.classes_
    return FittedForest(model, estimators, classes, inputs, shape.n_outputs)


def _grow(
    kinds: tuple[Callable[..., Any], Callable[..., Any]],
    arrays: Arrays,
    target: NDArray[Any],
    parameters: Parameters,
    context: Context,
) -> FittedForest:
    """Grow some trees at a time until there are 200 or the deadline is there; ``kinds`` are for labels and numbers."""
    shape = context.shape
    inputs, matrix = fit_inputs(arrays, target, {}, context)
    model = kinds[shape.objective.name == NUMBER](
        n_estimators=0,
        warm_start=True,
        random_state=context.seed,
        n_jobs=context.threads,
        max_leaf_nodes=max(_MOST_LEAVES // _MOST_TREES // max(1, shape.n_outputs // 4), 8),
        **parameters,
    )
    most = context.effort or _MOST_TREES
    with warnings.catch_warnings():
        # Few rows of many labels are told to the user by us, where they matter.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        while model.n_estimators < most:
            begun = time.monotonic()
            at_once = _TREES_AT_ONCE if model.n_estimators else _TREES_AT_FIRST
            model.set_params(n_estimators=min(model.n_estimators + at_once, most))
            model.fit(matrix, target, context.weights)
            context.progress(model.n_estimators / most)
            if context.ends_within((time.monotonic() - begun) * _TREES_AT_ONCE / at_once):
                break
    # Summing trees in one thread keeps the last digit of a prediction the same from run to run.
    model.set_params(n_jobs=1)
    return _fitted(model, model.estimators_, inputs, shape)


class Forest:
    """Bagged trees on random subsets of columns."""

    name: ClassVar[str] = "forest"
    cost: ClassVar[int] = 6
    objectives: ClassVar[Collection[str] | None] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Small leaves, and larger ones for noisy targets."""
        features = 0.4 if shape.objective.name == NUMBER else "sqrt"
        return [{"max_features": features, "min_samples_leaf": least} for least in (2, 8)]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedForest:
        """Grow trees until there are 200 or the deadline is there."""
        return _grow((RandomForestClassifier, RandomForestRegressor), arrays, target, parameters, context)


class ExtraTrees:
    """Trees on all rows whose thresholds are drawn at random."""

    name: ClassVar[str] = "extra_trees"
    cost: ClassVar[int] = 6
    objectives: ClassVar[Collection[str] | None] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """The library's share of columns, with small leaves and with larger ones for noisy targets."""
        features = 1.0 if shape.objective.name == NUMBER else "sqrt"
        return [{"max_features": features, "min_samples_leaf": least} for least in (2, 8)]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedForest:
        """Grow trees until there are 200 or the deadline is there."""
        return _grow((ExtraTreesClassifier, ExtraTreesRegressor), arrays, target, parameters, context)


class Tree:
    """One tree, small enough to be read."""

    name: ClassVar[str] = "tree"
    cost: ClassVar[int] = 6
    objectives: ClassVar[Collection[str] | None] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Few leaves, more of them, and what cost-complexity pruning leaves of many."""
        del shape
        return [
            {"max_leaf_nodes": 24, "min_samples_leaf": 5},
            {"max_leaf_nodes": 100, "min_samples_leaf": 10},
            {"max_leaf_nodes": 1000, "min_samples_leaf": 2, "ccp_alpha": 1e-3},
        ]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedForest:
        """Grow the best leaf first and prune; that takes no time to speak of."""
        inputs, matrix = fit_inputs(arrays, target, {}, context)
        kind = DecisionTreeRegressor if context.shape.objective.name == NUMBER else DecisionTreeClassifier
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            model = kind(random_state=context.seed, **parameters).fit(matrix, target, context.weights)
        return _fitted(model, [model], inputs, context.shape)
