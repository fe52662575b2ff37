"""The sections of a report that numbers have."""

from __future__ import annotations

from fitserve.evaluation.case import Case
from fitserve.evaluation.sections import ERRORS, Made, Make, Report
from fitserve.evaluation.tasks.regression.charts import residual_charts
from fitserve.evaluation.tasks.regression.residuals import residuals as find_residuals


def residuals(case: Case, _report: Report) -> Made:
    """How far off, in which direction, and where."""
    predictions, target = case.finite, case.predictor.manifest.predicts
    answerer = predictions.answerer
    truth, prediction = (
        answerer.columns(each)["prediction"] for each in (predictions.truth[:, None], predictions.raw[:, :1])
    )
    found = find_residuals(truth, prediction, case.seed)
    values = {name: found[name] for name in ("bias", "quantiles", "by_size")}
    return Made({"residuals": values}, [lambda: residual_charts(found, target)], place=ERRORS)


OF_NUMBERS: dict[str, Make] = {"residuals": residuals}
