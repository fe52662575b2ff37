"""The last metre of a training: manifest, examples, report and card into a bundle folder."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from fitserve.bundle.folder import array_bytes, write_bundle
from fitserve.bundle.manifest import FORMAT, Manifest
from fitserve.features.base import state_of
from fitserve.models.base import Exported
from fitserve.prediction import Predictor
from fitserve.prediction.replay import EXAMPLES
from fitserve.prediction.session import Session
from fitserve.training.card import card
from fitserve.training.examples import example_rows
from fitserve.training.prepare import Prepared
from fitserve.training.search import Search, Trial

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
Scores = Mapping[str, float | None]


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
    scores, baseline, evaluation = _evaluate(prepared, search, chosen, session)
    manifest = _manifest(prepared, chosen, (scores, baseline, evaluation))
    predictor = Predictor(manifest, "", prepared.encoder, session, prepared.answerer)
    rows = example_rows(prepared.encoder, prepared.fields, chosen.exported.thresholds)
    examples = {"rows": rows, "answers": [predictor.answer(row)[0] for row in rows]}
    report = _report(prepared, search, chosen)
    members = {
        chosen.exported.graph.member: chosen.exported.model,
        EXAMPLES: orjson.dumps(examples, option=orjson.OPT_INDENT_2),
        "report.json": orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY),
        "card.md": card(manifest, report).encode(),
        **{f"{name}.npy": array_bytes(array) for name, array in prepared.encoder.arrays().items()},
    }
    return manifest, write_bundle(folder, manifest, members)


def _evaluate(
    prepared: Prepared, search: Search, chosen: Chosen, session: Session
) -> tuple[Scores, Scores, dict[str, Any]]:
    """Scores of what will be served on the test part, or of held-out rows where there is none."""
    prior = next(trial for trial in search.trials if trial.learner == "baseline")
    test = prepared.split.test
    if not len(test):
        on = {"on": search.validation, "rows": search.n_held_out, "split": prepared.split.reason}
        return chosen.trial.scores, prior.scores, on
    arrays = prepared.encoder.columns(prepared.part(test), len(test))
    truth = prepared.truth[test]
    scores = prepared.answerer.score(session.run(arrays), truth)
    baseline = search.refit(prior, 1).predict(arrays)
    on = {"on": "the test part", "rows": len(test), "split": prepared.split.reason}
    return scores, prepared.answerer.score(baseline, truth), on


def _manifest(prepared: Prepared, chosen: Chosen, judged: tuple[Scores, Scores, dict[str, Any]]) -> Manifest:
    scores, baseline, evaluation = judged
    graph = chosen.exported.graph
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
        scores=dict(scores),
        baseline=dict(baseline),
        evaluation=evaluation,
        data={
            "sha256": prepared.dataset_sha256,
            "rows": prepared.n_rows,
            "trained_on": len(prepared.split.train),
        },
        seed=prepared.spec.seed,
        versions={"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        members={},
    )


def _report(prepared: Prepared, search: Search, chosen: Chosen) -> dict[str, Any]:
    trials = sorted(search.trials, key=lambda trial: trial.loss)
    return {
        "task": {"name": prepared.task.name, "reason": prepared.task_reason},
        "metric": prepared.metric,
        "validation": search.validation,
        "plan": search.planned,
        "findings": prepared.findings,
        "candidates": [{**trial.as_json(), "loss": _finite(trial.loss)} for trial in trials],
        "refused": search.refusals,
        "parity": chosen.parity,
        "columns": [{"name": f.name, "kind": f.kind, "used": f.used, "reason": f.reason} for f in prepared.fields],
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
