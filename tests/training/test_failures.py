"""What is broken or fails loses its turn and no more: plug-ins, learners, candidates, exports. It is told, and replays."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.errors import SpecError
from fitserve.models.base import broken_learners, get_learners
from fitserve.store import Workspace
from fitserve.tasks import get_task
from fitserve.training.progress import Progress
from fitserve.training.run import Order, replay_run

FAULTY = """
    import numpy as np
    from fitserve.models.constant import fit_constant

    class Faulty:
        name, cost = "faulty", 3
        objectives = None
        def candidates(self, shape):
            return [{"way": "MemoryError"}, {"way": "ValueError"}, {"way": "fine"}]
        def fit(self, arrays, target, parameters, context):
            if parameters["way"] == "MemoryError":
                raise MemoryError
            if parameters["way"] == "ValueError":
                raise ValueError("Too few sampling units: subsample=0.8,\\n sampling_unit=Object")
            return fit_constant(arrays, target, context)

    class Hopeless(Faulty):
        name = "hopeless"
        def candidates(self, shape):
            return [{"way": "ValueError"}]

    class Unsure(Faulty):
        name = "unsure"
        def candidates(self, shape):
            raise KeyError("n_rows")

    class Silent(Faulty):
        name = "silent"
        def candidates(self, shape):
            return [{}]
        def fit(self, arrays, target, parameters, context):
            return Wrong(len(arrays.dense))

    class Wrong:
        effort = 1
        def __init__(self, n):
            self.n = n
        def predict(self, arrays):
            return np.full((len(arrays), 3), np.nan)

    class Unready:
        name, cost = "unready", 3
        objectives = None
        def __init__(self):
            raise OSError("no licence")

    class Great(Faulty):
        name, cost = "great", 0
        objectives = None
        def candidates(self, shape):
            return [{}]
        def fit(self, arrays, target, parameters, context):
            return Best()

    class Best:
        effort = 1
        def predict(self, arrays):
            return 1 / (1 + np.exp(3.0 * arrays.dense[:, :1].astype(float)))
        def export(self):
            raise RuntimeError("this operator has no graph")
"""


def install(folder: Path, *entries: str) -> Path:
    """A package with learners, as pip would leave it; ``entries`` are lines of its entry points."""
    (folder / "faulty.py").write_text(dedent(FAULTY), encoding="utf-8")
    (folder / "unimportable.py").write_text("import no_such_module\n", encoding="utf-8")
    about = folder / "faulty-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("\n".join(entries) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes learners of the package above known to this process."""

    def known(*names: str) -> None:
        lines = [f"{name.lower()} = faulty:{name}" for name in names]
        monkeypatch.syspath_prepend(str(install(tmp_path, "[fitserve.learners]", *lines)))

    yield known
    sys.modules.pop("faulty", None)


def table(n: int = 80) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return pl.DataFrame({"x": x, "z": rng.normal(size=n), "y": np.where(x + rng.normal(size=n) / 3 > 0, "a", "b")})


def train(folder: Path, *learners: str) -> fitserve.training.run.Run:
    return fitserve.train(
        table(), "y", name="m", learners=list(learners), budget=3600.0, workspace=folder / "w"
    )  # fmt: skip


