"""All benchmarks, one after the other: ``python -m benchmarks``. Run nothing else meanwhile."""

from __future__ import annotations

import subprocess
import sys

NAMES = (
    "one_row",
    "http_speed",
    "start",
    "drain",
    "bulk",
    "data",
    "quality",
    "boosters",
    "budget",
    "refit",
    "parity",
    "cells",
    "noise",
)


def main() -> int:
    """Run each in a process of its own."""
    codes = []
    for name in NAMES:
        print(f"\n== {name}", flush=True)
        codes.append(subprocess.call([sys.executable, "-m", f"benchmarks.{name}"]))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
