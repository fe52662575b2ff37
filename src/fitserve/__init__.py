"""fitserve turns a data file into a prediction service that keeps getting better.

What is public is imported when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fitserve.data.public import profile
    from fitserve.evaluation.public import compare, evaluate
    from fitserve.prediction.loading import load as load_bundle
    from fitserve.prediction.named import load_model as load
    from fitserve.store.workspace import Workspace
    from fitserve.training.public import train

# What fails and is left out is logged with its trace, for those who listen; by itself nothing reaches the screen.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_PUBLIC = {
    "profile": "fitserve.data.public:profile",
    "train": "fitserve.training.public:train",
    "evaluate": "fitserve.evaluation.public:evaluate",
    "compare": "fitserve.evaluation.public:compare",
    "load": "fitserve.prediction.named:load_model",
    "load_bundle": "fitserve.prediction.loading:load",
    "Workspace": "fitserve.store.workspace:Workspace",
}
__all__ = ["Workspace", "compare", "evaluate", "load", "load_bundle", "profile", "train"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PUBLIC[name].split(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
