"""A report as a page for people: what was found first, then how it was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from fitserve.charts.page import Html, Section, chart, grid, page, paragraph, table, text
from fitserve.evaluation.told import (
    gap_sentences,
    judged_on,
    learners_sentence,
    number,
    served_words,
    with_interval,
)
from fitserve.faults import LeftOut
from fitserve.metrics import METRICS

Report = Mapping[str, Any]
_CURVES = ("roc", "precision_recall", "calibration", "gain", "lift")
_NUMBERS = ("predicted_actual", "residuals", "residual_histogram", "error_by_size")
_NAMES = {
    "intervals": "How sure the scores are",
    "lead": "What was found, in a few sentences",
    "confusion": "Which labels are taken for which",
    "residuals": "How far off it is",
    "calibration": "Whether probabilities can be believed",
    "gains": "Gain and lift",
    "thresholds": "Which threshold",
    "learners": "The learners",
    "curves": "Curves",
    "slices": "Parts of the rows",
    "importance": "What it relies on",
    "dependence": "How answers depend on columns",
    "robustness": "What disturbs it",
    "costly_gaps": "Whether a missing column costs more than it should",
    "learning_curve": "Whether more rows would help",
}


def report_page(report: Report, title: str) -> str:
    """The whole page; ``title`` names the model."""
    return page(title, _head(report), sections(report))


def report_body(report: Report) -> Html:
    """The same as a part of a page, for notebooks."""
    return _head(report) + "".join(f"<h2>{text(each.title)}</h2>{each.body}" for each in sections(report))


def sections(report: Report) -> list[Section]:
    """The parts of a report that there is something to say about; what cannot be shown is named in the last one."""
    left_out = LeftOut(dict(report.get("skipped", {})))
    bodies = [(title, anchor, left_out.attempt(title, partial(make, report))) for title, anchor, make in SECTIONS]
    bodies.append(("What could not be told", "skipped", _skipped(left_out.reasons)))
    return [Section(title, anchor, body) for title, anchor, body in bodies if body]


def check_report(report: Any) -> None:
    """Raise ValueError for what is no report of ours, such as that of a forged bundle."""
    charts, scores, told = report.get("charts", []), report.get("scores", {}), report.get("lead", [])
    if not all({"name", "title", "note", "spec"} <= chart.keys() for chart in charts):
        raise ValueError("its charts are none")
    if not scores.keys() <= METRICS.keys() or not all(isinstance(each, str) for each in told):
        raise ValueError("its scores are none")


def _head(report: Report) -> Html:
    return LeftOut().attempt("head", partial(_told, report)) or ""


def _told(report: Report) -> Html:
    if "scores" not in report:
        return paragraph("There is no more to tell about this model.")
    told = [text(each.replace("`", "")) for each in report["lead"]]
    first = "".join(f"<p><b>{each}</b></p>" if i == 0 else f"<p>{each}</p>" for i, each in enumerate(told))
    judged, served = report.get("judged_after"), report.get("trained_on")
    learned = ""
    if isinstance(judged, int) and isinstance(served, int):  # bundles of 0.1.0 do not say
        learned = f"<p>{text(served_words(judged, served))}</p>"
    return f'{first}{learned}<p class="soft">{text(judged_on(report))}</p>'


def _scores(report: Report) -> Html:
    if "scores" not in report:
        return ""
    rows = []
    for name, value in report["scores"].items():
        if name.endswith("_macro") and len(report["labels"] or ()) == 2:
            continue
        metric = METRICS[name]
        chosen = " (chosen by)" if name == report["metric"] else ""
        interval = report["intervals"].get(name)
        within = f"{number(interval[0])} to {number(interval[1])}" if interval else "–"
        way = "higher" if metric.greater_is_better else "lower"
        rows.append((f"{name}{chosen}", value, within, report["baseline"].get(name), way, metric.summary))
    return table(("score", "here", "95 % interval", "without learning", "better is", "what it says"), rows)


def _slices(report: Report) -> Html:
    found = report.get("slices")
    if found is None:
        return ""
    if not found:
        return paragraph(
            f"Of {report['slices_of_rows']:,} rows, no part by one column or two is worse than the others by more than "
            "chance explains, when all the parts that were looked at are taken into account."
        )
    error = "share wrong" if report["labels"] else "mean error"
    rows = [
        (
            each["where"].replace("`", ""),
            each["rows"],
            each["mean"],
            each["rest"],
            f"{number(each['low'])} to {number(each['high'])}",
        )
        for each in found
    ]
    return (
        _alone(report, "slices")
        + table(("rows with", "rows", error, "elsewhere", "larger by (95 %)"), rows)
        + paragraph(
            "Each part is compared with all other rows; of all parts that were looked at, those are shown whose "
            "difference chance would hardly explain (false discoveries kept at one in twenty). A part within another "
            "one is left out."
        )
    )


def _errors(report: Report) -> Html:
    drawn = _charts(report, "confusion", *_NUMBERS)
    if not drawn:
        return ""
    confused = report.get("confusion", {}).get("confused", [])
    if not confused:
        return grid(drawn)
    rows = [(each["true"], each["predicted"], each["rows"], each["of"]) for each in confused]
    side = f"<div><h3>Most frequent mistakes</h3>{table(('true', 'predicted', 'rows', 'of'), rows)}</div>"
    return grid([*drawn, side])


def _importance(report: Report) -> Html:
    parts = _alone(report, "importance")
    dependence = [_chart(each) for each in report["charts"] if each["name"].startswith("dependence of ")]
    if not dependence:
        return parts
    spread = (
        "The mean answer when every row is given the same value in one column, all others left as they are. Where a "
        "band or a line is drawn, eight of ten single rows are within."
    )
    return f"{parts}<h3>How the answer depends on a column</h3>{paragraph(spread)}{grid(dependence)}"


def _drawn_curves(report: Report) -> Html:
    drawn = _charts(report, *_CURVES)
    return grid(drawn) if drawn else ""


def _disturbed(report: Report) -> Html:
    told = gap_sentences(report, most=10) if "metric" in report else []
    return "".join(paragraph(each.replace("`", "")) for each in told) + _alone(report, "robustness")


def _learners(report: Report) -> Html:
    found: Sequence[Mapping[str, Any]] = report.get("learners", [])
    if not found:
        return ""
    rows = []
    for each in found:
        behind = with_interval(each.get("difference"), each.get("difference_interval"))
        said = "" if "within_chance" not in each else "within chance" if each["within_chance"] else "more than chance"
        rows.append((each["learner"], with_interval(each["score"], each["interval"]), behind, said))
    heads = ("learner", report["metric"], "difference from the first", "which is")
    return paragraph(learners_sentence(found)) + _alone(report, "learners") + table(heads, rows)


def _learning(report: Report) -> Html:
    told = report.get("learning_curve")
    return "" if not told else paragraph(told["told"]) + _alone(report, "learning_curve")


def _skipped(reasons: Mapping[str, str]) -> Html:
    rows = []
    for what, reason in reasons.items():
        name, comma, chart_of_it = what.partition(", ")
        rows.append((f"{_NAMES.get(name, name)}{comma}{chart_of_it}", reason))
    return table(("what", "why"), rows) if rows else ""


def _charts(report: Report, *names: str) -> list[Html]:
    return [_chart(each) for each in report["charts"] if each["name"] in names]


def _alone(report: Report, name: str) -> Html:
    """A chart that has its section for itself, and so no title."""
    return "".join(_chart({**each, "title": ""}) for each in report["charts"] if each["name"] == name)


def _chart(found: Mapping[str, Any]) -> Html:
    left_out = LeftOut()
    drawn = left_out.attempt(f"chart {found['name']!r}", partial(_drawn, found))
    return paragraph(f"A chart cannot be shown: {'; '.join(left_out.reasons.values())}") if drawn is None else drawn


def _drawn(found: Mapping[str, Any]) -> Html:
    spec = found["spec"]
    return chart(spec, found["title"], found["note"], int(spec.get("height", 240)))


SECTIONS: tuple[tuple[str, str, Callable[[Report], Html]], ...] = (
    ("Scores", "scores", _scores),
    ("Where it is bad", "slices", _slices),
    ("How it errs", "errors", _errors),
    ("Curves", "curves", _drawn_curves),
    ("Which threshold", "threshold", partial(_alone, name="thresholds")),
    ("What it relies on", "importance", _importance),
    ("What disturbs it", "robustness", _disturbed),
    ("The learners", "learners", _learners),
    ("More rows", "rows", _learning),
)
"""The parts of a page: title, anchor, and what makes the body; "" where there is nothing to say."""
