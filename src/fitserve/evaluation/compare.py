"""Two models beside each other: is B better than A by more than chance, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import binomtest

from fitserve.charts.page import Html, Section, fragment, page, paragraph, table, text
from fitserve.data.reading.read import ReadOptions, name_of
from fitserve.errors import SpecError
from fitserve.evaluation.evaluate import (
    check_columns,
    check_truth,
    evaluate_part,
    examples_in,
    group_numbers,
    seen_among,
    target_column,
)
from fitserve.evaluation.in_common import in_common, label_notes
from fitserve.evaluation.parts import all_parts
from fitserve.evaluation.predictions import Predictions
from fitserve.evaluation.reading import Reading, opened
from fitserve.evaluation.report import plain
from fitserve.evaluation.sample import Sample
from fitserve.evaluation.seen import Mask, Overlap, overlap, overlap_json, seen_by
from fitserve.evaluation.sentences import as_sentence
from fitserve.evaluation.slices import differing_slices
from fitserve.evaluation.task import task_evaluation
from fitserve.faults import LeftOut
from fitserve.features.column import Column
from fitserve.formatting import number, with_interval
from fitserve.messages import render
from fitserve.metrics import Metric
from fitserve.metrics.interval import Interval
from fitserve.prediction import Predictor
from fitserve.prediction.named import Named
from fitserve.tasks import get_task

_SEED = 0


@dataclass(frozen=True)
class Comparison:
    """Model ``b`` against model ``a``.

    ``scores`` are, by name: ``a``, ``b`` and, where both answered the same rows, the ``difference`` b less a with its
    ``interval``. ``same_rows`` is None where no data were given and the rows of the two trainings cannot be known to be
    the same. ``wins`` are rows on which a (and b) is closer to the truth; ``slices`` are where one of them is better,
    by the mean difference of the errors, a less b. ``verdict`` says it in one sentence. What is missing stands
    in ``skipped``, with the reason.
    """

    a: str
    b: str
    task: str
    metric: str
    on: str
    rows: int
    scores: dict[str, dict[str, Any]]
    verdict: str
    same_rows: bool
    wins: dict[str, Any] = field(default_factory=dict)
    slices: list[dict[str, Any]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    overlap: Overlap | None = None

    def as_json(self) -> dict[str, Any]:
        """The comparison as a JSON object."""
        members = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "overlap"}
        found: dict[str, Any] = plain(members)
        return found | overlap_json(self.overlap)

    @property
    def notes(self) -> list[str]:
        """What a reader of the scores has to know: of the rows, and of labels that only one model knows."""
        return [*(self.overlap.notes() if self.overlap is not None else ()), *self.findings]

    @property
    def row_by_row(self) -> bool:
        """Whether both have answered rows that were given."""
        return bool(self.wins or self.skipped)

    def html(self) -> str:
        """The comparison as a page of its own."""
        return page(f"{self.a} and {self.b}", self._head(), self._sections())

    def _head(self) -> Html:
        notes = "".join(paragraph(render(as_sentence(each))) for each in self.notes)
        return f"<p><b>{text(self.verdict)}</b></p>{paragraph(f'Evaluated on {self.on}.')}{notes}"

    def _sections(self) -> list[Section]:
        found = [Section("Scores", "scores", table(*self.score_table()))]
        if self.wins:
            found.append(Section("Row by row", "rows", paragraph(self.wins["note"])))
        if self.row_by_row and "slices" not in self.skipped:
            found.append(Section("Where", "slices", self._where()))
        if self.skipped:
            found.append(Section("What is missing", "skipped", table(("what", "why"), [*self.skipped.items()])))
        return found

    def score_table(self) -> tuple[list[str], list[list[Any]]]:
        """Heads and rows of the scores, for people."""
        paired = any("difference" in each for each in self.scores.values())
        heads = ["score", self.a, self.b, *(["B less A (95 %)", "which is"] if paired else []), "better is"]
        rows: list[list[Any]] = []
        metrics = get_task(self.task).metrics
        for name, each in self.scores.items():
            way = metrics[name].better
            difference: list[Any] = []
            if paired:
                difference = [with_interval(each["difference"], each["interval"]), each["which"]]
            rows.append([f"{name} *" if name == self.metric else name, each["a"], each["b"], *difference, way])
        return heads, rows

    def _where(self) -> Html:
        if not self.slices:
            return paragraph("No part of the rows was found where one of them is better by more than chance.")
        rows = [
            (each["where"].replace("`", ""), each["rows"], self.a if each["mean"] < 0 else self.b, abs(each["mean"]))
            for each in self.slices
        ]
        return table(("rows with", "rows", "better", "by (error)"), rows)

    def _repr_html_(self) -> str:
        return fragment(self._head() + "".join(f"<h2>{text(s.title)}</h2>{s.body}" for s in self._sections()))


def compare_models(
    a: Named, b: Named, source: Any = None, options: ReadOptions | None = None, *, group: str | None = None
) -> Comparison:
    """Compare two models; raises SpecError if they do not predict the same, DataError for a table without a target."""
    _check_alike(a, b)
    if source is None:
        return _recorded(a, b)
    answered = _answered(a, b, source, options, group)
    predictions_a, predictions_b = answered.a, answered.b
    metric = b.predictor.manifest.metric
    drawn = predictions_a.better(predictions_b, _SEED)
    of_a, of_b = predictions_a.drawn(_SEED).scores, predictions_b.drawn(_SEED).scores
    scores: dict[str, dict[str, Any]] = {}
    task = b.predictor.manifest.task
    for name, value in drawn.scores.items():
        interval = drawn.interval(name)
        which = _which(predictions_b.metrics[name], value, interval)
        scores[name] = {
            "a": of_a[name],
            "b": of_b[name],
            "difference": value,
            "interval": interval,
            "which": which,
        }
    metric = metric if metric in scores else predictions_a.answerer.default_metric()
    verdict = _verdict((a.name, b.name), metric, scores[metric], len(predictions_a))
    if answered.overlap.flatters:
        verdict += f" But {answered.overlap.in_training:,} of these rows were in training, so this says little."
    both, left_out = (predictions_a, predictions_b), LeftOut()
    wins = left_out.attempt("wins", lambda: _wins(*both, (a.name, b.name))) or {}
    slices = left_out.attempt("slices", lambda: _differing(a.predictor, answered.sample, both)) or []
    skipped = {name: render(reason) for name, reason in left_out.reasons.items()}
    return Comparison(
        a.name,
        b.name,
        task,
        metric,
        answered.on,
        len(predictions_a),
        scores,
        verdict,
        True,
        wins,
        slices,
        skipped,
        answered.findings,
        answered.overlap,
    )


def _differing(
    a: Predictor, table: tuple[dict[str, Column], NDArray[np.intp]], both: tuple[Predictions, Predictions]
) -> list[dict[str, Any]]:
    """Where one of two models is better, among a sample of the rows: columns and places."""
    columns, rows = table
    of_a, of_b = (predictions.take(rows) for predictions in both)
    fields = [field for field in a.manifest.schema() if field.name in columns]
    parts = all_parts(fields, columns, a.encoder.steps)
    return [each.as_json() for each in differing_slices(parts, of_a.errors - of_b.errors, of_a.groups)]


def _check_alike(a: Named, b: Named) -> None:
    first, second = a.predictor.manifest, b.predictor.manifest
    if (first.task, first.target, first.roles) != (second.task, second.target, second.roles):
        raise SpecError(
            f"{a.name} predicts {first.predicts!r} ({first.task}), {b.name} {second.predicts!r} ({second.task}); "
            "compare two models of the same target"
        )


@dataclass(frozen=True)
class _Answered:
    """What two models say to the same rows; columns and places of a ``sample`` of these."""

    a: Predictions
    b: Predictions
    sample: tuple[dict[str, Column], NDArray[np.intp]]
    on: str
    findings: list[str]
    overlap: Overlap


def _answered(a: Named, b: Named, source: Any, options: ReadOptions | None, group: str | None) -> _Answered:
    """What both say to the rows with a target that neither has learned from, or to all if these are too few."""
    raws: list[tuple[NDArray[Any], NDArray[Any]]] = []
    seen: list[Mask] = []
    targets: list[Column] = []
    groups: list[pl.Series | None] = []
    reading, other = Reading(a.predictor), Reading(b.predictor)
    known = seen_by(a), seen_by(b)
    task = task_evaluation(a.predictor.manifest.task)
    with opened((reading, other), source, options, [], whole=task.whole) as batches:
        names = list(dict.fromkeys([*reading.kinds, *other.kinds]))
        samples = Sample(names, _SEED), Sample(names, _SEED)
        for frame in batches:
            for named in (a, b):
                check_columns(named.predictor, frame, source, group)
            examples = examples_in(a.predictor, frame)
            target = examples.target
            part = evaluate_part(reading, examples, known[0])
            table, column = other.columns(part.frame), target_column(b.predictor, part.frame, target)
            raws.append((part.raw, b.predictor.raw_columns(table, len(part.truth))))
            truth_b = b.predictor.answerer.truth(column)
            seen.append(part.seen | seen_among(b.predictor, table, truth_b, known[1]))
            samples[0].add(part.frame)
            samples[1].add(part.frame.filter(~seen[-1]))
            targets.append(target_column(a.predictor, part.frame, target))
            groups.append(part.frame.select(group).to_series() if group else None)
    unknown = [named.name for named, rows in zip((a, b), known, strict=True) if rows is None]
    overlapping = overlap(np.concatenate(seen), unknown)
    kept = np.flatnonzero(overlapping.predictions)
    raw_a, raw_b = (np.concatenate([pair[i] for pair in raws])[kept] for i in range(2))
    both = in_common(a, b, (raw_a, raw_b), targets, kept)
    check_truth(a.predictor, both.truth, both.unknown, name_of(source))
    numbers = group_numbers([each for each in groups if each is not None])[kept] if group else None
    first, second = Predictions(*both.first, both.truth, numbers), Predictions(*both.second, both.truth, numbers)
    frame, places = samples[overlapping.excludes].rows()
    on = f"{len(both.truth):,} rows of {name_of(source)}"
    return _Answered(
        first, second, (reading.columns(frame), places), on, label_notes(both, (a.name, b.name)), overlapping
    )


def _which(metric: Metric, difference: float | None, interval: Interval | None) -> str:
    if difference == 0 and interval is None:
        return "equal"
    if difference is None or interval is None or interval[0] <= 0 <= interval[1]:
        return "within chance"
    return "better" if (difference > 0) == metric.greater_is_better else "worse"


def _verdict(names: tuple[str, str], metric: str, found: Mapping[str, Any], n: int) -> str:
    difference, interval = found["difference"], found["interval"]
    if difference is None:
        return f"{metric} is undefined on these rows; give others."
    if difference == 0 and interval is None:
        return f"{names[0]} and {names[1]} are equally good on these {n:,} rows."
    if found["which"] == "within chance":
        half = (interval[1] - interval[0]) / 2 if interval else None
        more = f"; {n:,} rows could show one of about {number(half)} {metric}" if half else f" on {n:,} rows"
        within = with_interval(difference, interval)
        return f"No difference beyond chance: {names[1]} less {names[0]} is {within} {metric}{more}."
    low, high = sorted((abs(interval[0]), abs(interval[1])))
    return (
        f"{names[1]} is {found['which']} than {names[0]} by {number(abs(difference))} {metric} "
        f"({number(low)} to {number(high)}): more than chance."
    )


def _wins(a: Predictions, b: Predictions, names: tuple[str, str]) -> dict[str, Any]:
    """On how many rows each is closer to the truth, by the exact test of McNemar (1947), or of signs for numbers."""
    errors_a, errors_b = a.errors, b.errors
    wins_a, wins_b = int((errors_a < errors_b).sum()), int((errors_b < errors_a).sum())
    p = float(binomtest(wins_b, wins_a + wins_b).pvalue) if wins_a + wins_b else 1.0
    note = f"{names[0]} is {a.task.closer} on {wins_a:,} rows, {names[1]} on {wins_b:,}"
    sure = "rows of a group count as one each, so no test is made" if a.groups is not None else f"p = {p:.2g}"
    return {"a": wins_a, "b": wins_b, "p": None if a.groups is not None else p, "note": f"{note} ({sure})."}


def _recorded(a: Named, b: Named) -> Comparison:
    """What both bundles say of themselves."""
    first, second = a.predictor.manifest, b.predictor.manifest
    names, metric = (a.name, b.name), second.metric
    places = [
        (m.data.get("sha256"), *(m.sections["evaluation"][name] for name in ("on", "split", "rows")))
        for m in (first, second)
    ]
    same = places[0] == places[1]
    scores: dict[str, dict[str, Any]] = {}
    for name in (name for name in first.scores if name in second.scores):
        ends = {"interval_a": first.intervals[name], "interval_b": second.intervals[name]}
        scores[name] = {"a": first.scores[name], "b": second.scores[name], **ends}
    found = scores[metric]
    shown = f"{with_interval(found['a'], found['interval_a'])} and {with_interval(found['b'], found['interval_b'])}"
    where = (
        "both were evaluated on the same rows of one table"
        if same
        else "they were evaluated on different rows, so the difference may come from these"
    )
    verdict = f"{metric} {shown}: {where}. Give a table with {first.predicts!r} in it to know whether it is chance."
    on = f"{first.evaluation['on']} ({first.evaluation['rows']:,} rows) and {second.evaluation['on']} "
    on += f"({second.evaluation['rows']:,} rows) of their trainings"
    return Comparison(*names, second.task, metric, on, int(first.evaluation["rows"]), scores, verdict, same)
