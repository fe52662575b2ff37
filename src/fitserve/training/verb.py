"""``fitserve.train``, the verb for scripts and notebooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fitserve.data.read import ReadOptions, is_location
from fitserve.store.workspace import Workspace
from fitserve.training.progress import Observer, silent
from fitserve.training.run import Order, Run, train_model
from fitserve.training.spec import Spec


def train(
    source: Any,
    target: str,
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
    `fitserve.data.read.read_frame` takes; ``target`` is the column to predict. ``name`` defaults to the file's
    name, or "model". ``promote`` is "always", "if-better" or "never". ``read`` tells how to read a table where
    that cannot be found out. Further arguments are those of `fitserve.training.spec.Spec`: task, metric, budget
    (seconds), learners, kinds, exclude, seed.
    Raises a `fitserve.errors.UserError` with one line that says what to do.
    """
    chosen = name or model_name(source)
    order = Order(chosen, promote, read or ReadOptions())
    return train_model(source, Spec.from_json({"target": target, **spec}), order, Workspace.open(workspace), observer)


def model_name(source: Any) -> str:
    """A model's name made of a file's name, or that of a database; "model" for anything else."""
    if isinstance(source, (list, tuple)) and is_location(source):
        source = source[0]
    if not isinstance(source, (str, Path)):
        return "model"
    stem = str(source).rpartition("/")[2].split(".")[0].split("?")[0].lower()
    return re.sub(r"[^a-z0-9_]+", "-", stem).strip("-_")[:63] or "model"
