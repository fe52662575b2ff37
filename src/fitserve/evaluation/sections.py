"""The sections of a report, each by itself: what it tells, and the charts that show it.

A section is a function of the case and of the report as far as it is made. It raises UntoldError where there is
nothing to tell; whatever else it raises is a fault, and the section alone is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from fitserve.evaluation import curves, drawings
from fitserve.evaluation import importance as asking
from fitserve.evaluation.case import Case
from fitserve.evaluation.importance import DEPENDENCE_COLUMNS, DEPENDENCE_ROWS, MOST_COLUMNS, REPEATS
from fitserve.evaluation.parts import all_parts
from fitserve.evaluation.slices import FEWEST_ROWS, worst_slices
from fitserve.evaluation.told import lead
from fitserve.evaluation.vega import Chart, interval_chart
from fitserve.faults import UntoldError

Report = Mapping[str, Any]
Draw = Callable[[], Sequence[Chart]]
_MOST_BARS, _MOST_MISSING = 20, 15


@dataclass(frozen=True)
class Made:
    """What a section adds to the report, and what draws its charts."""

    values: Mapping[str, Any]
    charts: Sequence[Draw] = field(default=())


Make = Callable[[Case, Report], Made]
MakeAlone = Callable[[], Made]


def intervals(case: Case, _report: Report) -> Made:
    """How sure the scores are."""
    return Made({"intervals": case.finite.intervals(case.seed)})


def confusion(case: Case, _report: Report) -> Made:
    """Which label is taken for which."""
    found = curves.confusion(case.finite)
    return Made({"confusion": found}, [lambda: [drawings.confusion_chart(found)]])


def curves_of_ranks(case: Case, _report: Report) -> Made:
    """ROC and precision-recall."""
    found, two = curves.ranking_curves(case.finite), case.finite.two
    if not found["roc"]:
        raise UntoldError("one label only among the rows, so there is nothing to rank")
    return Made({"curves": found["areas"]}, [lambda: drawings.curve_charts(found, two)])


def calibration(case: Case, _report: Report) -> Made:
    """Whether what is said with a probability happens as often."""
    found, two = curves.calibration(case.finite), case.finite.two
    return Made({"calibration": found}, [lambda: [drawings.calibration_chart(found, two)]])


def gains(case: Case, _report: Report) -> Made:
    """Gain and lift of the positive label; nothing without a positive row."""
    found = curves.gains(case.finite)
    return Made({}, [lambda: drawings.gain_charts(found)] if found else [])


def thresholds(case: Case, _report: Report) -> Made:
    """What each threshold costs."""
    found, positive = curves.thresholds(case.finite), (case.finite.labels or [""])[-1]
    return Made({"thresholds": found}, [lambda: [drawings.threshold_chart(found, positive)]])


def residuals(case: Case, _report: Report) -> Made:
    """How far off, in which direction, and where."""
    found, target = curves.residuals(case.finite, case.seed), case.predictor.manifest.target
    told = {name: found[name] for name in ("bias", "quantiles", "by_size")}
    return Made({"residuals": told}, [lambda: drawings.residual_charts(found, target)])


def slices(case: Case, report: Report) -> Made:
    """Parts of the rows with larger errors than the rest."""
    judged = case.sample
    if len(judged) < 2 * FEWEST_ROWS:
        raise UntoldError(f"{len(judged)} rows are too few to look at parts of them")
    errors = np.where(np.isfinite(judged.errors), judged.errors, 0.0)
    parts = all_parts(case.fields, case.table, case.predictor.encoder.steps)
    found = [each.as_json() for each in worst_slices(parts, errors, judged.groups)]
    told = {"slices": found, "slices_of_rows": len(judged)}
    return Made(told, [lambda: [_slices_chart(found, report)]] if found else [])


def _slices_chart(found: Sequence[Mapping[str, Any]], report: Report) -> Chart:
    error = "share of wrong rows" if report["labels"] is not None else "mean absolute error"
    values = [
        {"what": each["where"].replace("`", ""), "value": each["mean"], "low": each["rest"] + max(each["low"], 0.0),
         "high": each["rest"] + each["high"]}
        for each in found
    ]  # fmt: skip
    note = "Parts of the rows with larger errors than the rest, by more than chance, with 95 % intervals."
    return interval_chart(("slices", "Where it is bad", note), values, error)


def importance(case: Case, _report: Report) -> Made:
    """By how much the score falls when the values of a column are shuffled."""
    found = asking.permutation_importance(case.probe, case.metric, case.seed)
    told = {"importance": found, "asked_of_rows": len(case.probe), "asked_note": case.asked_note}
    return Made(told, [lambda: [_importance_chart(found, case)]])


def dependence(case: Case, report: Report) -> Made:
    """How the answer depends on the columns that count most."""
    few = case.probe.sample(DEPENDENCE_ROWS, case.seed)
    found = asking.partial_dependence(few, case.fields, _columns(case, report)[:DEPENDENCE_COLUMNS])
    return Made({"dependence": found}, [partial(_dependence_charts, [each], report) for each in found])


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


def lead_sentences(_case: Case, report: Report) -> Made:
    """What a reader should know first."""
    return Made({"lead": lead(report)})


def _columns(case: Case, report: Report) -> list[str]:
    """The columns by their importance, if it is known."""
    names = [each["column"] for each in report.get("importance", ())]
    return names or [step.field for step in case.probe.steps][:MOST_COLUMNS]


def _importance_chart(found: Sequence[Mapping[str, Any]], case: Case) -> Chart:
    values = [
        {"what": each["column"], "value": each["loss"], "low": each["low"], "high": each["high"]}
        for each in found[:_MOST_BARS]
    ]
    note = (
        f"By how much {case.metric} gets worse when the values of one column are shuffled among {len(case.probe):,} "
        f"rows; lines are 95 % intervals over {REPEATS} shuffles. Columns that tell the same share their importance."
    )
    words = ("importance", "What it relies on", f"{note} {case.asked_note}".strip())
    return interval_chart(words, values, f"{case.metric} lost")


def _dependence_charts(found: Sequence[Mapping[str, Any]], report: Report) -> list[Chart]:
    labels = report["labels"]
    answer = f"predicted {report['target']}" if labels is None else "probability"
    if labels is not None and len(labels) == 2:
        answer = f"probability of {labels[1]}"
    return [drawings.dependence_chart(each, answer) for each in found]


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
    note = (
        "The score when something is wrong with the rows: noise of a tenth of each column's standard deviation, levels "
        "taken from other rows, neighbouring signs exchanged, a whole column missing."
    )
    words = ("robustness", "What disturbs it", note)
    return [interval_chart(words, values, metric, zero=False)]
