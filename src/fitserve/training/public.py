"""``fitserve.train``, for scripts and notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fitserve.data.reading.read import ReadOptions
from fitserve.store.workspace import Workspace
from fitserve.training.progress import Observer, silent
from fitserve.training.run import Order, Run, model_name, train_model
from fitserve.training.spec import Spec


def train(
    source: Any,
    target: str | None = None,
    *,
    name: str | None = None,
    promote: str = "never",
    workspace: str | Path | None = None,
    observer: Observer = silent,
    read: ReadOptions | None = None,
    **spec: Any,
) -> Run:
    """Train a model and register it as a new version.

    ``source`` is a path or a list of paths, a pandas or polars DataFrame, an Arrow table, or what else
    `fitserve.data.reading.read.read_frame` takes; ``target`` is the column to predict, which some
    tasks do without (``roles`` name the columns that these need). ``name`` defaults to the file's
    name, or "model". ``promote`` is "always", "if-better" or "never". ``read`` tells how to read a table where
    that cannot be found out. Further arguments are those of `fitserve.training.spec.Spec`: task, roles, metric, budget
    (seconds), learners, kinds, exclude, time, group, weight, class_weight, seed, refit; and ``keep``: False leaves the
    table out of the workspace.
    Raises a `fitserve.errors.UserError` with one line that says what to do.
    """
    keep = bool(spec.pop("keep", True))
    wanted, opened = Spec.from_json({"target": target, **spec}), Workspace.open(workspace)
    wanted.check()
    order = Order(name or model_name(source), promote, read or ReadOptions(), guessed=not name, keep=keep)
    return train_model(source, wanted, order, opened, observer)
