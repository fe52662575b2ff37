"""Random forests (Breiman 2001), fitted by scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from fitserve.features.arrays import Arrays
from fitserve.models.base import Context, Exported, Parameters, Shape
from fitserve.models.graph import Trees, export_trees
from fitserve.models.text_projection import fit_projection, tree_matrix

_MOST_TREES, _TREES_AT_ONCE = 200, 10
# Unlimited forests cost gigabytes as graphs; so many leaves over all trees keep one within 100 MB.
_MOST_LEAVES = 400_000


@dataclass(frozen=True)
class FittedForest:
    """A forest on the merged matrix, texts projected by ``table``."""

    model: Any
    table: NDArray[np.float32] | None
    n_outputs: int
    columns: int

    @property
    def effort(self) -> int:
        """The number of trees."""
        return len(self.model.estimators_)

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs, float64 (n, outputs)."""
        if not len(arrays):
            return np.empty((0, self.n_outputs))
        matrix = tree_matrix(arrays, self.table)
        with np.errstate(over="ignore", invalid="ignore"):  # the library adds all values up to find infinite ones
            if isinstance(self.model, RandomForestRegressor):
                return np.asarray(self.model.predict(matrix), dtype=np.float64)[:, None]
            found = np.asarray(self.model.predict_proba(matrix), dtype=np.float64)
        spread = np.zeros((len(matrix), max(self.n_outputs, 2)))
        spread[:, self.model.classes_] = found
        return spread[:, 1:] if self.n_outputs == 1 else spread

    def export(self) -> Exported:
        """One tree ensemble whose leaves hold shares divided by the number of trees."""
        trees = Trees()
        for estimator in self.model.estimators_:
            tree = estimator.tree_
            trees.add(
                tree.feature,
                tree.threshold,
                tree.children_left,
                tree.children_right,
                tree.missing_go_to_left,
                tree.children_left == -1,
                self._leaf_weights(tree.value[:, 0, :]) / self.effort,
            )
        return export_trees(trees, self.table, self.columns, self.n_outputs, "")

    def _leaf_weights(self, values: NDArray[Any]) -> NDArray[Any]:
        if isinstance(self.model, RandomForestRegressor):
            return values
        spread = np.zeros((len(values), max(self.n_outputs, 2)))
        spread[:, self.model.classes_] = values / values.sum(axis=1, keepdims=True)
        return spread[:, 1:] if self.n_outputs == 1 else spread


class Forest:
    """Bagged trees on random subsets of columns."""

    name: ClassVar[str] = "forest"
    cost: ClassVar[int] = 5

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """Small leaves, and larger ones for noisy targets."""
        features = 0.4 if shape.task == "regression" else "sqrt"
        return [
            {"max_features": features, "min_samples_leaf": 2},
            {"max_features": features, "min_samples_leaf": 8},
        ]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedForest:
        """Grow ten trees at a time until there are 200 or the deadline is there."""
        shape = context.shape
        table = fit_projection(arrays, shape.n_terms, context.seed)
        matrix = tree_matrix(arrays, table)
        kind = RandomForestRegressor if shape.task == "regression" else RandomForestClassifier
        model = kind(
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
                model.set_params(n_estimators=min(model.n_estimators + _TREES_AT_ONCE, most))
                model.fit(matrix, target)
                context.progress(model.n_estimators / most)
                if context.late:
                    break
        # Summing trees in one thread keeps the last digit of a prediction the same from run to run.
        model.set_params(n_jobs=1)
        columns = arrays.dense.shape[1] + arrays.codes.shape[1]
        return FittedForest(model, table, shape.n_outputs, columns)
