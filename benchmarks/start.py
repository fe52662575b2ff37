"""Start of the server and of the command line, memory of a worker, size of the light install.

``python -m benchmarks.start``
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.fixed_model import PLAIN_TREES, Recipe, make
from benchmarks.report import Bar, show
from benchmarks.tables import TABLES, frames
from fitserve.store import Workspace

FITSERVE = str(Path(sys.executable).parent / "fitserve")
PROJECT = Path(__file__).parents[1]


def main() -> None:
    """Measure several times each and print medians."""
    with tempfile.TemporaryDirectory() as folder:
        frame, _ = frames(TABLES[0])
        make(Workspace.open(folder), "adult", frame, "income", Recipe("lightgbm", 200, PLAIN_TREES))
        starts = [_start(folder) for _ in range(7)]
    helps = []
    for _ in range(11):
        started = time.perf_counter()
        subprocess.run([FITSERVE, "--help"], check=True, capture_output=True)
        helps.append(time.perf_counter() - started)
    show(
        Bar(
            "fitserve serve: seconds from process start to ready",
            statistics.median(s[0] for s in starts),
            1.5,
            "at most",
        ),
        Bar("Worker: resident MB", statistics.median(s[1] for s in starts), 150, "at most"),
        Bar("fitserve --help: seconds", statistics.median(helps), 0.3, "at most"),
        Bar("Light install: MB of site-packages without pip", _light_install(), 300, "at most"),
    )


def _start(workspace: str) -> tuple[float, float]:
    """Seconds until /readyz answers, and the worker's resident MB after some hundred predictions."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.perf_counter()
    command = [FITSERVE, "--workspace", workspace, "serve", "adult", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not _ready(port):
            time.sleep(0.005)
        seconds = time.perf_counter() - started
        for _ in range(300):
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/predict", b'{"age": 40}', {"content-type": "application/json"}
            )
            urllib.request.urlopen(request, timeout=5).read()
        return seconds, _worker_memory(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _ready(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
    except OSError:
        return False
    return True


def _worker_memory(supervisor: int) -> float:
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text(encoding="ascii").split()
    status = Path(f"/proc/{children[0]}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def _light_install() -> float:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-c", str(PROJECT / "constraints.txt"), str(PROJECT)], check=True)
        site = next(Path(folder).glob("lib/python*/site-packages"))
        counted = [p for p in site.rglob("*") if p.is_file() and not p.relative_to(site).parts[0].startswith("pip")]
        return sum(path.stat().st_size for path in counted) / 1e6


if __name__ == "__main__":
    main()
