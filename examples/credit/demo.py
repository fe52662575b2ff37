"""Train on the German credit data, serve the model, and say how to ask it. Ctrl-C ends it.

``--port`` chooses the port (default 8000), ``--seconds`` the budget (default 30).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]


def main() -> int:
    """Run the two commands that a newcomer would type, and show them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default="8000")
    parser.add_argument("--seconds", default="30")
    chosen = parser.parse_args()
    workspace = str(PROJECT / ".demo")
    fitserve = str(Path(sys.executable).parent / "fitserve")
    commands = (
        ["train", str(HERE / "credit.csv"), "--target", "default", "--name", "credit", "--budget", chosen.seconds,
         "--promote"],
        ["serve", "credit", "--port", chosen.port],
    )  # fmt: skip
    for command in commands:
        sys.stdout.write(f"\n$ fitserve {' '.join(command)}\n")
        sys.stdout.flush()
        try:
            code = subprocess.call([fitserve, "--workspace", workspace, *command])
        except KeyboardInterrupt:
            return 0
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
