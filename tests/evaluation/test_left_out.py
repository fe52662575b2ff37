"""Each section of a report, each chart and each part of a page and of a comparison fails in turn: all others are there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import orjson
import polars as pl
import pytest

from fitserve.evaluation import compare, drawings, page, report, sections
from fitserve.evaluation.compare import compare_models
from fitserve.evaluation.evaluate import evaluate_model
from fitserve.evaluation.tasks.classification import charts as of_labels_charts
from fitserve.evaluation.tasks.classification import report as of_labels
from fitserve.evaluation.tasks.regression import report as of_numbers
from fitserve.prediction import Predictor
from fitserve.prediction.named import open_named

TABLES = (of_labels.OF_LABELS, of_labels.OF_TWO_LABELS, of_numbers.OF_NUMBERS, report.OF_ALL)
OF_LABELS, OF_NUMBERS = (
    sorted(set().union(*tables)) for tables in ((TABLES[0], TABLES[1], TABLES[3]), (TABLES[2], TABLES[3]))
)
CASES = [*(("label", name) for name in OF_LABELS), *(("price", name) for name in OF_NUMBERS)]


class OddError(Exception):
    """An error that no part of the code knows of."""


def broken(*_: Any, **__: Any) -> Any:
    raise OddError("a private value")


@pytest.fixture
def predictors(price: Predictor, label: Predictor) -> dict[str, Predictor]:
    return {"price": price, "label": label}


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING, logger="fitserve"):
        yield caplog


def values_of(name: str, whole: dict[str, Any]) -> set[str]:
    """The members of a report that a section adds."""
    own = {"curves": {"curves"}, "slices": {"slices", "slices_of_rows"}, "gains": set[str](),
           "importance": {"importance", "asked_of_rows", "asked_note"}}  # fmt: skip
    return own.get(name, {name}) & whole.keys()


@pytest.mark.parametrize(("model", "name"), CASES)
def test_a_section_that_fails_is_left_out_with_its_reason(
    predictors: dict[str, Predictor], rows: pl.DataFrame, model: str, name: str, monkeypatch: pytest.MonkeyPatch,
    log: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    whole = evaluate_model(predictors[model], rows).report
    assert whole["faults"] == []
    for table in TABLES:
        if name in table:
            monkeypatch.setitem(table, name, broken)
    found = evaluate_model(predictors[model], rows)
    left = found.report
    assert left["faults"] == [name]
    assert left["skipped"][name].startswith("a fault of fitserve, please report it: OddError")
    assert "private" not in str(left)
    kept = whole.keys() - values_of(name, whole) - {"charts", "tables", "skipped", "faults", "lead", "intervals"}
    kept -= {"codes"}  # those of the words: skipped and lead among them
    if name == "importance":
        kept -= {"dependence", "robustness"}  # they look at the columns that count most
    if name in ("importance", "robustness"):
        kept -= {"costly_gaps"}  # it compares the two
    assert {key: left[key] for key in kept} == {key: whole[key] for key in kept}
    assert found.scores == evaluate_model(predictors[model], rows).scores
    assert orjson.loads(orjson.dumps(left)) == left
    assert "a fault of fitserve" in found.html()
    assert [record.exc_info is not None for record in log.records] == [True]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("model", ["price", "label"])
@pytest.mark.parametrize("drawing", ["residual_charts", "confusion_chart", "curve_charts", "dependence_chart",
                                     "threshold_chart", "calibration_chart", "gain_charts", "interval_chart"])  # fmt: skip
def test_a_chart_that_fails_takes_nothing_with_it(
    predictors: dict[str, Predictor], rows: pl.DataFrame, model: str, drawing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate_model(predictors[model], rows).report
    for module in (sections, drawings, of_labels_charts, of_numbers):
        if hasattr(module, drawing):
            monkeypatch.setattr(module, drawing, broken)
    left = evaluate_model(predictors[model], rows).report
    numbers = whole.keys() - {"charts", "skipped", "faults", "codes"}
    assert left["codes"]["lead"] == whole["codes"]["lead"]
    assert {key: left[key] for key in numbers} == {key: whole[key] for key in numbers}
    assert all(", chart" in name for name in left["faults"])
    lost = len(whole["charts"]) - len(left["charts"])
    assert bool(lost) == bool(left["faults"])
    names = [chart["name"] for chart in left["charts"]]
    assert names == [chart["name"] for chart in whole["charts"] if chart["name"] in names]


@pytest.mark.parametrize("place", range(len(page.SECTIONS)))
def test_a_part_of_the_page_that_fails_is_named_on_it(
    label: Predictor, rows: pl.DataFrame, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = evaluate_model(label, rows)
    title, anchor, _ = page.SECTIONS[place]
    changed = [*page.SECTIONS[:place], (title, anchor, broken), *page.SECTIONS[place + 1 :]]
    whole = [section.title for section in page.sections(found.report)]
    monkeypatch.setattr(page, "SECTIONS", changed)
    shown = [section.title for section in page.sections(found.report)]
    assert shown == [name for name in whole if name not in (title, "What is missing")] + ["What is missing"]
    assert f"<td>{title}</td><td>a fault of fitserve" in found.html()


def test_a_chart_that_the_page_cannot_show_leaves_a_line(
    label: Predictor, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = evaluate_model(label, rows)
    n = len(found.report["charts"])
    found.report["charts"][0]["spec"]["height"] = "tall"
    shown = found.html()
    assert shown.count('class="chart"') == n - 1
    assert shown.count("A chart cannot be shown: a fault of fitserve") == 1


@pytest.mark.parametrize("part", ["_wins", "_differing"])
def test_a_comparison_keeps_its_verdict(
    workspace: Any, rows: pl.DataFrame, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_named("price", workspace)
    whole = compare_models(model, model, rows)
    monkeypatch.setattr(compare, part, broken)
    left = compare_models(model, model, rows)
    name = {"_wins": "wins", "_differing": "slices"}[part]
    assert (left.verdict, left.scores) == (whole.verdict, whole.scores)
    assert left.as_json()["skipped"].keys() == {name}
    assert "a fault of fitserve" in left.html()


def test_one_value_at_the_top_is_a_part_of_its_own() -> None:
    from fitserve.evaluation.parts import parts_of
    from fitserve.features.column import column_of
    from fitserve.schema import Field, Kind

    field = Field("days", Kind.NUMBER, "")
    top = parts_of(field, column_of([*range(20), *[999] * 380]), None)
    assert top is not None
    assert top.names == ["`days` up to 19", "`days` = 999", "`days` missing"]
    assert [int((top.codes == i).sum()) for i in range(3)] == [20, 380, 0]
    low = parts_of(field, column_of([*range(20), *[-5] * 380]), None)
    assert low is not None
    assert low.names == ["`days` = -5", "`days` over -5", "`days` missing"]
