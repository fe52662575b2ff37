"""A report as a page for people: what was found first, then how it was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from fitserve.charts.page import Html, Section, chart, grid, page, paragraph, table, text
from fitserve.errors import SpecError
from fitserve.evaluation.sentences import (
    error_of,
    evaluated_on,
    gap_sentences,
    learners_sentence,
    served_words,
)
from fitserve.evaluation.spoken import as_kept
from fitserve.faults import LeftOut
from fitserve.formatting import number, with_interval
from fitserve.messages import AnyMessage, is_any_message, render
from fitserve.tasks import get_task

Report = Mapping[str, Any]
_ERRORS, _CURVES, _THRESHOLD = "errors", "curves", "threshold"
_PLACES_OF_BEFORE = {
    **dict.fromkeys(("roc", "precision_recall", "calibration", "gain", "lift"), _CURVES),
    **dict.fromkeys(("confusion", "predicted_actual", "residuals", "residual_histogram", "error_by_size"), _ERRORS),
    "thresholds": _THRESHOLD,
}
_NAMES = {
    "intervals": "How sure the scores are",
    "lead": "What was found, in a few sentences",
    "learners": "The learners",
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
    report = as_kept(report)
    left_out = LeftOut(dict(report.get("skipped", {})))
    bodies = [(title, anchor, left_out.attempt(title, partial(make, report))) for title, anchor, make in SECTIONS]
    bodies.append(("What is missing", "skipped", _skipped(left_out.reasons, _titles(report))))
    return [Section(title, anchor, body) for title, anchor, body in bodies if body]


def check_report(report: Any) -> None:
    """Raise ValueError for what is no report of ours, such as that of a forged bundle."""
    charts, scores, lead = report.get("charts", []), report.get("scores", {}), report.get("lead", [])
    if not all({"name", "title", "note", "spec"} <= chart.keys() for chart in charts):
        raise ValueError("its charts are none")
    if "codes" in report:
        raise ValueError("it is in words, which none is kept in")
    if (scores and not scores.keys() <= get_task(report["task"]).metrics.keys()) or not all(
        is_any_message(each) for each in lead
    ):
        raise ValueError("its scores are none")


def _head(report: Report) -> Html:
    return LeftOut().attempt("head", partial(_headline, as_kept(report))) or ""


def _headline(report: Report) -> Html:
    if "scores" not in report:
        return paragraph("There is no more to tell about this model.")
    sentences = [text(render(each).replace("`", "")) for each in report["lead"]]
    first = "".join(f"<p><b>{each}</b></p>" if i == 0 else f"<p>{each}</p>" for i, each in enumerate(sentences))
    before, served = report.get("evaluated_after", report.get("judged_after")), report.get("trained_on")
    learned = ""
    if isinstance(before, int) and isinstance(served, int):  # bundles of 0.1.0 do not say
        learned = f"<p>{text(served_words(before, served))}</p>"
    return f'{first}{learned}<p class="soft">{text(evaluated_on(report))}</p>'


def _scores(report: Report) -> Html:
    if "scores" not in report:
        return ""
    rows, metrics = [], get_task(report["task"]).metrics
    for name in report.get("shown", report["scores"]):  # bundles of 0.1.0 do not say which ones to show
        metric, value = metrics[name], report["scores"][name]
        chosen = " (chosen by)" if name == report["metric"] else ""
        interval = report["intervals"].get(name)
        within = f"{number(interval[0])} to {number(interval[1])}" if interval else "–"
        without = report["baseline"].get(name)
        rows.append((f"{name}{chosen}", value, within, without, metric.better, metric.summary))
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
    error = render(error_of(report["task"]))
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


def _of_the_task(report: Report, place: str) -> Html:
    """Charts and tables of a task that stand in one place; a chart alone needs no title."""
    drawn = [each for each in report["charts"] if _place(each) == place]
    tables = [each for each in _tables(report) if each["place"] == place]
    if len(drawn) == 1 and not tables:
        return _chart({**drawn[0], "title": ""}) if place == _THRESHOLD else grid([_chart(drawn[0])])
    sides = [f"<div><h3>{text(each['title'])}</h3>{table(each['heads'], each['rows'])}</div>" for each in tables]
    return grid([*map(_chart, drawn), *sides]) if drawn or sides else ""


def _place(chart_of_it: Mapping[str, Any]) -> str:
    """Where a chart stands; reports of before do not say."""
    return str(chart_of_it.get("place", _PLACES_OF_BEFORE.get(chart_of_it["name"], "")))


def _tables(report: Report) -> Sequence[Mapping[str, Any]]:
    if "tables" in report:
        found: Sequence[Mapping[str, Any]] = report["tables"]
        return found
    confused = report.get("confusion", {}).get("confused", ())  # of a report of before
    rows = [(each["true"], each["predicted"], each["rows"], each["of"]) for each in confused]
    heads = ("true", "predicted", "rows", "of")
    return [{"place": _ERRORS, "title": "Most frequent mistakes", "heads": heads, "rows": rows}] if rows else []


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


def _disturbed(report: Report) -> Html:
    sentences = gap_sentences(report, most=10) if "metric" in report else []
    return "".join(paragraph(each.replace("`", "")) for each in sentences) + _alone(report, "robustness")


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
    curve = report.get("learning_curve")
    return "" if not curve else paragraph(render(curve["note"])) + _alone(report, "learning_curve")


def _titles(report: Report) -> Mapping[str, str]:
    """What the parts of a report are called."""
    try:
        return {**_NAMES, **get_task(report["task"]).parts}
    except (KeyError, SpecError):
        return _NAMES


def _skipped(reasons: Mapping[str, AnyMessage], titles: Mapping[str, str]) -> Html:
    rows = []
    for what, reason in reasons.items():
        name, comma, chart_of_it = what.partition(", ")
        rows.append((f"{titles.get(name, name)}{comma}{chart_of_it}", render(reason)))
    return table(("what", "why"), rows) if rows else ""


def _alone(report: Report, name: str) -> Html:
    """A chart that has its section for itself, and so no title."""
    return "".join(_chart({**each, "title": ""}) for each in report["charts"] if each["name"] == name)


def _chart(found: Mapping[str, Any]) -> Html:
    left_out = LeftOut()
    drawn = left_out.attempt(f"chart {found['name']!r}", partial(_drawn, found))
    return (
        paragraph(f"A chart cannot be shown: {'; '.join(map(render, left_out.reasons.values()))}")
        if drawn is None
        else drawn
    )


def _drawn(found: Mapping[str, Any]) -> Html:
    spec = found["spec"]
    return chart(spec, render(found["title"]), render(found["note"]), int(spec.get("height", 240)))


SECTIONS: tuple[tuple[str, str, Callable[[Report], Html]], ...] = (
    ("Scores", "scores", _scores),
    ("Where it is bad", "slices", _slices),
    ("How it errs", "errors", partial(_of_the_task, place=_ERRORS)),
    ("Curves", "curves", partial(_of_the_task, place=_CURVES)),
    ("Which threshold", "threshold", partial(_of_the_task, place=_THRESHOLD)),
    ("What it relies on", "importance", _importance),
    ("What disturbs it", "robustness", _disturbed),
    ("The learners", "learners", _learners),
    ("More rows", "rows", _learning),
)
"""The parts of a page: title, anchor, and what makes the body; "" where there is nothing to say."""
