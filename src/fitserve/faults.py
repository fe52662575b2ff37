"""What is optional never brings down what matters: a part that fails is left out, with its reason and its trace.

The reason names the kind of error and the place in our code, and not the error's own message: that may hold values of
rows, which are private, and reasons are kept in bundles. The trace goes to the log "fitserve".
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fitserve.messages import AnyMessage, Message, render

T = TypeVar("T")
Limit = Callable[[str], AbstractContextManager[None]]
"""Gives the time limit of a part by its name; entering it raises OutOfTimeError if there is no time left for it."""

_log = logging.getLogger("fitserve")
_PACKAGE = Path(__file__).parent


class UnavailableError(Exception):
    """A part that there is nothing to make of, which is no fault: few rows, say. What is ``told`` is the reason."""

    def __init__(self, reason: AnyMessage) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return render(self.reason)


class OutOfTimeError(UnavailableError):
    """A part that was begun, or not even that, when its share of the time was over."""

    def __init__(self) -> None:
        super().__init__(Message("unavailable.budget_over"))


_ends: ContextVar[float | None] = ContextVar("_ends", default=None)


@contextmanager
def time_limit(ends: float | None) -> Iterator[None]:
    """Let `check_time` raise within the block once ``ends``, a time of `time.monotonic`, has passed; None: never."""
    token = _ends.set(ends)
    try:
        yield
    finally:
        _ends.reset(token)


def no_limit(_name: str) -> AbstractContextManager[None]:
    """The `Limit` of parts that may take the time that they need."""
    return nullcontext()


def check_time() -> None:
    """Raise OutOfTimeError if the time that `time_limit` has set is over; loops of optional parts call it."""
    ends = _ends.get()
    if ends is not None and time.monotonic() > ends:
        raise OutOfTimeError


@dataclass
class LeftOut:
    """Parts that were not made: ``reasons`` by the name of the part; ``faults`` are the names of those that failed.

    ``late`` are the names of those that there was no time for.
    """

    reasons: dict[str, AnyMessage] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def attempt(self, name: str, make: Callable[[], T]) -> T | None:
        """What ``make`` returns; None, and the reason noted, if it raises."""
        try:
            return make()
        except UnavailableError as reason:
            self.reasons[name] = reason.reason
            if isinstance(reason, OutOfTimeError):
                self.late.append(name)
        except Exception as error:  # noqa: BLE001 - whatever fails is left out
            _log.error("%s failed and is left out", name, exc_info=error)
            self.reasons[name] = fault_of(error)
            self.faults.append(name)
        return None

    def add(self, other: LeftOut) -> None:
        """Note what another one has noted."""
        self.reasons.update(other.reasons)
        self.faults.extend(other.faults)
        self.late.extend(other.late)


def fault_of(error: Exception) -> Message:
    """An error as a reason: its kind and the innermost place in our code."""
    place, line, trace = "", 0, error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            place, line = path.relative_to(_PACKAGE).as_posix(), trace.tb_lineno
        trace = trace.tb_next
    return Message("fault", {"error": type(error).__name__, "place": place, "line": line})
