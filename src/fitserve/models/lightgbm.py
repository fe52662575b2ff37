"""Gradient boosting by LightGBM (Ke et al. 2017)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import lightgbm
import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Exported, Parameters, Shape
from fitserve.models.graph import Trees
from fitserve.models.objective import NUMBER, PROBABILITIES
from fitserve.models.target_encoding import encodable
from fitserve.models.tree_inputs import ENCODED, TreeInputs, fit_inputs, of_the_library

_MOST_ROUNDS, _PATIENCE = 2000, 50
# A tree for each label and round: beyond this many labels neither the budget nor the row limit holds.
_MOST_LABELS = 200
_MANY_ROWS = 5_000
# A share of a single row is no row, and on none LightGBM fails.
_FEWEST_ROWS_TO_BAG = 4
_MISSING_TYPE_NAN = 2
_ZERO = np.float32(1e-35)


@dataclass(frozen=True)
class FittedLightGBM:
    """A booster.

    ``effort`` rounds have made it; ``trees`` of them (for each output) count, for a round whose sample of the rows
    cannot be split leaves no tree.
    """

    booster: lightgbm.Booster
    inputs: TreeInputs
    n_outputs: int
    effort: int
    trees: int
    link: str

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs, float64 (n, outputs)."""
        if not len(arrays):
            return np.empty((0, self.n_outputs))
        found = self.booster.predict(self.inputs.matrix(arrays), num_iteration=self.trees)
        return np.asarray(found, dtype=np.float64).reshape(len(arrays), self.n_outputs)

    def export(self) -> Exported:
        """One tree ensemble and its link."""
        trees = Trees()
        for i, tree in enumerate(parse_trees(self.booster.model_to_string(num_iteration=self.trees))):
            tree.add_to(trees, i % self.n_outputs, self.n_outputs)
        return self.inputs.export(trees, self.n_outputs, self.link)


