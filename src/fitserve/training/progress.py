"""What a training says while it works, and how much time it has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fitserve.faults import OutOfTimeError, time_limit


@dataclass(frozen=True, slots=True)
class Progress:
    """One message. ``share`` of the current piece of work is done.

    ``left`` are the seconds that are left of the budget, below 0 beyond it.
    """

    stage: str
    detail: str = ""
    share: float | None = None
    left: float | None = None


Observer = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """An observer that does not listen."""


# What the report is granted: a share, and no more seconds.
_SHARE_OF_REPORT, _MOST_OF_REPORT = 0.12, 6.0
# What a part of the report may take of what is left at its turn; the most worth come first.
_SHARE_OF_A_PART, _WHOLE = 0.5, ("learning_curve",)


@dataclass(frozen=True)
class Clock:
    """The budget of one training, of the whole command: ``started`` is a time of `time.monotonic`.

    A training that is replayed has no clock: ``budget`` is None. ``to_write`` are the seconds that are kept for writing
    the bundle and what belongs to it.
    """

    budget: float | None
    started: float = field(default_factory=time.monotonic)
    to_write: float = 0.4

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float | None:
        """Seconds that are left of the budget; below 0 if it is over."""
        return None if self.budget is None else self.budget - self.elapsed

    def room(self, after: float, of_report: float = 1.0) -> float:
        """Seconds that may be used now if so many are needed afterwards, besides the report and the bundle.

        ``of_report`` is the share of the report's time that is kept.
        """
        if self.budget is None:
            return float("inf")
        report = of_report * min(_SHARE_OF_REPORT * self.budget, _MOST_OF_REPORT)
        return self.budget - self.elapsed - after - report - self.to_write


@dataclass(frozen=True)
class Allotted:
    """Shares of the time that is left when a model is ready, for the parts of its report.

    ``cut`` names the parts that a replay leaves out, for there was no time for them; None where the clock decides.
    """

    clock: Clock
    cut: frozenset[str] | None = None

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Let a part take at most half of what is left; raises OutOfTimeError if nothing is."""
        if self.cut is not None or self.clock.budget is None:
            if self.cut is not None and name in self.cut:
                raise OutOfTimeError
            yield
            return
        now, ends = time.monotonic(), self.clock.started + self.clock.budget - self.clock.to_write
        if now >= ends:
            raise OutOfTimeError
        share = 1.0 if name in _WHOLE else _SHARE_OF_A_PART
        with time_limit(now + share * (ends - now)):
            yield
