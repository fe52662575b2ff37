"""``fitserve.evaluate``, the verb for scripts and notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fitserve.data.read import ReadOptions
from fitserve.evaluation.evaluate import Evaluation, evaluate_model
from fitserve.prediction.named import open_named


def evaluate(
    model: str, source: Any, *, workspace: str | Path | None = None, read: ReadOptions | None = None
) -> Evaluation:
    """Score a model ("name", "name:2", "name:alias") on a table with the target in it.

    ``source`` is what `fitserve.train` takes. Raises NotFoundError, BundleError or DataError.
    """
    return evaluate_model(open_named(model, workspace).predictor, source, read)
