"""fitserve turns a data file into a prediction service that keeps getting better.

The public verbs are imported when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitserve.data.verb import profile
    from fitserve.evaluation.verb import compare, evaluate
    from fitserve.prediction.loading import load as load_bundle
    from fitserve.prediction.named import load_model as load
    from fitserve.store.workspace import Workspace
    from fitserve.training.verb import train

# What fails and is left out is logged with its trace, for those who listen; by itself nothing reaches the screen.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_VERBS = {
    "profile": "fitserve.data.verb:profile",
    "train": "fitserve.training.verb:train",
    "evaluate": "fitserve.evaluation.verb:evaluate",
    "compare": "fitserve.evaluation.verb:compare",
    "load": "fitserve.prediction.named:load_model",
    "load_bundle": "fitserve.prediction.loading:load",
    "Workspace": "fitserve.store.workspace:Workspace",
}
__all__ = ["Workspace", "compare", "evaluate", "load", "load_bundle", "profile", "train"]


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _VERBS[name].split(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
