"""A model of a chosen learner, parameters and effort, made and packaged like any other.

A plan is recorded as if a training had made it, and replayed: so no benchmark needs a way of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from fitserve.data.understanding.equal_rows import content_hash
from fitserve.store import RunRecord, Workspace
from fitserve.training.folds import validation_folds
from fitserve.training.prepare import prepare
from fitserve.training.run import Order, Run, replay_run
from fitserve.training.spec import Spec

# The size that the peer behind Flask has, and that of the published comparisons: 200 trees of 31 leaves.
PLAIN_TREES: Mapping[str, Any] = {"learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": 20}


@dataclass(frozen=True)
class Recipe:
    """What to make."""

    learner: str
    effort: int
    parameters: Mapping[str, Any] = field(default_factory=dict)


def make(workspace: Workspace, name: str, frame: pl.DataFrame, target: str, recipe: Recipe) -> Run:
    """The run that makes the model."""
    prepared = prepare(frame, Spec(target))
    n_folds = len(validation_folds(prepared).parts)
    trials = [
        {"learner": "baseline", "parameters": {}, "efforts": [1] * n_folds},
        {"learner": recipe.learner, "parameters": dict(recipe.parameters), "efforts": [recipe.effort] * n_folds},
    ]
    plan = {"spec": Spec(target).as_json(), "source": None, "dataset_sha256": content_hash(frame), "threads": 1,
            "trials": trials, "chosen": 1, "effort": recipe.effort}  # fmt: skip
    run_id = f"benchmark-{name}"
    workspace.save_run(RunRecord(run_id, name, "finished", "", None, content_hash(frame), plan))
    return replay_run(run_id, frame, Order(name), workspace)
