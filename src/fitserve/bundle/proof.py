"""The proof of a stranger's bundle: it is tried out in a process of its own, which may take so much and no more.

Digests say that a bundle is whole; whether it can be borne shows when it runs. A graph of a few bytes can ask for any
amount of memory and of time.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from fitserve import settings
from fitserve.errors import BundleError

# What a process may take beyond what it has when it begins: some times the limit of a loaded model, for loading holds
# several copies of a graph, and room for the batch that is tried.
_ROOM_BYTES, _ROOM_FACTOR = 512 << 20, 4
# Seconds of processor time: an honest bundle needs a tenth of it. A busy machine gives a process little of its time, so
# the clock on the wall has to go far beyond.
_ROOM_SECONDS, _LOADS, _ROWS = 10.0, 20, 5_000
_WALL_FACTOR = 20
ADVICE = "do not use it, or raise {variable} if you trust whoever made it"


class Weight(NamedTuple):
    """What a loaded graph costs: resident bytes, seconds of processor time to load, and for one row."""

    memory: int
    load_seconds: float
    row_seconds: float

    @property
    def too_heavy(self) -> str | None:
        """Which limit it breaks, in words; None if none."""
        broken = self.broken
        return broken[1] if broken else None

    @property
    def broken(self) -> tuple[str, str] | None:
        """The setting whose limit it breaks, the first one, and in words how."""
        measured = {
            "servable_memory": (self.memory, f"takes {self.memory >> 20} MB"),
            "servable_load_seconds": (self.load_seconds, f"takes {self.load_seconds:.2f} s to load"),
            "servable_row_seconds": (self.row_seconds, f"takes {self.row_seconds * 1000:.1f} ms for one row"),
        }
        return next(((name, words) for name, (value, words) in measured.items() if value > settings.get(name)), None)


def memory_room() -> int:
    """Bytes that a process may take to prove a bundle, beyond what it has when it begins."""
    return _ROOM_BYTES + _ROOM_FACTOR * int(settings.get("servable_memory"))


def processor_seconds() -> int:
    """Seconds of processor time that a process may take to prove a bundle."""
    load, row = float(settings.get("servable_load_seconds")), float(settings.get("servable_row_seconds"))
    return math.ceil(_ROOM_SECONDS + _LOADS * load + _ROWS * row)


def prove(folder: Path) -> None:
    """Load a bundle in another process and try it out there.

    Raises BundleError, in one line, if it is damaged or unsafe, does not give the answers recorded at export, or takes
    more memory or time than the settings allow a model that is served.
    """
    command = [sys.executable, "-P", "-m", "fitserve.prediction.prove", str(folder)]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    seconds = processor_seconds()
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_WALL_FACTOR * seconds,
            env={**os.environ, **one_thread},
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"the bundle cannot be tried out in {_WALL_FACTOR * seconds} s; do not use it") from None
    said = _said(done.stdout)
    if said is None:
        raise BundleError(_unsaid(done.returncode, done.stderr, seconds))
    if "refused" in said:
        raise BundleError(said["refused"])
    broken = Weight(**said).broken
    if broken is not None:
        name, what = broken
        variable = settings.SETTINGS[name].variable
        limit = f"more than {variable} allows ({settings.get(name)})"
        raise BundleError(f"the bundle {what}, {limit}; {ADVICE.format(variable=variable)}")


def _said(output: str) -> dict[str, Any] | None:
    try:
        found = json.loads(output)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _unsaid(code: int, complaint: str, seconds: int) -> str:
    """What it means that the process has ended without a word."""
    if code == -signal.SIGXCPU:
        return f"the bundle takes more than {seconds} s of processor time to try out; do not use it"
    if code == -signal.SIGKILL:
        return "the bundle could not be tried out: something ended the process; is there enough memory? then try again"
    if code < 0:
        return f"the bundle brings the process that tries it out down (signal {-code}); do not use it"
    lines = complaint.strip().splitlines() or ["no reason given"]
    return f"the bundle could not be tried out ({lines[-1][:200]}); please report this"
