"""The sections of a report, each by itself: what it tells, and the charts that show it.

A section is a function of the case and of the report as far as it is made. It raises UnavailableError where there is
nothing to tell; whatever else it raises is a fault, and the section alone is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from fitserve.evaluation import drawings
from fitserve.evaluation import importance as asking
from fitserve.evaluation.case import Case
from fitserve.evaluation.importance import DEPENDENCE_COLUMNS, DEPENDENCE_ROWS, MOST_COLUMNS, REPEATS
from fitserve.evaluation.parts import all_parts
from fitserve.evaluation.sentences import error_of, lead
from fitserve.evaluation.slices import FEWEST_ROWS, worst_slices
from fitserve.evaluation.vega import Chart, interval_chart
from fitserve.faults import UnavailableError
from fitserve.messages import Message, render, stored

Report = Mapping[str, Any]
Draw = Callable[[], Sequence[Chart]]
_MOST_BARS, _MOST_MISSING = 20, 15


ERRORS, CURVES, THRESHOLD = "errors", "curves", "threshold"
"""Where the charts and tables of a task may stand on a page: how it errs, curves, which threshold."""


@dataclass(frozen=True)
class Table:
    """A table of a report: its title, the heads of its columns, and its rows."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Made:
    """What a section adds to the report, what draws its charts, its tables, and where on a page these stand."""

    values: Mapping[str, Any]
    charts: Sequence[Draw] = field(default=())
    tables: Sequence[Table] = field(default=())
    place: str = ""


Make = Callable[[Case, Report], Made]
MakeAlone = Callable[[], Made]


def intervals(case: Case, _report: Report) -> Made:
    """How sure the scores are."""
    return Made({"intervals": case.finite.intervals(case.seed)})


def slices(case: Case, report: Report) -> Made:
    """Parts of the rows with larger errors than the rest."""
    predictions = case.sample
    if len(predictions) < 2 * FEWEST_ROWS:
        raise UnavailableError(Message("unavailable.few_rows", {"rows": len(predictions)}))
    errors = np.where(np.isfinite(predictions.errors), predictions.errors, 0.0)
    parts = all_parts(case.fields, case.table, case.predictor.encoder.steps)
    found = [each.as_json() for each in worst_slices(parts, errors, predictions.groups)]
    values = {"slices": found, "slices_of_rows": len(predictions)}
    return Made(values, [lambda: [_slices_chart(found, render(error_of(report["task"])))]] if found else [])


def _slices_chart(found: Sequence[Mapping[str, Any]], error: str) -> Chart:
    values = [
        {
            "what": each["where"].replace("`", ""),
            "value": each["mean"],
            "low": each["rest"] + max(each["low"], 0.0),
            "high": each["rest"] + each["high"],
        }
        for each in found
    ]
    return interval_chart(("slices", Message("chart.slices"), Message("chart.slices.note")), values, error)


def importance(case: Case, _report: Report) -> Made:
    """By how much the score falls when the values of a column are shuffled."""
    found = asking.permutation_importance(case.probe, case.metric, case.seed)
    values = {"importance": found, "asked_of_rows": len(case.probe), "asked_note": stored(case.asked_note or "")}
    return Made(values, [lambda: [_importance_chart(found, case)]])


def dependence(case: Case, report: Report) -> Made:
    """How the answer depends on the columns that count most."""
    few = case.probe.sample(DEPENDENCE_ROWS, case.seed)
    target = case.predictor.manifest.predicts
    found, title = asking.partial_dependence(few, case.fields, _columns(case, report)[:DEPENDENCE_COLUMNS], target)
    return Made({"dependence": found}, [partial(_dependence_chart, each, title) for each in found])


def robustness(case: Case, report: Report) -> Made:
    """The score when something is wrong with the rows."""
    found = asking.robustness(case.probe, case.fields, _columns(case, report), case.metric, case.seed)
    return Made({"robustness": found}, [lambda: _robustness_chart(found, case.metric)])


def costly_gaps(case: Case, report: Report) -> Made:
    """Columns without which the score falls more than their importance explains; nothing where both are not known."""
    if "importance" not in report or "robustness" not in report:
        return Made({})
    missing = report["robustness"]["missing"]
    found = asking.costly_gaps(case.probe, report["importance"], missing, case.metric, case.seed)
    return Made({"costly_gaps": found})


def lead_sentences(case: Case, report: Report) -> Made:
    """What a reader should know first."""
    answerer = case.predictor.answerer
    return Made({"lead": stored(lead(report, answerer.quality(report), answerer.spoken))})


def _columns(case: Case, report: Report) -> list[str]:
    """The columns by their importance, if it is known."""
    names = [each["column"] for each in report.get("importance", ())]
    return names or [step.field for step in case.probe.steps][:MOST_COLUMNS]


def _importance_chart(found: Sequence[Mapping[str, Any]], case: Case) -> Chart:
    values = [
        {"what": each["column"], "value": each["loss"], "low": each["low"], "high": each["high"]}
        for each in found[:_MOST_BARS]
    ]
    figures = {"metric": case.metric, "rows": len(case.probe), "repeats": REPEATS, "asked": case.asked_note}
    words = ("importance", Message("chart.importance"), Message("chart.importance.note", figures))
    return interval_chart(words, values, f"{case.metric} lost")


def _dependence_chart(found: Mapping[str, Any], answer: str) -> list[Chart]:
    return [drawings.dependence_chart(found, answer)]


_DISTURBANCES = {
    "noise": "all numbers with noise",
    "swapped": "one level in 20 from another row",
    "typos": "typing mistakes in a tenth of the words",
}


def _robustness_chart(found: Mapping[str, Any], metric: str) -> list[Chart]:
    if found["score"] is None:
        return []
    rows = [("as they are", found["score"])]
    rows += [(_DISTURBANCES[each["what"]], each["score"]) for each in found["disturbed"]]
    rows += [(f"{each['column']} missing", each["score"]) for each in found["missing"][:_MOST_MISSING]]
    values = [{"what": what, "value": score, "low": score, "high": score} for what, score in rows if score is not None]
    words = ("robustness", Message("chart.robustness"), Message("chart.robustness.note"))
    return [interval_chart(words, values, metric, zero=False)]
