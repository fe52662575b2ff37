"""One-row requests per second beside a bare ASGI echo and the same pipeline behind Flask, in one run.

Each server has one worker on core 0, the client (Debian's ``wrk``) runs on core 1. ``python -m benchmarks.http_speed``
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.fixed_model import PLAIN_TREES, Recipe, make
from benchmarks.flask_peer import TREES
from benchmarks.report import Bar, show
from benchmarks.tables import TABLES, frames
from fitserve.store import Workspace

ROUNDS, SECONDS, CONNECTIONS = 5, 4, 32


def main() -> None:
    """Measure in turn, several rounds, and print medians."""
    if not shutil.which("wrk"):
        sys.exit("this needs wrk: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        body = _train(workspace)
        script = Path(folder) / "post.lua"
        lua = body.replace("\\", "\\\\").replace("'", "\\'")
        script.write_text(
            f"wrk.method='POST'\nwrk.body='{lua}'\nwrk.headers['content-type']='application/json'\n", encoding="utf-8"
        )
        peer = Path(folder) / "peer.joblib"
        subprocess.run([sys.executable, "-m", "benchmarks.flask_peer", str(peer)], check=True)
        rates: dict[str, list[float]] = {"echo": [], "fitserve": [], "flask": []}
        single: list[float] = []
        for _ in range(ROUNDS):
            for name, found in rates.items():
                with _server(name, workspace, peer) as url:
                    _load(url, script, CONNECTIONS, 1)
                    found.append(_load(url, script, CONNECTIONS, SECONDS)[0])
                    if name == "fitserve":
                        single.append(_load(url, script, 1, 2)[1])
        _report(rates, single)


def _train(workspace: Path) -> str:
    """Make the model that is served; a typical row is returned as JSON."""
    frame, _ = frames(TABLES[0])
    run = make(Workspace.open(workspace), "adult", frame, "income", Recipe("lightgbm", TREES, PLAIN_TREES))
    return json.dumps(run.predictor().example)


@contextmanager
def _server(name: str, workspace: Path, peer: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bin_ = Path(sys.executable).parent
    commands = {
        "echo": [str(bin_ / "uvicorn"), "benchmarks.echo_app:app", "--port", str(port), "--no-access-log",
                 "--log-level", "error", "--loop", "uvloop", "--http", "httptools"],
        "fitserve": [str(bin_ / "fitserve"), "serve", "adult", "--port", str(port), "--workspace", str(workspace)],
        "flask": [str(bin_ / "gunicorn"), "benchmarks.flask_peer:app", "-b", f"127.0.0.1:{port}", "-w", "1",
                  "--threads", "4", "--log-level", "error"],
    }  # fmt: skip
    environment = {**os.environ, "FLASK_PEER_MODEL": str(peer), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        ["taskset", "-c", "0", *commands[name]], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}/predict"
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit("a server did not start")


def _load(url: str, script: Path, connections: int, seconds: int) -> tuple[float, float]:
    """Requests per second and the median latency in milliseconds."""
    command = [
        "taskset",
        "-c",
        "1",
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--latency",
        "-s",
        str(script),
        url,
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        sys.exit(f"{url} answered with errors:\n{said}")
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    middle = re.search(r"50%\s+([0-9.]+)(us|ms|s)", said)
    assert rate is not None
    assert middle is not None
    return float(rate[1]), float(middle[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[middle[2]]


def _report(rates: dict[str, list[float]], single: list[float]) -> None:
    for name, values in rates.items():
        print(f"{name:9} {statistics.median(values):9.0f} requests/s  ({', '.join(f'{v:.0f}' for v in values)})")
    against = {
        name: statistics.median(a / b for a, b in zip(rates["fitserve"], rates[name], strict=True))
        for name in ("echo", "flask")
    }
    show(
        Bar("HTTP, 32 connections: share of a bare ASGI echo", against["echo"], 0.35, "at least"),
        Bar("HTTP, 32 connections: times the same pipeline behind Flask", against["flask"], 80, "at least"),
        Bar("HTTP, 1 connection: p50 in ms", statistics.median(single), 0.3, "at most"),
    )


if __name__ == "__main__":
    main()
