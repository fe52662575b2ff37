"""What a supervisor tells a process when it starts it, as one JSON line on its standard input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fitserve.serving.messages import Load


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Everything a worker needs to know. File descriptors are inherited; ``keys`` None means that none is needed.

    The first of ``models`` answers ``/predict``. The worker counts in the document ``slot`` of those behind
    ``counters_fds``. A connection on which nothing is heard for ``silent_seconds``, between two requests or within
    one, is closed. ``body_limit`` None leaves it to the task of a model. At ``manager_socket`` the manager listens; ""
    means that there is none.
    """

    models: Sequence[Load]
    listener_fd: int
    control_fd: int
    counters_fds: Sequence[int]
    replaced_fd: int
    slot: int
    keys: Sequence[str] | None
    body_limit: int | None
    rows_limit: int
    stop_seconds: float
    silent_seconds: int
    manager_socket: str = ""

    def as_json(self) -> dict[str, Any]:
        """The options as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> WorkerOptions:
        """The options of a JSON object."""
        return cls(**{**document, "models": [Load(**served) for served in document["models"]]})


@dataclass(frozen=True, slots=True)
class ManagerOptions:
    """Everything a manager needs to know: where to listen, and its end of the control socket, which is inherited."""

    socket: str
    control_fd: int
    stop_seconds: float
