"""Workers whose event loop does not turn any more, and those that only seem to be so."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
import pytest

Start = Callable[..., AbstractContextManager[tuple[httpx.Client, subprocess.Popen[str]]]]
WorkersOf = Callable[[int], set[int]]
PATIENCE = 60.0
HANG_SECONDS = 3.0


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it does not become so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced_and_one_that_was_stopped_with_all_is_not(
    start: Start, fresh: httpx.Client, workers_of: WorkersOf
) -> None:
    log: list[str] = []
    environment = {"FITSERVE_HANG_SECONDS": str(HANG_SECONDS)}
    with start("small", "--workers", "2", log=log, environment=environment) as (client, process):

        def restarts() -> dict[str, int]:
            text = fresh.get(client.base_url.join("/metrics")).text
            found = re.findall(r'^fitserve_worker_restarts_total{reason="(\w+)"} (\d+)$', text, re.MULTILINE)
            return {reason: int(count) for reason, count in found}

        workers = workers_of(process.pid)
        everybody = [*workers, process.pid]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(HANG_SECONDS + 0.5)  # what a machine that is suspended does to all clocks
        for pid in reversed(everybody):
            os.kill(pid, signal.SIGCONT)
        assert restarts() == {"ended": 0, "hung": 0}

        hung = min(workers)
        os.kill(hung, signal.SIGSTOP)
        eventually(lambda: len(workers_of(process.pid) - workers) == 1)
        eventually(lambda: hung not in workers_of(process.pid))
        assert workers_of(process.pid) & workers == workers - {hung}
        assert restarts() == {"ended": 0, "hung": 1}
        os.kill(max(workers), signal.SIGKILL)
        eventually(lambda: len(workers_of(process.pid) - workers) == 2)
        assert restarts() == {"ended": 1, "hung": 1}
    assert [re.sub(r".* ERROR |; another starts in [0-9.]+ s$", "", line) for line in log] == [
        f"worker {hung} hung for 3 s and was killed",
        f"worker {max(workers)} ended with code -9",
    ]
