"""The last metre of a training: manifest, examples, report and card into a bundle folder."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from fitserve.bundle.folder import array_bytes, write_bundle
from fitserve.bundle.manifest import FORMAT, Manifest
from fitserve.evaluation.case import Case
from fitserve.evaluation.report import add_section, build_report
from fitserve.evaluation.sections import Made
from fitserve.evaluation.told import gap_sentences
from fitserve.faults import LeftOut
from fitserve.features.base import state_of
from fitserve.features.missing import read_said
from fitserve.metrics.interval import LEVEL
from fitserve.models.base import Exported
from fitserve.prediction import Predictor
from fitserve.prediction.replay import EXAMPLES
from fitserve.prediction.session import Session
from fitserve.training.card import card
from fitserve.training.examples import example_rows
from fitserve.training.judging import Judgement, case_of, judge, learners_of, verdict
from fitserve.training.learning import learning_curve
from fitserve.training.prepare import Prepared
from fitserve.training.search import Search
from fitserve.training.trial import Trial

_LIBRARIES = (
    "fitserve",
    "numpy",
    "onnx",
    "onnxruntime",
    "polars",
    "scikit-learn",
    "lightgbm",
    "xgboost-cpu",
    "catboost",
)


@dataclass(frozen=True)
class Chosen:
    """The model that a training ends with. ``parity`` is its largest difference from the trained one."""

    trial: Trial
    effort: int
    exported: Exported
    parity: float


def package(folder: Path, prepared: Prepared, search: Search, chosen: Chosen) -> tuple[Manifest, str]:
    """Write the bundle of a training into an empty folder; manifest and identity are returned."""
    session = Session(chosen.exported.graph, chosen.exported.model)
    judgement = judge(prepared, search, chosen.trial, session)
    left_out = LeftOut()
    told = left_out.attempt("verdict", lambda: verdict(prepared, search, chosen.trial, judgement)) or []
    prepared.findings.extend(told)
    manifest = _manifest(prepared, chosen, judgement)
    predictor = Predictor(manifest, "", prepared.encoder, session, prepared.answerer)
    rows = example_rows(prepared.encoder, prepared.fields, chosen.exported.thresholds)
    examples = {"rows": rows, "answers": [predictor.answer(row)[0] for row in rows]}
    report = _report((prepared, search, chosen), (judgement, predictor), left_out)
    report["lead"] = [*(f"{sentence[0].upper()}{sentence[1:]}." for sentence in told), *report.get("lead", ())]
    page = card(manifest, report, left_out=left_out)
    if left_out.faults:
        prepared.findings.append(_told(left_out.faults))
    members = {
        chosen.exported.graph.member: chosen.exported.model,
        EXAMPLES: orjson.dumps(examples, option=orjson.OPT_INDENT_2),
        "report.json": orjson.dumps(report, option=orjson.OPT_SERIALIZE_NUMPY),
        "card.md": page.encode(),
        **{f"{name}.npy": array_bytes(array) for name, array in prepared.encoder.arrays().items()},
    }
    return manifest, write_bundle(folder, manifest, members)


def _manifest(prepared: Prepared, chosen: Chosen, judgement: Judgement) -> Manifest:
    graph = chosen.exported.graph
    said = prepared.spec.missing.get(prepared.spec.target)
    return Manifest(
        format=FORMAT,
        task=prepared.task.name,
        target=prepared.spec.target,
        fields=[field.as_json() for field in prepared.fields],
        steps=prepared.encoder.as_json(),
        graph={name: getattr(graph, name) for name in graph.__slots__},
        answer=state_of(prepared.answerer),
        learner=chosen.trial.learner,
        parameters={**chosen.trial.parameters, "effort": chosen.effort},
        metric=prepared.metric,
        scores=judgement.scores,
        baseline=judgement.baseline,
        evaluation={
            "on": judgement.on,
            "rows": len(judgement.rows),
            "split": prepared.split.reason,
            "level": LEVEL,
            "intervals": _intervals(judgement, prepared.spec.seed),
        },
        data={
            "sha256": prepared.dataset_sha256,
            "rows": prepared.n_rows,
            "trained_on": len(prepared.split.train),
            **({"target_missing": sorted(read_said(said))} if said else {}),
        },
        seed=prepared.spec.seed,
        versions={"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        members={},
    )


def _intervals(judgement: Judgement, seed: int) -> dict[str, list[float] | None]:
    """The interval of each score; it holds the score, bit by bit. None where it cannot be had."""
    found = LeftOut().attempt("intervals", lambda: judgement.judged.finite().intervals(seed)) or {}
    return {
        name: [min(interval[0], value), max(interval[1], value)]
        if value is not None and (interval := found.get(name)) is not None
        else None
        for name, value in judgement.scores.items()
    }


def _report(
    trained: tuple[Prepared, Search, Chosen], judged: tuple[Judgement, Predictor], left_out: LeftOut
) -> dict[str, Any]:
    """The report, whose optional parts may be missing: a fault in one of them is no reason to lose a model."""
    prepared, search, chosen = trained
    trials = sorted(search.trials, key=lambda trial: trial.loss)
    report = left_out.attempt("analysis", lambda: build_report(_case(prepared, chosen, *judged))) or {"charts": []}
    left_out.add(LeftOut(report.pop("skipped", {}), report.pop("faults", [])))
    for name, make in MORE.items():
        add_section(report, left_out, name, partial(make, *trained))
    if report.get("costly_gaps"):
        told = left_out.attempt("costly_gaps, in words", lambda: gap_sentences(report))
        prepared.findings.extend(sentence.removesuffix(".") for sentence in told or ())
    return {
        **report,
        "task": prepared.task.name,
        "task_reason": prepared.task_reason,
        "metric": prepared.metric,
        "validation": search.validation,
        "plan": search.planned,
        "findings": prepared.findings,
        "candidates": [{**trial.as_json(), "loss": _finite(trial.loss)} for trial in trials],
        "refused": search.refusals,
        "parity": chosen.parity,
        "columns": [{"name": f.name, "kind": f.kind, "used": f.used, "reason": f.reason} for f in prepared.fields],
        "skipped": left_out.reasons,
        "faults": left_out.faults,
    }


def _case(prepared: Prepared, chosen: Chosen, judgement: Judgement, predictor: Predictor) -> Case:
    return case_of(prepared, judgement, predictor, len(chosen.exported.model))


def _told(faults: list[str]) -> str:
    n = len(faults)
    parts = f"{n} parts" if n > 1 else "1 part"
    return f"{parts} of the report could not be made: {', '.join(faults)} (the report says why)"


def _learners(prepared: Prepared, search: Search, _chosen: Chosen) -> Made:
    return learners_of(prepared, search)


def _learning_curve(prepared: Prepared, search: Search, chosen: Chosen) -> Made:
    if not prepared.spec.learning_curve:
        return Made({})
    return learning_curve(prepared, search, chosen.trial, chosen.effort)


MORE: dict[str, Callable[[Prepared, Search, Chosen], Made]] = {
    "learners": _learners,
    "learning_curve": _learning_curve,
}
"""What a training alone can tell: its learners beside each other, and on request whether more rows would help."""


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
