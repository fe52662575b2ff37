"""Gradient boosting by XGBoost (Chen and Guestrin 2016)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy.special import logit

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

# A tree for each label and round: beyond this many labels neither the budget nor the row limit holds.
_MOST_LABELS = 100


class XGBoost:
    """Histogram gradient boosting with early stopping."""

    name: ClassVar[str] = "xgboost"
    cost: ClassVar[int] = 6
    objectives: ClassVar[Collection[str] | None] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """The library's trees at a slower rate, pytabkit's tuned defaults (Holzmüller et al. 2024), shallow trees."""
        if shape.n_outputs > _MOST_LABELS:
            raise NotForThisTable(f"{shape.n_outputs} labels are too many for a tree each")
        if shape.objective.name == NUMBER:
            tuned: Parameters = {"eta": 0.05, "max_depth": 9, "min_child_weight": 2.0, "lambda": 0.0, "subsample": 0.7}
        else:
            tuned = {
                "eta": 0.08,
                "max_depth": 6,
                "min_child_weight": 5e-6,
                "lambda": 0.0,
                "subsample": 0.65,
                "colsample_bylevel": 0.9,
            }
        plain = {"eta": 0.1, "max_depth": 6}
        shallow = {"eta": 0.05, "max_depth": 3, "subsample": 0.8, "colsample_bytree": 0.8}
        order = [plain, tuned, shallow] if shape.n_rows > 5_000 else [shallow, tuned, plain]
        return [order[0], *([{**order[0], ENCODED: True}] if encodable(shape) else []), *order[1:]]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> Fitted:
        """Add trees until the validation part no longer improves or the deadline is there."""
        shape = context.shape
        if len(np.unique(target)) == 1:
            return fit_constant(arrays, target, context)
        labels = labels_of(target, shape)
        inputs, matrix = fit_inputs(arrays, target, parameters, context)
        data = xgboost.DMatrix(matrix, labels.numbered(target), weight=context.weights)
        watched = watched_rows(context, labels)
        evals = []
        if watched is not None:
            evals = [(xgboost.DMatrix(inputs.matrix(watched[0]), watched[1]), "validation")]
        stopper = Stopper(context)
        settings = _settings(parameters, context, labels)
        booster = xgboost.train(
            settings, data, stopper.most, evals=evals, callbacks=[_Callback(stopper)], verbose_eval=False
        )
        kept = booster[: stopper.rounds]
        trees = parse_model(json.loads(kept.save_raw("json")), labels)

        def score(matrix: NDArray[np.float32]) -> NDArray[np.float64]:
            found = kept.predict(xgboost.DMatrix(matrix, nthread=1), output_margin=True)
            return np.asarray(found, dtype=np.float64).reshape(len(matrix), -1)

        return FittedTrees(score, trees, labels, inputs, stopper.rounds, link_of(shape))


def _settings(parameters: Parameters, context: Context, labels: Labels) -> dict[str, Any]:
    if labels.seen is not None:
        objective: dict[str, Any] = {
            "objective": "multi:softprob",
            "eval_metric": "mlogloss",
            "num_class": len(labels.seen),
        }
    elif context.shape.objective.name == NUMBER:
        objective = {"objective": "reg:squarederror", "eval_metric": "rmse"}
    else:
        objective = {"objective": "binary:logistic", "eval_metric": "logloss"}
    fixed = {"tree_method": "hist", "verbosity": 0, "seed": context.seed, "nthread": context.threads}
    return {**objective, **fixed, **of_the_library(parameters)}


class _Callback(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """Asks the stopper after every round."""

    def __init__(self, stopper: Stopper) -> None:
        super().__init__()
        self._stopper = stopper

    def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:
        """Whether to stop; the library calls it."""
        del model, epoch
        losses = next(iter(evals_log["validation"].values())) if evals_log else None
        return self._stopper.stops(losses[-1] if losses else None)


def parse_model(document: Mapping[str, Any], labels: Labels) -> Trees:
    """The trees of XGBoost's documented JSON format and its base scores, all of which are added up before the link."""
    learner = document["learner"]
    model = learner["gradient_booster"]["model"]
    base = np.asarray(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float64).ravel()
    if learner["objective"]["name"] == "binary:logistic":  # told as a probability, added as a logit
        base = logit(base)
    trees = Trees()
    for tree, output in zip(model["trees"], model["tree_info"], strict=True):
        _add(trees, tree, output, labels)
    trees.add_constant(labels.spread(np.broadcast_to(base, (1, labels.n_seen)))[0])
    return trees


def _add(trees: Trees, tree: Mapping[str, Any], output: int, labels: Labels) -> None:
    left = np.asarray(tree["left_children"])
    leaf = left < 0
    condition = np.asarray(tree["split_conditions"], dtype=np.float32)
    weights = np.zeros((len(left), labels.n_outputs))
    weights[:, output if labels.seen is None else labels.seen[output]] = np.where(leaf, condition, 0)
    trees.add(
        np.asarray(tree["split_indices"]),
        # A row goes left below the condition, in the graph up to the threshold: the float32 next below is the same.
        np.where(leaf, np.float32(0), np.nextafter(condition, np.float32(-np.inf))),
        left,
        np.asarray(tree["right_children"]),
        np.asarray(tree["default_left"]),
        leaf,
        weights,
    )
