"""Gradient boosting by CatBoost (Prokhorenkova et al. 2018), on numbers and codes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Fitted, Parameters, Shape
from fitserve.models.boosting import FittedTrees, Stopper
from fitserve.models.constant import fit_constant
from fitserve.models.graph import Trees
from fitserve.models.labels import Labels, labels_of, link_of, watched_rows
from fitserve.models.objective import NUMBER, PROBABILITIES
from fitserve.models.target_encoding import encodable
from fitserve.models.tree_inputs import ENCODED, fit_inputs, of_the_library

# Every leaf of a symmetric tree weighs something for every label: beyond so many no graph of them can be served.
_MOST_LABELS = 40
_MANY_ROWS = 5_000


class CatBoost:
    """Symmetric trees, boosted with early stopping."""

    name: ClassVar[str] = "catboost"
    cost: ClassVar[int] = 6
    objectives: ClassVar[Collection[str] | None] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """The library's defaults at AutoGluon's rate, and pytabkit's tuned defaults (Holzmüller et al. 2024)."""
        if shape.n_outputs > _MOST_LABELS:
            raise NotForThisTable(f"{shape.n_outputs} labels are too many for symmetric trees")
        if shape.objective.name == NUMBER:
            tuned = {"learning_rate": 0.09, "depth": 9, "random_strength": 0.0, "leaf_estimation_iterations": 20}
        else:
            tuned = {"learning_rate": 0.08, "depth": 7, "random_strength": 0.8, "leaf_estimation_iterations": 1}
        tuned |= {"l2_leaf_reg": 1e-5, "subsample": 0.9}
        # The library makes its own rate and steps of the number of rounds, which early stopping decides.
        steps = 10 if shape.objective.name != NUMBER and shape.n_outputs == 1 else 1
        plain = {"learning_rate": 0.05, "depth": 6, "leaf_estimation_iterations": steps}
        found = [plain, *([{**plain, ENCODED: True}] if encodable(shape) else []), tuned]
        if shape.objective.name == NUMBER and shape.n_rows > _MANY_ROWS:
            found.append({"learning_rate": 0.08, "depth": 7, "leaf_estimation_iterations": 1})
        return found

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> Fitted:
        """Add trees until the validation part no longer improves or the deadline is there."""
        import catboost  # half a second that not every training has

        shape = context.shape
        inputs, matrix = fit_inputs(arrays, target, parameters, context)
        if len(np.unique(target)) == 1 or not _varies(matrix):  # the library refuses both
            return fit_constant(arrays, target, context)
        labels = labels_of(target, shape)
        stopper = Stopper(context)
        model = catboost.CatBoost(_settings(parameters, context, labels, stopper.most))
        watched = watched_rows(context, labels)
        pool = catboost.Pool(matrix, labels.numbered(target), weight=context.weights)
        held = None if watched is None else catboost.Pool(inputs.matrix(watched[0]), watched[1])
        callback = _Callback(stopper)
        model.fit(pool, eval_set=held, callbacks=[callback])
        if callback.interruption is not None:
            raise callback.interruption
        rounds = min(stopper.rounds, model.tree_count_)
        trees = parse_model(_as_json(model), rounds, labels)

        def score(rows: NDArray[np.float32]) -> NDArray[np.float64]:
            found = model.predict(rows, prediction_type="RawFormulaVal", ntree_end=rounds, thread_count=1)
            return np.asarray(found, dtype=np.float64).reshape(len(rows), -1)

        return FittedTrees(score, trees, labels, inputs, stopper.rounds, link_of(shape))


def _varies(matrix: NDArray[np.float32]) -> bool:
    """Whether any column holds two different values."""
    first = matrix[0]
    return bool(((matrix != first) & ~(np.isnan(matrix) & np.isnan(first))).any())


def _settings(parameters: Parameters, context: Context, labels: Labels, rounds: int) -> dict[str, Any]:
    one = "RMSE" if context.shape.objective.name == NUMBER else "Logloss"
    return {
        "loss_function": one if labels.seen is None else "MultiClass",
        "iterations": rounds,
        "bootstrap_type": "Bernoulli" if "subsample" in parameters else "Bayesian",
        "random_seed": context.seed,
        "thread_count": context.threads,
        "use_best_model": False,
        "allow_writing_files": False,
        "logging_level": "Silent",
        **of_the_library(parameters),
    }


class _Callback:
    """Asks the stopper after every round; the library would make an error of its own of any exception."""

    def __init__(self, stopper: Stopper) -> None:
        self._stopper = stopper
        self.interruption: BaseException | None = None

    def after_iteration(self, info: Any) -> bool:
        """Whether to go on; the library calls it."""
        watched = (info.metrics or {}).get("validation")
        try:
            return not self._stopper.stops(next(iter(watched.values()))[-1] if watched else None)
        except BaseException as interruption:  # noqa: BLE001 - raised again once the library has come to its end
            self.interruption = interruption
            return False


def _as_json(model: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def parse_model(document: Mapping[str, Any], rounds: int, labels: Labels) -> Trees:
    """The first trees of CatBoost's JSON format and its bias, all of which are added up before the link."""
    scale, bias = document["scale_and_bias"]
    features = document["features_info"]["float_features"]
    place = [feature["flat_feature_index"] for feature in features]
    nan_right = [feature["nan_value_treatment"] == "AsTrue" for feature in features]
    trees = Trees()
    for tree in document["oblivious_trees"][:rounds]:
        _add(trees, tree, (place, nan_right, scale), labels)
    trees.add_constant(labels.spread(np.asarray(bias, dtype=np.float64)[None, :])[0])
    return trees


def _add(trees: Trees, tree: Mapping[str, Any], how: tuple[list[int], list[bool], float], labels: Labels) -> None:
    """Add a symmetric tree as a full binary one.

    The bits of a node's place in its level are the answers to the splits above it; so are those of a leaf's place.
    """
    place, nan_right, scale = how
    splits = tree.get("splits") or []
    depth, inner = len(splits), 2 ** len(splits) - 1
    level = np.repeat(np.arange(depth), 2 ** np.arange(depth))
    within = np.arange(inner) - (2**level - 1)
    left = 2 ** (level + 1) - 1 + within
    feature = np.array([split["float_feature_index"] for split in splits], dtype=np.int64)[level]
    border = np.array([split["border"] for split in splits], dtype=np.float64)[level]
    values = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(2**depth, -1) * scale
    weights = np.zeros((inner + 2**depth, labels.n_outputs))
    weights[inner:] = labels.spread_weights(values)
    pad = np.zeros(2**depth, dtype=np.int64)
    trees.add(
        np.concatenate([np.asarray(place)[feature], pad]),
        np.concatenate([border, pad]),
        np.concatenate([left, pad]),
        np.concatenate([left + 2**level, pad]),
        np.concatenate([~np.asarray(nan_right, dtype=bool)[feature], pad]),
        np.arange(inner + 2**depth) >= inner,
        weights,
    )
