"""The card of a model: one page for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitserve.bundle.manifest import Manifest
from fitserve.metrics import METRICS


def card(manifest: Manifest, report: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    parts = [
        f"# A model for {manifest.target!r}",
        _summary(manifest),
        "## How good it is",
        _scores(manifest),
        "## What it was trained on",
        _data(manifest, report),
        "## What it reads",
        _columns(report),
        "## What was tried",
        _candidates(manifest, report),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(manifest: Manifest) -> str:
    kind = "a number" if manifest.task == "regression" else "one of some labels"
    labels = manifest.answer.get("labels")
    named = f" ({', '.join(str(label) for label in labels[:10])}{', …' if len(labels) > 10 else ''})" if labels else ""
    positive = f" The positive class is {labels[1]!r}." if labels and len(labels) == 2 else ""
    return f"It predicts {kind}{named} by the learner {manifest.learner!r}.{positive}"


def _scores(manifest: Manifest) -> str:
    evaluation = manifest.evaluation
    rows = [f"Measured on {evaluation['on']}, {evaluation['rows']} rows ({evaluation['split']}).", ""]
    if evaluation["on"] == "leave-one-out":
        rows[0] += (
            " Each row was predicted by a model that had seen all others. With so few rows these scores are rough: "
            "another sample of the same size may give quite different ones."
        )
    rows += ["| score | model | without learning | better is |", "|---|---|---|---|"]
    for name, value in manifest.scores.items():
        way = "higher" if METRICS[name].greater_is_better else "lower"
        chosen = " (chosen by)" if name == manifest.metric else ""
        rows.append(f"| {name}{chosen} | {_number(value)} | {_number(manifest.baseline.get(name))} | {way} |")
    return "\n".join(rows)


def _data(manifest: Manifest, report: Mapping[str, Any]) -> str:
    data = manifest.data
    lines = [f"{data['rows']} rows, {data['trained_on']} of them for training; content hash {data['sha256']}."]
    return "\n".join([*lines, *(f"\n- {finding}" for finding in report["findings"])])


def _columns(report: Mapping[str, Any]) -> str:
    rows = ["| column | kind | why |", "|---|---|---|"]
    for column in report["columns"]:
        kind = column["kind"] if column["used"] else "not used"
        rows.append(f"| {_cell(column['name'])} | {kind} | {_cell(column['reason'])} |")
    return "\n".join(rows)


def _candidates(manifest: Manifest, report: Mapping[str, Any]) -> str:
    rows = [
        f"Judged on {report['validation']}.",
        "",
        f"| learner | parameters | {manifest.metric} |",
        "|---|---|---|",
    ]
    for trial in report["candidates"]:
        parameters = ", ".join(f"{name}={value}" for name, value in trial["parameters"].items())
        rows.append(f"| {trial['learner']} | {parameters} | {_number(trial['scores'].get(manifest.metric))} |")
    return "\n".join(rows)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
