"""What a training says while it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """One message. ``share`` of the current piece of work is done; ``left`` seconds are expected to remain."""

    stage: str
    detail: str = ""
    share: float | None = None
    left: float | None = None


Observer = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """An observer that does not listen."""


@dataclass(frozen=True)
class Clock:
    """The budget of one training, from its first second on.

    Searching may take 70 % of it, one fit 22 %: then a refit on all rows, a quarter larger, still fits in.
    A training that is replayed has no clock: ``budget`` is None.
    """

    budget: float | None
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float | None:
        """Seconds that are left of the budget."""
        return None if self.budget is None else max(0.0, self.budget - self.elapsed)

    @property
    def search_over(self) -> bool:
        """Whether the time for searching is used up."""
        return self.budget is not None and self.elapsed > 0.7 * self.budget

    def fit_deadline(self, until: float | None = None, fits: int = 1) -> float | None:
        """The time at which a fit that starts now has to stop, if it and those after it have time ``until`` then."""
        if self.budget is None:
            return None
        now = time.monotonic()
        share = 0.22 * self.budget if until is None else min(0.22 * self.budget, max(until - now, 0.0) / fits)
        return min(now + share, self.started + 0.72 * self.budget)

    def allows(self, seconds: float) -> bool:
        """Whether a search of so many more seconds ends in time."""
        return self.budget is None or self.elapsed + seconds < 0.75 * self.budget
