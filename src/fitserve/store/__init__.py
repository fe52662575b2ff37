"""The workspace: SQL records and bundles in one folder, and the snapshot that a server lives from.

Importing this package must stay cheap: a server imports it and has no use for SQLAlchemy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitserve.store import snapshot
from fitserve.store.records import (
    ALIAS,
    CHAMPION,
    MODEL_NAME,
    KeyRecord,
    ModelRecord,
    RunRecord,
    VersionDetails,
    VersionRecord,
)
from fitserve.store.snapshot import ServedModel, Snapshot

if TYPE_CHECKING:
    from fitserve.store.workspace import Workspace

__all__ = [
    "ALIAS",
    "CHAMPION",
    "MODEL_NAME",
    "KeyRecord",
    "ModelRecord",
    "RunRecord",
    "ServedModel",
    "Snapshot",
    "VersionDetails",
    "VersionRecord",
    "Workspace",
    "snapshot",
]


def __getattr__(name: str) -> Any:
    if name == "Workspace":
        from fitserve.store.workspace import Workspace  # noqa: PLC0415 - lazy: it imports SQLAlchemy

        return Workspace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
