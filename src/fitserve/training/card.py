"""The card of a model: one page for people, in English or in Chinese."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fitserve.bundle.manifest import Manifest
from fitserve.evaluation.sentences import error_of, served_words
from fitserve.evaluation.spoken import as_kept
from fitserve.faults import LeftOut
from fitserve.formatting import number
from fitserve.messages import render
from fitserve.metrics import Metric
from fitserve.tasks import Answerer, get_task
from fitserve.training.card_words import KINDS_ZH, WORDS, who_predicted

_MOST_SLICES, _MOST_COLUMNS = 5, 8
Words = Mapping[str, str]


def card(manifest: Manifest, report: Mapping[str, Any], language: str = "en", left_out: LeftOut | None = None) -> str:
    """The card as Markdown; ``language`` is "en" or "zh". What the training found out stays as it said it.

    A part that fails is noted in ``left_out``; it stands at the end, with the parts of the report that failed.
    """
    own, report = LeftOut(), as_kept(report)
    parts: list[str] = []
    for name, make in PARTS.items():
        parts += own.attempt(f"{name} of the card", partial(make, manifest, report, language)) or []
    faults = {name: report["skipped"][name] for name in report.get("faults", ())} | own.reasons
    if faults:
        parts += [
            WORDS[language]["left out"],
            "\n".join(f"- {name}: {render(note, language)}" for name, note in faults.items()),
        ]
    if left_out is not None:
        left_out.add(own)
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(manifest: Manifest, _report: Mapping[str, Any], language: str) -> list[str]:
    return [WORDS[language]["title"].format(target=manifest.predicts)]


def _summary(manifest: Manifest, _report: Mapping[str, Any], language: str) -> list[str]:
    sentences = [render(each, language) for each in _answerer(manifest).summary(manifest.learner)]
    return [("" if language == "zh" else " ").join(sentences)]


def _answerer(manifest: Manifest) -> Answerer:
    return get_task(manifest.task).load(manifest.answer)


def _good(manifest: Manifest, _report: Mapping[str, Any], language: str) -> list[str]:
    """How good, how sure, compared with what: a sentence and a table."""
    words = WORDS[language]
    return [words["good"], _quality(manifest, language), _scores(manifest, language)]


def _quality(manifest: Manifest, language: str) -> str:
    scored = {"scores": manifest.scores, "intervals": manifest.intervals, "baseline": manifest.baseline}
    quality = _answerer(manifest).quality(scored)
    return "" if quality is None else render(quality, language)


def _scores(manifest: Manifest, language: str) -> str:
    words, evaluation = WORDS[language], manifest.evaluation
    on, split = render(manifest.measured_on, language), render(manifest.split, language)
    rows = [words["measured"].format(on=on, rows=evaluation["rows"], split=split), ""]
    if how := who_predicted(manifest.measured_on):
        rows[0] += words["few"].format(how=render(how, language))
    rows += [words["score heads"], "|---|---|---|---|---|"]
    for name, value in manifest.scores.items():
        metric = get_task(manifest.task).metrics[name]
        way = words[metric.better]
        chosen = words["chosen"] if name == manifest.metric else ""
        ends = manifest.intervals.get(name)
        within = f"{number(ends[0])} – {number(ends[1])}" if ends else "–"
        known, without = _known(value, words), _known(manifest.baseline.get(name), words)
        rows.append(f"| {_name(metric, language)}{chosen} | {known} | {within} | {without} | {way} |")
    return "\n".join(rows)


def _slices(manifest: Manifest, report: Mapping[str, Any], language: str) -> list[str]:
    words, found = WORDS[language], report.get("slices")
    if not found:
        reason = report["skipped"].get("slices") if found is None else None
        why = words["not looked"].format(reason=render(reason, language)) if reason else words["none bad"]
        return [words["bad"], why]
    error = render(error_of(manifest.task), language)
    notes = []
    for each in found[:_MOST_SLICES]:
        where = words["and"].join(render(part, language) for part in each.get("codes", each["parts"]))
        figures = {name: number(each[name]) for name in ("mean", "rest")}
        notes.append(words["slice"].format(where=where, error=error, rows=each["rows"], **figures))
    return [words["bad"], "\n".join(notes)]


def _importance(_manifest: Manifest, report: Mapping[str, Any], language: str) -> list[str]:
    words, found = WORDS[language], report.get("importance")
    if not found:
        return []
    rows = [f"- {_cell(each['column'])}: {number(each['loss'])}" for each in found[:_MOST_COLUMNS]]
    return [words["relies"], words["importance"].format(metric=report["metric"]) + "\n\n" + "\n".join(rows)]


def _data(manifest: Manifest, report: Mapping[str, Any], language: str) -> list[str]:
    words = WORDS[language]
    lines = [words["data"].format(**{name: manifest.data[name] for name in ("rows", "sha256")})]
    lines[0] += ("" if language == "zh" else " ") + served_words(*manifest.learned_rows, language)
    if report["findings"] and words["findings"]:
        lines.append(f"\n{words['findings']}")
    note = "\n".join([*lines, *(f"\n- {render(each, language)}" for each in report["findings"])])
    return [words["trained"], note]


def _columns(_manifest: Manifest, report: Mapping[str, Any], language: str) -> list[str]:
    words = WORDS[language]
    rows = [words["column heads"], "|---|---|---|"]
    for column in report["columns"]:
        kind = KINDS_ZH.get(column["kind"], column["kind"]) if language == "zh" else column["kind"]
        kind = kind if column["used"] else words["not used"]
        rows.append(f"| {_cell(column['name'])} | {kind} | {_cell(render(column['reason'], language))} |")
    return [words["reads"], "\n".join(rows)]


def _candidates(manifest: Manifest, report: Mapping[str, Any], language: str) -> list[str]:
    words = WORDS[language]
    rows = [
        words["evaluated on"].format(validation=render(report["validation"], language)),
        *_alike(report, words),
        "",
        words["candidate heads"].format(metric=manifest.metric),
        "|---|---|---|",
    ]
    for trial in report["candidates"]:
        parameters = ", ".join(f"{name}={value}" for name, value in trial["parameters"].items())
        score = _known(trial["scores"].get(manifest.metric), words)
        rows.append(f"| {trial['learner']} | {parameters} | {score} |")
    return [words["tried"], "\n".join(rows)]


def _alike(report: Mapping[str, Any], words: Words) -> list[str]:
    best, *others = report.get("learners") or [{}]
    if not others:
        return []
    names = [each["learner"] for each in others if each["within_chance"]]
    template = words["alike" if names else "best"]
    return [template.format(best=best["learner"], names=("、" if words is WORDS["zh"] else ", ").join(names))]


def _name(metric: Metric, language: str) -> str:
    return f"{metric.chinese} {metric.name}" if language == "zh" and metric.chinese else metric.name


def _known(value: float | None, words: Words) -> str:
    return words["undefined"] if value is None else number(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


PARTS: dict[str, Callable[[Manifest, Mapping[str, Any], str], list[str]]] = {
    "title": _title,
    "summary": _summary,
    "scores": _good,
    "slices": _slices,
    "importance": _importance,
    "data": _data,
    "columns": _columns,
    "candidates": _candidates,
}
"""The parts of a card by name, each a list of paragraphs."""
