"""The workspace behind its four ports: SQL records, bundles, datasets, and the snapshot that a server lives from.

Importing this package must stay cheap: a server imports it and has no use for SQLAlchemy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fitserve.store.opening import open_ports, published
from fitserve.store.ports import Ports
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
    "Ports",
    "RunRecord",
    "ServedModel",
    "Snapshot",
    "VersionDetails",
    "VersionRecord",
    "Workspace",
    "open_ports",
    "published",
]


def __getattr__(name: str) -> Any:
    if name == "Workspace":
        from fitserve.store.workspace import Workspace  # lazy: it imports SQLAlchemy

        return Workspace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
