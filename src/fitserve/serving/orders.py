"""What a supervisor tells a worker, as one JSON line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServedVersion:
    """One version to serve; ``folder`` holds its bundle."""

    model: str
    version: int
    folder: str


@dataclass(frozen=True, slots=True)
class Orders:
    """Everything a worker needs to know. File descriptors are inherited; ``keys`` None means that none is needed.

    The first of ``models`` answers ``/predict``. The worker counts in place ``slot`` of ``n_slots``. A connection on
    which nothing is heard for ``silent_seconds``, between two requests or within one, is closed.
    """

    models: Sequence[ServedVersion]
    listener_fd: int
    control_fd: int
    telemetry_fd: int
    slot: int
    n_slots: int
    keys: Sequence[str] | None
    body_limit: int
    rows_limit: int
    stop_seconds: float
    silent_seconds: int

    def as_json(self) -> dict[str, Any]:
        """The orders as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Orders:
        """The orders of a JSON object."""
        return cls(**{**document, "models": [ServedVersion(**served) for served in document["models"]]})