def test_candidates_that_fail_lose_their_trial(
    tmp_path: Path, installed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    installed("Faulty", "Hopeless", "Unsure", "Silent")
    with caplog.at_level(logging.WARNING, "fitserve"):
        run = train(tmp_path, "logistic", "faulty", "hopeless", "unsure", "silent")
    assert run.manifest.learner == "logistic"
    tried = [candidate["learner"] for candidate in run.candidates]
    assert tried.count("faulty") == 1
    assert {"hopeless", "unsure", "silent"}.isdisjoint(tried)
    refused = run.report["refused"]
    said = "ValueError: Too few sampling units: subsample=0.8, sampling_unit=Object"
    assert refused["faulty"] == "failed: MemoryError"
    assert refused["hopeless"] == f"failed: {said}"
    assert refused["unsure"] == "failed: KeyError: 'n_rows'"
    assert refused["silent"].startswith("failed: ")
    assert "2 candidates of the learner 'faulty' failed and did not take part (MemoryError)" in run.findings
    assert f"the learner 'hopeless' failed and did not take part ({said})" in run.findings
    assert run.report["findings"] == run.findings
    assert {record.exc_info[0] for record in caplog.records if record.exc_info} >= {MemoryError, ValueError, KeyError}


def test_a_replay_of_failures_gives_the_same_bits_even_when_they_are_mended(tmp_path: Path, installed: Any) -> None:
    installed("Faulty", "Hopeless", "Great")
    run = train(tmp_path, "logistic", "faulty", "hopeless", "great")
    assert run.manifest.learner == "logistic"
    assert "great: RuntimeError: this operator has no graph" in run.findings
    mended = (
        (tmp_path / "faulty.py").read_text().replace("raise MemoryError", "pass").replace("raise ValueError", "str")
    )
    (tmp_path / "faulty.py").write_text(mended)
    sys.modules.pop("faulty")
    again = replay_run(run.id, table(), Order("m"), Workspace.open(tmp_path / "w"))
    assert again.record.sha256 == run.record.sha256
    assert again.findings == run.findings


def test_if_no_learner_works_that_is_said(tmp_path: Path, installed: Any) -> None:
    installed("Hopeless")
    run = train(tmp_path, "hopeless")
    assert run.manifest.learner == "baseline"
    assert "no learner but the answer without learning worked" in run.findings
    assert not any("nothing was learned" in finding for finding in run.findings)


def test_a_learner_that_cannot_be_loaded_is_left_out_and_told(tmp_path: Path, installed: Any) -> None:
    installed("Unready", "NoSuchClass")
    assert "ridge" in get_learners()
    broken = broken_learners()
    assert broken["unready"] == "OSError: no licence"
    assert broken["nosuchclass"].startswith("AttributeError")
    with pytest.raises(SpecError, match=r"the learner 'unready' cannot be loaded \(OSError: no licence\); mend its"):
        train(tmp_path, "unready")
    run = train(tmp_path, "logistic")  # who names learners need not hear of others
    assert not any("unready" in finding for finding in run.findings)


def test_ctrl_c_in_a_learner_is_no_failure_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = install(tmp_path, "[fitserve.learners]", "impatient = faulty:Faulty")
    text = (package / "faulty.py").read_text().replace("raise MemoryError", "raise KeyboardInterrupt")
    (package / "faulty.py").write_text(text.replace('"faulty"', '"impatient"'))
    monkeypatch.syspath_prepend(str(package))
    try:
        run = train(tmp_path, "logistic", "impatient")
    finally:
        sys.modules.pop("faulty", None)
    assert run.interrupted
    assert run.manifest.learner == "logistic"
    assert run.report["refused"] == {}


@pytest.mark.slow
def test_a_broken_package_stops_no_training_of_the_command_line(tmp_path: Path) -> None:
    """Told on screen and in the report; the trace is for whoever listens to the log, not for users."""
    package = install(
        tmp_path,
        "[fitserve.learners]",
        "broken = unimportable:Learner",
        "[fitserve.tasks]",
        "odd = unimportable:Task",
        "half = fitserve.tasks.regression:Regression",
    )
    table().write_csv(tmp_path / "t.csv")
    command = [
        sys.executable,
        "-m",
        "fitserve",
        "train",
        "t.csv",
        "--target",
        "y",
        "--budget",
        "2s",
        "--workspace",
        "w",
    ]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    note = "the learner 'broken' failed and did not take part (ModuleNotFoundError: No module named 'no_such_module')"
    assert f"- {note}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    odd = [*command, "--task", "odd"]
    named = subprocess.run(odd, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert named.returncode == 2
    assert named.stderr.splitlines()[-1] == (
        "fitserve: the task 'odd' cannot be loaded (ModuleNotFoundError: No module named 'no_such_module'); "
        "mend or uninstall its package"
    )
    half = [*command, "--task", "half"]
    named = subprocess.run(half, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert named.stderr.splitlines()[-1] == (
        "fitserve: the task 'half' cannot be trained: its package registers nothing in fitserve.evaluations; mend it"
    )


def test_what_an_observer_raises_is_no_failure_of_a_learner(tmp_path: Path) -> None:
    def listen(progress: Progress) -> None:
        if progress.stage == "searching" and "logistic" in progress.detail:
            raise ZeroDivisionError("enough")

    with pytest.raises(ZeroDivisionError, match="enough"):
        fitserve.train(table(), "y", learners=["logistic"], workspace=tmp_path / "w", observer=listen)


def test_a_task_that_is_not_asked_for_may_be_broken() -> None:
    assert get_task("regression").name == "regression"
