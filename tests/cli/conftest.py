"""The command line as its users meet it: exit code, standard output, standard error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.cli import main

FITSERVE = str(Path(sys.executable).with_name("fitserve"))
ROWS = 120


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def message(self) -> str:
        """The line for a user who made a mistake: one line, after the progress of a training."""
        assert self.code == 2, (self.code, self.err)
        assert "Traceback" not in self.err
        assert self.out == ""
        progress = ("reading: ", "preparing: ", "searching: ", "refitting: ", "packaging: ")
        lines = [line for line in self.err.splitlines() if not line.startswith(progress)]
        assert len(lines) == 1, lines
        assert lines[0].startswith("fitserve: ")
        return lines[0].removeprefix("fitserve: ")


Command = Callable[..., Done]


def tables() -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng(1)
    size, town = rng.integers(20, 200, ROWS), rng.choice(["Ulm", "Bonn", "Kiel"], ROWS)
    price = size * 10.0 + (town == "Bonn") * 300 + rng.normal(0, 50, ROWS)
    label = np.where(price + rng.normal(0, 400, ROWS) > np.median(price), "yes", "no")
    features = pl.DataFrame({"size": size, "town": town})
    return {
        "houses": features.with_columns(price=pl.Series(price)),
        "loans": features.with_columns(paid=pl.Series(label)),
    }


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two tables and a workspace with a model of each."""
    folder = tmp_path_factory.mktemp("template")
    for (name, table), learner in zip(tables().items(), ("ridge", "logistic"), strict=True):
        table.write_csv(folder / f"{name}.csv")
        target = table.columns[-1]
        fitserve.train(table, target, name=name, learners=[learner], budget=20.0, workspace=folder / "workspace")
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a user without any model, with houses.csv and loans.csv in it."""
    for name, table in tables().items():
        table.write_csv(tmp_path / f"{name}.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FITSERVE_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.delenv("FITSERVE_MEMORY_LIMIT", raising=False)
    return tmp_path


@pytest.fixture
def trained(home: Path, template: Path) -> Path:
    """The same with the models houses and loans, one version each."""
    shutil.copytree(template / "workspace", home / "workspace")
    return home


@pytest.fixture
def command(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``fitserve`` with some arguments, in this process."""

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["fitserve", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return Done(stop.value.code, captured.out, captured.err)

    return call


@pytest.fixture
def process(home: Path) -> Command:
    """``fitserve`` with some arguments, in a process of its own."""

    def call(*arguments: object, given: str | None = None) -> Done:
        done = subprocess.run(
            [FITSERVE, *map(str, arguments)], input=given, capture_output=True, text=True, check=False, cwd=home,
            env={**os.environ, "COLUMNS": "200"}, timeout=120,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    return call
