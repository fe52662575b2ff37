"""The sections of a report that labels have."""

from __future__ import annotations

from fitserve.evaluation.case import Case
from fitserve.evaluation.sections import CURVES, ERRORS, THRESHOLD, Made, Make, Report, Table
from fitserve.evaluation.tasks.classification import charts, curves
from fitserve.evaluation.tasks.classification.outputs import Outputs
from fitserve.faults import UnavailableError
from fitserve.messages import Message


def _outputs(case: Case) -> Outputs:
    predictions = case.finite
    return Outputs(predictions.answerer, predictions.raw, predictions.truth)  # type: ignore[arg-type]


def confusion(case: Case, _report: Report) -> Made:
    """Which label is taken for which."""
    found = curves.confusion(_outputs(case))
    mistakes = [(each["true"], each["predicted"], each["rows"], each["of"]) for each in found["confused"]]
    table = Table("Most frequent mistakes", ("true", "predicted", "rows", "of"), mistakes)
    drawn = [lambda: [charts.confusion_chart(found)]]
    return Made({"confusion": found}, drawn, [table] if mistakes else [], ERRORS)


def curves_of_ranks(case: Case, _report: Report) -> Made:
    """ROC and precision-recall."""
    outputs = _outputs(case)
    found = curves.ranking_curves(outputs)
    if not found["roc"]:
        raise UnavailableError(Message("classification.one_label"))
    return Made({"curves": found["areas"]}, [lambda: charts.curve_charts(found, outputs.two)], place=CURVES)


def calibration(case: Case, _report: Report) -> Made:
    """Whether what is said with a probability happens as often."""
    outputs = _outputs(case)
    found = curves.calibration(outputs)
    return Made({"calibration": found}, [lambda: [charts.calibration_chart(found, outputs.two)]], place=CURVES)


def gains(case: Case, _report: Report) -> Made:
    """Gain and lift of the positive label; nothing without a positive row."""
    found = curves.gains(_outputs(case))
    return Made({}, [lambda: charts.gain_charts(found)] if found else [], place=CURVES)


def thresholds(case: Case, _report: Report) -> Made:
    """What each threshold costs."""
    outputs = _outputs(case)
    found, positive = curves.thresholds(outputs), outputs.labels[-1]
    return Made({"thresholds": found}, [lambda: [charts.threshold_chart(found, positive)]], place=THRESHOLD)


OF_LABELS: dict[str, Make] = {"confusion": confusion, "curves": curves_of_ranks, "calibration": calibration}
OF_TWO_LABELS: dict[str, Make] = {"gains": gains, "thresholds": thresholds}
