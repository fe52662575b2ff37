"""What a training says while it works: one line that moves in a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fitserve.cli.show_progress import ProgressLine, line_of
from fitserve.training.progress import Progress

FITSERVE = str(Path(sys.executable).with_name("fitserve"))


def test_the_countdown_goes_on_while_nothing_is_said_and_owns_up_when_time_is_over() -> None:
    now = time.monotonic()
    assert line_of(Progress("searching", "a", 0.5, 10.0), now) == "searching: a  50%  (10 s left)"
    assert line_of(Progress("searching", "a", None, 10.0), now - 4) == "searching: a  (6 s left)"
    assert line_of(Progress("packaging", "a", None, 1.0), now - 4) == "packaging: a  (3 s over the budget)"
    assert line_of(Progress("reading", "a"), now) == "reading: a"


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine(quiet=True) as line:
        line(Progress("reading", "a"))
    assert capsys.readouterr() == ("", "")


def test_elsewhere_each_stage_is_told_and_not_each_candidate(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine() as line:
        for i in range(50):
            line(Progress("searching", f"candidate {i}", None, 9.0))
        line(Progress("packaging", "a", None, 1.0))
    assert capsys.readouterr().err.splitlines() == ["searching: candidate 0  (9 s left)", "packaging: a  (1 s left)"]


@pytest.mark.slow
def test_in_a_terminal_one_line_moves_and_is_gone_at_the_end(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{i}": rng.normal(size=4000) for i in range(10)})
    frame.with_columns(y=pl.sum_horizontal(pl.all())).write_csv(tmp_path / "t.csv")
    main, other = pty.openpty()
    command = [FITSERVE, "train", "t.csv", "--target", "y", "--budget", "20s", "--learner", "lightgbm"]
    environment = {**os.environ, "FITSERVE_WORKSPACE": str(tmp_path / "w")}
    with subprocess.Popen(command, stderr=other, stdout=subprocess.PIPE, cwd=tmp_path, env=environment) as process:
        os.close(other)
        said = b""
        while True:
            try:
                part = os.read(main, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            said += part
        out = process.communicate()[0].decode()
    os.close(main)
    text = said.decode()
    assert process.returncode == 0
    assert "version 1: lightgbm" in out
    assert "\n" not in text.strip()
    assert text.count("\r\x1b[K") > 10
    assert re.search(r"searching: .* s left\)", text)
    assert text.endswith("\r\x1b[K")
    assert "at most" not in text
