"""A candidate that is passed over for its weight is recorded, so that a replay gives the same bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.messages import render
from fitserve.training.run import Order, replay_run


def waves(n: int = 900) -> pl.DataFrame:
    """Steps and waves, of which trees make much and lines little."""
    rng = np.random.default_rng(3)
    a, b = rng.uniform(-3, 3, n), rng.uniform(-3, 3, n)
    return pl.DataFrame({"a": a, "b": b, "y": np.round(np.sin(2 * a) * b, 1) + a + rng.normal(size=n) / 20})


@pytest.mark.slow
def test_a_replay_gives_the_same_bundle_after_a_heavy_candidate_was_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITSERVE_SERVABLE_MEMORY", "12000000")
    monkeypatch.setenv("FITSERVE_SERVABLE_LOAD_SECONDS", "60")
    monkeypatch.setenv("FITSERVE_SERVABLE_ROW_SECONDS", "60")
    run = fitserve.train(
        waves(), "y", name="m", learners=["ridge", "forest"], budget=3600.0, workspace=tmp_path
    )  # fmt: skip
    notes = [finding for finding in run.findings if finding.endswith("and was passed over")]
    assert notes
    assert notes[0].startswith("forest with effort ")
    assert run.report["findings"] == run.findings
    opened = fitserve.Workspace.open(tmp_path)
    assert [render(each) for each in opened.run(run.id).plan["passed_over"]] == notes
    # Where more would be servable, the run is repeated all the same.
    monkeypatch.delenv("FITSERVE_SERVABLE_MEMORY")
    again = replay_run(run.id, waves(), Order("m"), opened)
    assert again.record.sha256 == run.record.sha256
    assert again.findings == run.findings
    third = replay_run(again.id, waves(), Order("m"), opened)
    assert third.record.sha256 == run.record.sha256
