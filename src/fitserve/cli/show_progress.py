"""Progress on standard error: one line that moves in a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

from fitserve.cli.output import clear_line, say
from fitserve.training.progress import Progress

_TURN, _EVERY = 0.25, 3.0
_SIGNS = "|/-\\"


class ProgressLine:
    """An observer of trainings; a thread of its own keeps the line moving while a fit says nothing.

    ``quiet`` says nothing at all.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_moving, daemon=True)
        self._now: tuple[Progress, float] | None = None
        self._printed = 0.0
        self._turns = 0

    def __enter__(self) -> ProgressLine:
        if not self._quiet:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if not self._quiet:
            self._thread.join()
        if self._live and not self._quiet:
            clear_line()

    def __call__(self, progress: Progress) -> None:
        """Take one message; it is shown at once where it begins a stage, else with the next turn of the line."""
        if self._quiet:
            return
        with self._lock:
            begins = self._now is None or self._now[0].stage != progress.stage
            self._now = (progress, time.monotonic())
            if begins:
                self._show()

    def _keep_moving(self) -> None:
        while not self._over.wait(_TURN):
            with self._lock:
                if self._live or time.monotonic() - self._printed >= _EVERY:
                    self._show()

    def _show(self) -> None:
        if self._now is None:
            return
        text = line_of(*self._now)
        self._printed = time.monotonic()
        if not self._live:
            say(text, err=True)
            return
        self._turns += 1
        clear_line()
        say(f"{_SIGNS[self._turns % len(_SIGNS)]} {text}", nl=False, err=True)


def line_of(progress: Progress, since: float) -> str:
    """A message as a line, with what is left of the budget by now; ``since`` is when it came."""
    text = f"{progress.stage}: {progress.detail}" if progress.detail else progress.stage
    share = f"  {progress.share:.0%}" if progress.share is not None else ""
    if progress.left is None:
        return f"{text}{share}"
    left = progress.left - (time.monotonic() - since)
    return f"{text}{share}  ({left:.0f} s left)" if left >= 0 else f"{text}{share}  ({-left:.0f} s over the budget)"
