"""The report of a model: everything that its outputs, the truth and the rows tell, as plain JSON with charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from fitserve.evaluation import sections
from fitserve.evaluation.case import Case
from fitserve.evaluation.sections import Made, Make
from fitserve.faults import LeftOut, Limit, no_limit
from fitserve.messages import stored
from fitserve.metrics.interval import LEVEL

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

    What is missing stands in ``skipped``, with the reason; ``faults`` names those of these that failed, ``late``
    those for which ``limit`` left no time.
    """
    manifest, predictions = case.predictor.manifest, case.finite
    groups = None if predictions.groups is None else len(np.unique(predictions.groups))
    report: dict[str, Any] = plain(
        {
            "task": manifest.task,
            "target": manifest.target,
            "metric": manifest.metric,
            "on": stored(case.on),
            "rows": len(predictions),
            "groups": groups,
            "level": LEVEL,
            "scores": predictions.scores,
            **predictions.answerer.about(),
            "shown": predictions.answerer.shown(list(predictions.scores)),
            "intervals": dict.fromkeys(predictions.scores),
            "baseline": dict(case.baseline),
            "lead": [],
            "charts": [],
        }
    )
    left_out = LeftOut()
    for name, make in _sections(case).items():
        report |= {"skipped": stored(left_out.reasons), "faults": left_out.faults}
        add_section(report, left_out, name, partial(make, case, report), limit if name in _COSTLY else no_limit)
    return report | {"skipped": stored(left_out.reasons), "faults": left_out.faults, "late": left_out.late}


def add_section(
    report: dict[str, Any], left_out: LeftOut, name: str, make: sections.MakeAlone, limit: Limit = no_limit
) -> None:
    """Add what a section tells, and its charts, to a report; what fails is left out and the reason noted."""

    def made_values() -> tuple[dict[str, Any], Made]:
        with limit(name):
            made = make()
            tables = [{"place": made.place, **asdict(table)} for table in made.tables]
            return plain({**made.values, "tables": [*report.get("tables", ()), *tables]}), made

    found = left_out.attempt(name, made_values)
    if found is None:
        return
    values, made = found
    report |= values
    for i, draw in enumerate(made.charts):
        what = f"{name}, chart {i + 1}" if len(made.charts) > 1 else f"{name}, chart"
        report["charts"] += left_out.attempt(what, partial(_drawn, draw, made.place)) or []


def _drawn(draw: sections.Draw, place: str) -> list[Any]:
    charts: list[Any] = plain([{**chart, "place": place} for chart in draw()])
    return charts


def _sections(case: Case) -> dict[str, Make]:
    own: dict[str, Make] = dict(case.finite.task.sections(case.finite.answerer))
    return own | OF_ALL


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
