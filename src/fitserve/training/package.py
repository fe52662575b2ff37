"""The last metre of a training: manifest, examples, report and card into a bundle folder."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson

from fitserve.bundle.folder import array_bytes, write_bundle
from fitserve.bundle.manifest import FORMAT, SECTION_VERSIONS, Manifest
from fitserve.evaluation.case import Case
from fitserve.evaluation.predictions import Predictions
from fitserve.evaluation.report import add_section, build_report
from fitserve.evaluation.sections import Made
from fitserve.evaluation.sentences import as_sentence, gap_messages
from fitserve.faults import LeftOut, Limit, no_limit
from fitserve.features.base import state_of
from fitserve.features.missing import read_said
from fitserve.messages import Message, stored
from fitserve.metrics.interval import LEVEL
from fitserve.prediction import Predictor
from fitserve.prediction.replay import EXAMPLES
from fitserve.prediction.session import Session
from fitserve.training.card import card
from fitserve.training.choosing import Choice, Chosen
from fitserve.training.examples import example_rows
from fitserve.training.holdout import HoldoutEvaluation, case_of, evaluate_holdout, learners_of, verdict
from fitserve.training.learning import learning_curve
from fitserve.training.prepare import Prepared
from fitserve.training.search import Search

T = TypeVar("T")
# The intervals of the scores that are kept in the manifest.
_INTERVALS = "intervals of the scores"
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
class Packaged:
    """A bundle that was written: its manifest, its identity, and the parts of the report that there was no time for.

    ``predictor`` is the model that was evaluated, ``predictions`` what it said.
    """

    manifest: Manifest
    sha256: str
    late: Sequence[str]
    predictor: Predictor
    predictions: Predictions


def package(folder: Path, search: Search, choice: Choice, limit: Limit = no_limit) -> Packaged:
    """Write the bundle of a training into an empty folder.

    Scores and report are those of the model that was evaluated; graph, steps, profile and examples of what is served.
    """
    prepared, evaluated, served = search.prepared, choice.evaluated, choice.served
    session = _session(evaluated)
    holdout = evaluate_holdout(prepared, search, evaluated.trial, session)
    left_out = LeftOut()
    notes = _attempt(left_out, limit, "verdict", lambda: verdict(prepared, search, evaluated.trial, holdout)) or []
    prepared.notes.extend([*notes, *choice.notes])
    found = _attempt(left_out, limit, _INTERVALS, lambda: _intervals(holdout, prepared.spec.seed)) or {}
    intervals = {name: found.get(name) for name in holdout.scores}
    manifest = _manifest(evaluated, search, holdout, intervals)
    predictor = Predictor(manifest, "", prepared.encoder, session, prepared.answerer)
    report = _report((search, choice), (holdout, predictor), left_out, limit)
    report["lead"] = [*(stored(as_sentence(each)) for each in notes), *report.get("lead", ())]
    manifest = _manifest(served, search, holdout, intervals)
    page = card(manifest, report, left_out=left_out)
    prepared.notes.extend(_missing_parts(left_out))
    members = {
        **{graph.member: model for graph, model in served.exported.graphs},
        EXAMPLES: orjson.dumps(_examples(served, manifest), option=orjson.OPT_INDENT_2),
        "report.json": orjson.dumps(report, option=orjson.OPT_SERIALIZE_NUMPY),
        "card.md": page.encode(),
        **{f"{name}.npy": array_bytes(array) for name, array in served.prepared.encoder.arrays().items()},
    }
    sha256 = write_bundle(folder, manifest, members)
    return Packaged(manifest, sha256, left_out.late, predictor, holdout.predictions)


def _attempt(left_out: LeftOut, limit: Limit, name: str, make: Callable[[], T]) -> T | None:
    """What an optional part makes within its time, or None."""

    def within() -> T:
        with limit(name):
            return make()

    return left_out.attempt(name, within)


def _session(chosen: Chosen) -> Session:
    exported = chosen.exported
    return Session(exported.graph, exported.model, exported.before)


def _examples(served: Chosen, manifest: Manifest) -> dict[str, Any]:
    """Rows that are drawn from the profile, with the answers of what is served."""
    prepared, exported = served.prepared, served.exported
    session = _session(served)
    predictor = Predictor(manifest, "", prepared.encoder, session, prepared.answerer)
    rows = example_rows(prepared.encoder, prepared.fields, exported.thresholds)
    return {"rows": rows, "answers": [predictor.answer(row)[0] for row in rows]}


def _manifest(chosen: Chosen, search: Search, holdout: HoldoutEvaluation, intervals: Mapping[str, Any]) -> Manifest:
    """The manifest of a model with the scores of the one that was evaluated."""
    prepared, spec = chosen.prepared, chosen.prepared.spec
    said = None if spec.target is None else spec.missing.get(spec.target)
    evaluation = {
        "version": SECTION_VERSIONS["evaluation"],
        "scores": holdout.scores,
        "baseline": holdout.baseline,
        "on": stored(holdout.on),
        "rows": len(holdout.rows),
        "split": stored(prepared.split.description),
        "level": LEVEL,
        "intervals": dict(intervals),
        "trained_on": len(search.prepared.split.train),
    }
    data = {
        "version": SECTION_VERSIONS["data"],
        "sha256": prepared.dataset_sha256,
        "rows": prepared.n_rows,
        "trained_on": len(prepared.split.train),
        **({"target_missing": sorted(read_said(said))} if said else {}),
    }
    return Manifest(
        format=FORMAT,
        task=prepared.task.name,
        roles=spec.columns,
        target=spec.target,
        fields=[field.as_json() for field in prepared.fields],
        steps=prepared.encoder.as_json(),
        graphs=[graph.as_json() for graph, _ in chosen.exported.graphs],
        answer=state_of(prepared.answerer),
        learner=chosen.trial.learner,
        parameters={**chosen.trial.parameters, "effort": chosen.effort},
        metric=prepared.metric,
        seed=spec.seed,
        versions={"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        members={},
        sections={"evaluation": evaluation, "data": data},
    )


def _intervals(holdout: HoldoutEvaluation, seed: int) -> dict[str, list[float] | None]:
    """The interval of each score; it holds the score, bit by bit. None where it cannot be had."""
    found = holdout.predictions.finite().intervals(seed)
    return {
        name: [min(interval[0], value), max(interval[1], value)]
        if value is not None and (interval := found.get(name)) is not None
        else None
        for name, value in holdout.scores.items()
    }


def _report(
    trained: tuple[Search, Choice], holdout: tuple[HoldoutEvaluation, Predictor], left_out: LeftOut, limit: Limit
) -> dict[str, Any]:
    """The report, whose optional parts may be missing: a fault in one of them is no reason to lose a model."""
    search, choice = trained
    prepared = search.prepared
    trials = sorted(search.trials, key=lambda trial: trial.loss)
    made = left_out.attempt("analysis", lambda: build_report(_case(prepared, choice.evaluated, *holdout), limit))
    report = made or {"charts": []}
    left_out.add(LeftOut(report.pop("skipped", {}), report.pop("faults", []), report.pop("late", [])))
    for name, make in MORE.items():
        if name != "learning_curve" or prepared.spec.learning_curve:
            add_section(report, left_out, name, partial(make, prepared, search, choice.evaluated), limit)
    if report.get("costly_gaps"):
        prepared.notes.extend(left_out.attempt("costly_gaps, in words", lambda: gap_messages(report)) or ())
    return {
        **report,
        "task": prepared.task.name,
        "task_reason": stored(prepared.task_reason),
        "metric": prepared.metric,
        "validation": stored(search.validation),
        "plan": search.planned,
        "findings": stored(prepared.notes),
        "candidates": [{**trial.as_json(), "loss": _finite(trial.loss)} for trial in trials],
        "refused": search.refusals,
        "given_up": [each.as_json() for each in search.given_up],
        "trained_on": len(choice.served.prepared.split.train),
        "evaluated_after": len(prepared.split.train),
        "parity": choice.served.parity,
        "columns": [
            {"name": f.name, "kind": f.kind, "used": f.used, "reason": stored(f.reason)} for f in prepared.fields
        ],
        "skipped": stored(left_out.reasons),
        "faults": left_out.faults,
    }


def _case(prepared: Prepared, chosen: Chosen, holdout: HoldoutEvaluation, predictor: Predictor) -> Case:
    return case_of(prepared, holdout, predictor, sum(len(model) for _, model in chosen.exported.graphs))


def _missing_parts(left_out: LeftOut) -> list[Message]:
    """What a user should know of the parts of a report that are missing."""
    notes = []
    if left_out.faults:
        notes.append(Message("parts_failed", {"n": len(left_out.faults), "parts": list(left_out.faults)}))
    if left_out.late:
        notes.append(Message("parts_late", {"n": len(left_out.late), "parts": list(left_out.late)}))
    return notes


def _learners(prepared: Prepared, search: Search, _chosen: Chosen) -> Made:
    return learners_of(prepared, search)


def _learning_curve(prepared: Prepared, search: Search, chosen: Chosen) -> Made:
    return learning_curve(prepared, search, chosen.trial, chosen.effort)


MORE: dict[str, Callable[[Prepared, Search, Chosen], Made]] = {
    "learners": _learners,
    "learning_curve": _learning_curve,
}
"""What a training alone can tell: its learners beside each other, and on request whether more rows would help."""


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
