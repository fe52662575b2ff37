"""Each check of a table fails in turn: all others are made, and it is said that one was not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import fitserve
from fitserve.data.checks import registry
from fitserve.data.checks.finding import Finding, Severity
from fitserve.data.checks.registry import ALL_CHECKS, FOR_TRAINING, Check
from fitserve.data.checks.table import CheckedTable
from fitserve.data.views.table_view import view_table
from fitserve.training import prepare

ROWS = 60


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """Rows with a copy of the target, a constant, and gaps."""
    target = [i % 7 * 1.5 for i in range(ROWS)]
    return pl.DataFrame({
        "x": [i * i % 11 for i in range(ROWS)], "copy": [value * 2 for value in target], "one": ["a"] * ROWS,
        "gaps": [None if i % 3 else i for i in range(ROWS)], "y": target,
    })  # fmt: skip


def failing(check: Check) -> Check:
    def broken(table: CheckedTable) -> Iterable[Finding]:
        raise KeyError("a private value")

    broken.__name__ = check.__name__
    return broken


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
def test_one_check_that_fails_takes_no_other_with_it(
    rows: pl.DataFrame, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = view_table(rows, "t", "y").findings
    monkeypatch.setattr(registry, "ALL_CHECKS", [failing(each) if each is check else each for each in ALL_CHECKS])
    view = view_table(rows, "t", "y")
    notes = [finding for finding in view.findings if finding.code == "check_failed"]
    assert len(notes) == 1
    assert check.__name__.replace("_", " ") in notes[0].message
    assert "a fault of fitserve, please report it: KeyError" in notes[0].message
    assert "private" not in notes[0].message
    assert notes[0].severity is (Severity.WARN if check in FOR_TRAINING else Severity.NOTE)
    others = [finding for finding in view.findings if finding.code != "check_failed"]
    assert all(finding in whole for finding in others)
    assert len(others) >= len(whole) - 2  # some checks tell two things of this table, none tells more


def test_a_training_goes_on_and_says_what_was_not_checked(
    rows: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [failing(each) if each.__name__ == "copies_of_the_target" else each for each in FOR_TRAINING]
    monkeypatch.setattr(prepare, "FOR_TRAINING", tuple(checks))
    run = fitserve.train(rows, "y", learners=["ridge"], budget=30.0, workspace=tmp_path, name="m")
    notes = [finding for finding in run.findings if "'copies of the target' could not be made" in finding]
    assert len(notes) == 1
    assert notes[0].endswith("see for yourself that no column gives the target away")


@pytest.mark.parametrize("part", ["explained", "wrong_cells"])
def test_what_a_view_shows_besides_may_fail(rows: pl.DataFrame, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: CheckedTable) -> Any:
        raise KeyError("a private value")

    monkeypatch.setattr(CheckedTable, part, property(broken))
    view = view_table(rows, "t", "y")
    assert [column.name for column in view.columns] == ["x", "copy", "one", "gaps"]
    assert any("is missing (a fault of fitserve" in finding.message for finding in view.findings)
    assert "x" in view.to_html()
