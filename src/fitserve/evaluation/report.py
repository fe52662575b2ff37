"""The report of a model: everything that its outputs, the truth and the rows tell, as plain JSON with charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitserve.evaluation import curves, drawings
from fitserve.evaluation.importance import (
    DEPENDENCE_COLUMNS,
    DEPENDENCE_ROWS,
    MOST_COLUMNS,
    REPEATS,
    partial_dependence,
    permutation_importance,
    robustness,
)
from fitserve.evaluation.judged import Judged
from fitserve.evaluation.parts import all_parts
from fitserve.evaluation.probe import Probe, rows_to_ask
from fitserve.evaluation.slices import FEWEST_ROWS, worst_slices
from fitserve.evaluation.told import lead
from fitserve.evaluation.vega import Chart, interval_chart
from fitserve.features.column import Column
from fitserve.metrics.interval import LEVEL
from fitserve.prediction import Predictor
from fitserve.schema import Field

MOST_ROWS = 20_000
_SECONDS = 2.5  # of asking the model again, counted (see `probe`)
_FEWEST_TO_ASK = 5
Scores = Mapping[str, float | None]


@dataclass(frozen=True)
class Case:
    """What a report is made of.

    ``judged`` are the rows that the scores are of, ``on`` what they are called. ``rows`` are those, or a sample of
    them, with their columns; ``asked`` says what was judged anew is asked of: rows that the model has not seen, or
    (where there are none) those that it has. ``graph_bytes`` is the size of the model.
    """

    predictor: Predictor
    judged: Judged
    on: str
    seed: int
    baseline: Scores
    table: Mapping[str, Column]
    sample: Judged
    graph_bytes: int
    asked: Probe | None = None
    asked_note: str = ""

    @property
    def fields(self) -> list[Field]:
        """The fields of the training table."""
        return self.predictor.manifest.schema()


def build_report(case: Case) -> dict[str, Any]:
    """Scores with intervals, curves, slices, importance, dependence, robustness, and the charts of it all.

    What cannot be told stands in ``skipped``, with the reason.
    """
    manifest = case.predictor.manifest
    judged = case.judged.finite()
    groups = None if judged.groups is None else len(np.unique(judged.groups))
    report: dict[str, Any] = {
        "task": manifest.task, "target": manifest.target, "metric": manifest.metric, "on": case.on,
        "rows": len(judged), "groups": groups, "level": LEVEL, "labels": judged.labels, "scores": judged.scores,
        "intervals": judged.intervals(case.seed), "baseline": dict(case.baseline), "skipped": {}, "charts": [],
    }  # fmt: skip
    if judged.labels is not None:
        _labels(report, judged)
    else:
        _numbers(report, judged, manifest.target, case.seed)
    _slices(report, case)
    _ask(report, case)
    report["lead"] = lead(report)
    finished: dict[str, Any] = plain(report)
    return finished


def _labels(report: dict[str, Any], judged: Judged) -> None:
    two, charts = judged.two, report["charts"]
    report["confusion"] = curves.confusion(judged)
    charts.append(drawings.confusion_chart(report["confusion"]))
    found = curves.ranking_curves(judged)
    report["curves"] = found["areas"]
    if found["roc"]:
        charts += drawings.curve_charts(found, two)
    else:
        report["skipped"]["curves"] = "one label only among the rows, so there is nothing to rank"
    report["calibration"] = curves.calibration(judged)
    charts.append(drawings.calibration_chart(report["calibration"], two))
    if not two:
        return
    if gains := curves.gains(judged):
        charts += drawings.gain_charts(gains)
    report["thresholds"] = curves.thresholds(judged)
    charts.append(drawings.threshold_chart(report["thresholds"], (judged.labels or [""])[-1]))


def _numbers(report: dict[str, Any], judged: Judged, target: str, seed: int) -> None:
    found = curves.residuals(judged, seed)
    report["residuals"] = {name: found[name] for name in ("bias", "quantiles", "by_size")}
    report["charts"] += drawings.residual_charts(found, target)


def _slices(report: dict[str, Any], case: Case) -> None:
    judged = case.sample
    if len(judged) < 2 * FEWEST_ROWS:
        report["skipped"]["slices"] = f"{len(judged)} rows are too few to look at parts of them"
        return
    usable = np.isfinite(judged.errors)
    errors = np.where(usable, judged.errors, 0.0)
    parts = all_parts(case.fields, case.table, case.predictor.encoder.steps)
    report["slices"] = [each.as_json() for each in worst_slices(parts, errors, judged.groups)]
    report["slices_of_rows"] = len(judged)
    if not report["slices"]:
        return
    error = "share of wrong rows" if judged.labels is not None else "mean absolute error"
    values = [
        {"what": each["where"].replace("`", ""), "value": each["mean"], "low": each["rest"] + max(each["low"], 0.0),
         "high": each["rest"] + each["high"]}
        for each in report["slices"]
    ]  # fmt: skip
    note = "Parts of the rows with larger errors than the rest, by more than chance, with 95 % intervals."
    report["charts"].append(interval_chart(("slices", "Where it is bad", note), values, error))


def _ask(report: dict[str, Any], case: Case) -> None:
    """What only asking the model again can tell."""
    probe = case.asked
    if probe is None or len(probe) < _FEWEST_TO_ASK or not probe.steps:
        reason = case.asked_note or "there are too few rows to ask the model about"
        report["skipped"].update(dict.fromkeys(("importance", "dependence", "robustness"), reason))
        return
    columns = min(len(probe.steps), MOST_COLUMNS)
    most = rows_to_ask(case.predictor, case.graph_bytes, columns * (REPEATS + 1) + 3, _SECONDS)
    probe, fields = probe.sample(most, case.seed), case.fields
    metric = report["metric"]
    report["asked_of_rows"] = len(probe)
    report["asked_note"] = case.asked_note
    report["importance"] = permutation_importance(probe, metric, case.seed)
    names = [each["column"] for each in report["importance"]]
    few = probe.sample(min(most, DEPENDENCE_ROWS), case.seed)
    report["dependence"] = partial_dependence(few, fields, names[:DEPENDENCE_COLUMNS])
    report["robustness"] = robustness(probe, fields, names, metric, case.seed)
    report["charts"] += [_importance_chart(report), *_dependence_charts(report), *_robustness_chart(report)]


def _importance_chart(report: Mapping[str, Any]) -> Chart:
    values = [{"what": each["column"], "value": each["loss"], **_ends(each)} for each in report["importance"][:20]]
    metric = report["metric"]
    note = (
        f"By how much {metric} gets worse when the values of one column are shuffled among {report['asked_of_rows']:,} "
        f"rows; lines are 95 % intervals over {REPEATS} shuffles. Columns that tell the same share their importance."
    )
    words = ("importance", "What it relies on", f"{note} {report['asked_note']}".strip())
    return interval_chart(words, values, f"{metric} lost")


def _dependence_charts(report: Mapping[str, Any]) -> list[Chart]:
    labels = report["labels"]
    answer = f"predicted {report['target']}" if labels is None else "probability"
    if labels is not None and len(labels) == 2:
        answer = f"probability of {labels[1]}"
    return [drawings.dependence_chart(each, answer) for each in report["dependence"]]


_DISTURBANCES = {
    "noise": "all numbers with noise",
    "swapped": "one level in 20 from another row",
    "typos": "typing mistakes in a tenth of the words",
}


def _robustness_chart(report: Mapping[str, Any]) -> list[Chart]:
    found = report["robustness"]
    if found["score"] is None:
        return []
    rows = [("as they are", found["score"])]
    rows += [(_DISTURBANCES[each["what"]], each["score"]) for each in found["disturbed"]]
    rows += [(f"{each['column']} missing", each["score"]) for each in found["missing"][:15]]
    values = [{"what": what, "value": score, "low": score, "high": score} for what, score in rows if score is not None]
    note = (
        "The score when something is wrong with the rows: noise of a tenth of each column's standard deviation, levels "
        "taken from other rows, neighbouring signs exchanged, a whole column missing."
    )
    words = ("robustness", "What disturbs it", note)
    return [interval_chart(words, values, report["metric"], zero=False)]


def _ends(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"low": found["low"], "high": found["high"]}


def plain(value: Any) -> Any:
    """A document of plain JSON values: numpy's numbers as Python's in seven digits, what is not finite as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (str, bool)) or value is None:
        return value
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.7g}") if np.isfinite(value) else None
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (Sequence, np.ndarray)):
        return [plain(each) for each in value]
    raise TypeError(f"{type(value).__name__} is no JSON")


def without_charts(report: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a report alone."""
    return {name: value for name, value in report.items() if name != "charts"}