class LightGBM:
    """Histogram gradient boosting with early stopping."""

    name: ClassVar[str] = "lightgbm"
    cost: ClassVar[int] = 6
    objectives: ClassVar[Collection[str]] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """The library's leaf count, the tuned defaults of pytabkit (Holzmüller et al. 2024), and shallow trees."""
        if shape.n_outputs > _MOST_LABELS:
            raise NotForThisTable(f"{shape.n_outputs} labels are too many for a tree each")
        if shape.objective.name == NUMBER:
            tuned: Parameters = {
                "learning_rate": 0.05,
                "num_leaves": 100,
                "min_data_in_leaf": 3,
                "bagging_fraction": 0.7,
            }
        else:
            tuned = {
                "learning_rate": 0.04,
                "num_leaves": 50,
                "min_data_in_leaf": 40,
                "bagging_fraction": 0.75,
            }
        plain = {"learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 20, "bagging_fraction": 0.8}
        shallow = {"learning_rate": 0.05, "num_leaves": 8, "min_data_in_leaf": 10, "bagging_fraction": 0.8}
        regular = {"feature_fraction": 0.8, "lambda_l2": 1.0}
        # Many small steps on few columns each: worth their time where there are rows enough.
        fine = {
            "learning_rate": 0.03,
            "num_leaves": 31,
            "min_data_in_leaf": 20,
            "bagging_fraction": 0.9,
            "feature_fraction": 0.5,
            "lambda_l2": 1.0,
        }
        if shape.objective.name != NUMBER:
            fine |= {"num_leaves": 16, "feature_fraction": 0.4}
        if encodable(shape):
            fine[ENCODED] = True
        order = [plain, tuned, shallow] if shape.n_rows > _MANY_ROWS else [shallow, plain, tuned]
        found: list[Parameters] = [{**leaves, **regular} if leaves is not tuned else leaves for leaves in order]
        if shape.n_rows > _MANY_ROWS:
            found.insert(1, fine)
        return [found[0], *([{**found[0], ENCODED: True}] if encodable(shape) else []), *found[1:]]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> FittedLightGBM:
        """Add trees until the validation part no longer improves or the deadline is there."""
        shape = context.shape
        inputs, matrix = fit_inputs(arrays, target, parameters, context)
        settings = self._settings(parameters, context)
        data = lightgbm.Dataset(matrix, target, weight=context.weights, params=settings, free_raw_data=True)
        watched = []
        if context.validation is not None and context.effort is None:
            held, held_target = context.validation
            watched = [data.create_valid(inputs.matrix(held), held_target)]
        stopper = _Stopper(context, bool(watched))
        rounds = context.effort or (_MOST_ROUNDS if watched else 200)
        booster = lightgbm.train(settings, data, rounds, valid_sets=watched, callbacks=[stopper])
        link = "" if shape.objective.name == NUMBER else "Sigmoid" if shape.n_outputs == 1 else "Softmax"
        return FittedLightGBM(booster, inputs, shape.n_outputs, stopper.rounds, stopper.trees, link)

    def _settings(self, parameters: Parameters, context: Context) -> dict[str, Any]:
        shape = context.shape
        if shape.objective.name == NUMBER:
            objective: dict[str, Any] = {"objective": "l2", "metric": "l2"}
        elif shape.n_outputs == 1:
            objective = {"objective": "binary", "metric": "binary_logloss"}
        else:
            objective = {"objective": "multiclass", "metric": "multi_logloss", "num_class": shape.n_outputs}
        fixed = {"bagging_freq": 1, "verbosity": -1, "deterministic": True, "force_row_wise": True}
        clock = {"seed": context.seed, "num_threads": context.threads}
        # Tiny tables: leaves of 20 rows would leave one leaf.
        least = min(int(parameters.get("min_data_in_leaf", 20)), max(1, shape.n_rows // 20))
        chosen = {**objective, **fixed, **clock, **of_the_library(parameters), "min_data_in_leaf": least}
        if shape.n_rows < _FEWEST_ROWS_TO_BAG:
            chosen["bagging_fraction"] = 1.0
        return chosen


class _Stopper:
    """LightGBM callback: stops at the deadline, or when the watched loss no longer improves."""

    order = 30
    before_iteration = False

    def __init__(self, context: Context, watching: bool) -> None:
        self._context = context
        self._watching = watching
        self._best = np.inf
        self._best_round = 0
        self._trees: list[int] = []

    @property
    def rounds(self) -> int:
        """The rounds that count: up to the best one, or all."""
        return self._best_round + 1 if self._watching else max(len(self._trees), 1)

    @property
    def trees(self) -> int:
        """The trees that these rounds have made."""
        return max(self._trees[self.rounds - 1], 1)

    def __call__(self, env: Any) -> None:
        done = env.iteration + 1
        self._trees.append(env.model.current_iteration())
        self._context.progress(done / env.end_iteration)
        if self._watching:
            loss = env.evaluation_result_list[0][2]
            if loss < self._best:
                self._best, self._best_round = loss, env.iteration
            if env.iteration - self._best_round >= _PATIENCE or done == env.end_iteration:
                raise lightgbm.callback.EarlyStopException(self._best_round, env.evaluation_result_list)
        if self._context.late:
            best = self._best_round if self._watching else env.iteration
            raise lightgbm.callback.EarlyStopException(best, env.evaluation_result_list)


@dataclass(frozen=True)
class _Tree:
    """One tree of LightGBM's text format: inner nodes count from 0, leaves as ``~leaf``."""

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    decision: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]

    def add_to(self, trees: Trees, output: int, outputs: int) -> None:
        """Add it to an ensemble, its leaves counting toward one output."""
        inner, leaves = len(self.feature), len(self.value)
        weights = np.zeros((inner + leaves, outputs))
        weights[inner:, output] = self.value
        leaf = np.arange(inner + leaves) >= inner
        default_left = (self.decision & 2) > 0
        # Where training saw no gap, LightGBM reads a missing value as 0.
        nan_left = np.where((self.decision >> 2) & 3 == _MISSING_TYPE_NAN, default_left, self.threshold >= 0)
        pad = np.zeros(leaves)

        def child(index: NDArray[np.int64]) -> NDArray[Any]:
            return np.concatenate([np.where(index >= 0, index, inner + ~index), pad])

        feature, threshold = (
            np.concatenate([self.feature, pad]),
            np.concatenate([_around_zero(self.threshold), pad]),
        )
        trees.add(
            feature,
            threshold,
            child(self.left),
            child(self.right),
            np.concatenate([nan_left, pad]),
            leaf,
            weights,
        )


def _around_zero(threshold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Thresholds that send every value LightGBM takes for zero (up to 1e-35 either way) where zero goes."""
    below = np.nextafter(-_ZERO, np.float32(-1))
    moved = np.where((threshold >= -_ZERO) & (threshold < 0), below, threshold)
    return np.where((threshold >= 0) & (threshold <= _ZERO), _ZERO, moved)


def parse_trees(text: str) -> list[_Tree]:
    """The trees of LightGBM's documented text format; categorical splits cannot occur, for none are asked for."""
    found = []
    for block in text.split("\nTree=")[1:]:
        entries = dict(line.split("=", 1) for line in block.split("\n\n", 1)[0].splitlines() if "=" in line)

        def array(name: str, dtype: Any, entries: dict[str, str] = entries) -> NDArray[Any]:
            return np.array(entries.get(name, "").split(), dtype=dtype)

        found.append(
            _Tree(
                array("split_feature", np.int64),
                array("threshold", np.float64),
                array("decision_type", np.int64),
                array("left_child", np.int64),
                array("right_child", np.int64),
                array("leaf_value", np.float64),
            )
        )
    return found
