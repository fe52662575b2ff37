"""What is optional never brings down what matters: a part that fails is left out, with its reason and its trace.

The reason names the kind of error and the place in our code, and not the error's own message: that may hold values of
rows, which are private, and reasons are kept in bundles. The trace goes to the log "fitserve".
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_log = logging.getLogger("fitserve")
_PACKAGE = Path(__file__).parent


class UntoldError(Exception):
    """A part that there is nothing to make of, which is no fault: few rows, say. The message is the reason."""


@dataclass
class LeftOut:
    """Parts that were not made: ``reasons`` by the name of the part; ``faults`` are the names of those that failed."""

    reasons: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def attempt(self, name: str, make: Callable[[], T]) -> T | None:
        """What ``make`` returns; None, and the reason noted, if it raises."""
        try:
            return make()
        except UntoldError as reason:
            self.reasons[name] = str(reason)
        except Exception as error:  # noqa: BLE001 - whatever fails is left out
            _log.error("%s failed and is left out", name, exc_info=error)
            self.reasons[name] = fault_of(error)
            self.faults.append(name)
        return None

    def add(self, other: LeftOut) -> None:
        """Note what another one has noted."""
        self.reasons.update(other.reasons)
        self.faults.extend(other.faults)


def fault_of(error: Exception) -> str:
    """An error as a reason, in one line: its kind and the innermost place in our code."""
    place, trace = "", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            place = f" in {path.relative_to(_PACKAGE)}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"a fault of fitserve, please report it: {type(error).__name__}{place}"
