"""The report of a model: everything that its outputs, the truth and the rows tell, as plain JSON with charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from fitserve.evaluation import sections
from fitserve.evaluation.case import Case
from fitserve.evaluation.sections import Made, Make
from fitserve.faults import LeftOut, Limit, no_limit
from fitserve.metrics.interval import LEVEL

OF_LABELS: dict[str, Make] = {
    "confusion": sections.confusion,
    "curves": sections.curves_of_ranks,
    "calibration": sections.calibration,
}
OF_TWO_LABELS: dict[str, Make] = {"gains": sections.gains, "thresholds": sections.thresholds}
OF_NUMBERS: dict[str, Make] = {"residuals": sections.residuals}
OF_ALL: dict[str, Make] = {
    "intervals": sections.intervals,
    "slices": sections.slices,
    "importance": sections.importance,
    "dependence": sections.dependence,
    "robustness": sections.robustness,
    "costly_gaps": sections.costly_gaps,
    "lead": sections.lead_sentences,
}
"""The sections of a report by name, in the order in which they are made: later ones look at earlier ones."""
# Those that take time to speak of.
_COSTLY = frozenset(["intervals", "slices", "importance", "dependence", "robustness", "costly_gaps"])


def build_report(case: Case, limit: Limit = no_limit) -> dict[str, Any]:
    """Scores with intervals, curves, slices, importance, dependence, robustness, and the charts of it all.

    What cannot be told stands in ``skipped``, with the reason; ``faults`` names those of these that failed, ``late``
    those for which ``limit`` left no time.
    """
    manifest, judged = case.predictor.manifest, case.finite
    groups = None if judged.groups is None else len(np.unique(judged.groups))
    report: dict[str, Any] = plain({
        "task": manifest.task, "target": manifest.target, "metric": manifest.metric, "on": case.on,
        "rows": len(judged), "groups": groups, "level": LEVEL, "labels": judged.labels, "scores": judged.scores,
        "intervals": dict.fromkeys(judged.scores), "baseline": dict(case.baseline), "lead": [], "charts": [],
    })  # fmt: skip
    left_out = LeftOut()
    for name, make in _sections(case).items():
        report |= {"skipped": left_out.reasons, "faults": left_out.faults}
        add_section(report, left_out, name, partial(make, case, report), limit if name in _COSTLY else no_limit)
    return report | {"skipped": left_out.reasons, "faults": left_out.faults, "late": left_out.late}


def add_section(
    report: dict[str, Any], left_out: LeftOut, name: str, make: sections.MakeAlone, limit: Limit = no_limit
) -> None:
    """Add what a section tells, and its charts, to a report; what fails is left out and the reason noted."""

    def told() -> tuple[dict[str, Any], Sequence[sections.Draw]]:
        with limit(name):
            return _told(make())

    values, charts = left_out.attempt(name, told) or ({}, ())
    report |= values
    for i, draw in enumerate(charts):
        what = f"{name}, chart {i + 1}" if len(charts) > 1 else f"{name}, chart"
        report["charts"] += left_out.attempt(what, partial(_drawn, draw)) or []


def _drawn(draw: sections.Draw) -> list[Any]:
    charts: list[Any] = plain(draw())
    return charts


def _told(made: Made) -> tuple[dict[str, Any], Sequence[sections.Draw]]:
    return plain(made.values), made.charts


def _sections(case: Case) -> dict[str, Make]:
    judged = case.finite
    if judged.labels is None:
        return OF_NUMBERS | OF_ALL
    return OF_LABELS | (OF_TWO_LABELS if judged.two else {}) | OF_ALL


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
