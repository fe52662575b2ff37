"""Progress on standard error: a line that renews itself in a terminal, a line for each step elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from fitserve.cli.output import clear_line, say
from fitserve.training.progress import Progress


class ProgressLine:
    """An observer of trainings. ``quiet`` says nothing at all."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._shown = ""
        self._next = 0.0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def __call__(self, progress: Progress) -> None:
        """Show one message; shares are shown in terminals only, ten times a second at most."""
        if self._quiet or (progress.share is not None and not self._live):
            return
        text = f"{progress.stage}: {progress.detail}" if progress.detail else progress.stage
        left = f"  (at most {progress.left:.0f} s left)" if progress.left is not None else ""
        if progress.share is None:
            self._clear()
            say(f"{text}{left}", err=True)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            self._clear()
            self._shown = f"{text}  {progress.share:.0%}{left}"
            say(self._shown, nl=False, err=True)

    def _clear(self) -> None:
        if self._shown:
            clear_line()
            self._shown = ""
