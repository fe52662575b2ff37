"""Loading a model by its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fitserve.errors import BundleError
from fitserve.prediction.loading import load
from fitserve.prediction.predictor import Predictor
from fitserve.store import Ports, Snapshot, published


@dataclass(frozen=True, slots=True)
class Named:
    """A loaded version of a model; ``workspace`` is where it comes from."""

    model: str
    version: int
    predictor: Predictor
    workspace: Ports | None = None

    @property
    def name(self) -> str:
        """NAME:VERSION."""
        return f"{self.model}:{self.version}"


def known_models(workspace: str | Path | None = None) -> Snapshot:
    """What the workspace holds; raises NotFoundError if there is no workspace yet."""
    return published(workspace)


def open_named(name: str, workspace: str | Path | None = None) -> Named:
    """Load NAME (its champion), NAME:VERSION or NAME:ALIAS; raises NotFoundError or BundleError."""
    model, _, version = name.partition(":")
    known = known_models(workspace)
    number, folder = known.bundle(model, version or None)
    return Named(model, number, _load_known(folder), known.workspace)


def load_model(name: str, version: int | str | None = None, *, workspace: str | Path | None = None) -> Predictor:
    """The predictor of a model in the workspace: its champion, or the version of a number or alias.

    "name:2" and "name:alias" say the same as ``version``.

    Raises NotFoundError if there is none of that name, BundleError if its bundle is damaged.
    """
    model, _, pinned = str(name).partition(":")  # a path gets the answer to an unknown name
    _, folder = known_models(workspace).bundle(model, version if version is not None else pinned or None)
    return _load_known(folder)


def _load_known(folder: Path) -> Predictor:
    """A bundle of the workspace; raises BundleError unless it is the one that was registered."""
    predictor = load(folder)
    if predictor.sha256 != folder.name:
        raise BundleError(f"the manifest in {folder} was changed after registration; import the model again")
    return predictor
