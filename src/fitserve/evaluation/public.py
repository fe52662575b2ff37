"""``fitserve.evaluate`` and ``fitserve.compare``, for scripts and notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fitserve.data.reading.read import ReadOptions
from fitserve.evaluation.compare import Comparison, compare_models
from fitserve.evaluation.evaluate import Evaluation, evaluate_named
from fitserve.prediction.named import open_named


def evaluate(
    model: str,
    source: Any,
    *,
    workspace: str | Path | None = None,
    read: ReadOptions | None = None,
    group: str | None = None,
) -> Evaluation:
    """Score a model ("name", "name:2", "name:alias") on a table with the target in it.

    ``source`` is what `fitserve.train` takes; ``group`` names a column whose rows belong together. Raises
    NotFoundError, BundleError or DataError.
    """
    return evaluate_named(open_named(model, workspace), source, read, group=group)


def compare(
    a: str,
    b: str,
    data: Any = None,
    *,
    workspace: str | Path | None = None,
    read: ReadOptions | None = None,
    group: str | None = None,
) -> Comparison:
    """Whether model ``b`` is better than model ``a`` by more than chance, and where.

    With ``data``, a table with the target in it, both answer the same rows. Without, what they were evaluated on at
    training is set side by side. Raises NotFoundError, BundleError, DataError or SpecError.
    """
    return compare_models(open_named(a, workspace), open_named(b, workspace), data, read, group=group)
