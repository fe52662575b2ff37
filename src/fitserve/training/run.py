"""One training from a source to a registered version."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from fitserve.bundle.folder import open_bundle
from fitserve.bundle.manifest import Manifest
from fitserve.charts.page import fragment, text
from fitserve.data.read import ReadOptions, is_location, name_of, read_frame, recorded
from fitserve.data.split import SMALL_TABLE
from fitserve.errors import DataError, NotForThisTable, ParityError, SpecError
from fitserve.evaluation.page import report_body, report_page
from fitserve.metrics import METRICS
from fitserve.models.base import choose_learners
from fitserve.prediction import Predictor, load
from fitserve.store import RunRecord, VersionDetails, VersionRecord, Workspace
from fitserve.store.records import check_model_name, now
from fitserve.training.export import check_parity, hostile_arrays, weigh
from fitserve.training.package import Chosen, package
from fitserve.training.prepare import Prepared, prepare
from fitserve.training.progress import Clock, Observer, Progress, silent
from fitserve.training.search import Search, Trial
from fitserve.training.spec import Spec

_PARITY_ROWS = 2000
_SHRINKS = 3
# A candidate is nearly as good as the best if it is behind by less than this share of the way to the baseline.
_NEARLY, _MOST_WHOLE = 0.05, 6


@dataclass(frozen=True)
class Run:
    """A finished training. ``folder`` holds its bundle; ``interrupted`` says that Ctrl-C ended the search early."""

    id: str
    record: VersionRecord
    manifest: Manifest
    folder: Path
    seconds: float
    champion: int
    findings: list[str] = field(default_factory=list)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    plan: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False

    def as_json(self) -> dict[str, Any]:
        """What ``fitserve train --json`` prints."""
        return {
            "model": self.record.model,
            "version": self.record.version,
            "labels": self.manifest.answer.get("labels"),
            "task": self.manifest.task,
            "target": self.manifest.target,
            "learner": self.manifest.learner,
            "seconds": round(self.seconds, 3),
            "scores": self.manifest.scores,
            "baseline": self.manifest.baseline,
            "sha256": self.record.sha256,
            "run": self.id,
            "champion": self.champion,
            "evaluation": self.manifest.evaluation,
            "findings": self.findings,
            "plan": self.plan,
            "candidates": self.candidates,
            "interrupted": self.interrupted,
        }

    @property
    def scores(self) -> Mapping[str, float | None]:
        """The scores on rows that training did not see."""
        return self.manifest.scores

    def predictor(self) -> Predictor:
        """The model, loaded."""
        return load(self.folder)

    @property
    def report(self) -> dict[str, Any]:
        """Everything that there is to tell, as JSON with charts: the bundle's report."""
        document: dict[str, Any] = orjson.loads(open_bundle(self.folder).read("report.json"))
        return document

    def html(self) -> str:
        """The report as a page of its own."""
        return report_page(self.report, f"{self.record.model} version {self.record.version}")

    def _repr_html_(self) -> str:
        name = f"{self.record.model} version {self.record.version}: {self.manifest.learner}"
        return fragment(f"<h2>{text(name)}</h2>{report_body(self.report)}")


@dataclass(frozen=True)
class Order:
    """What to do with a training's result. ``promote``: "always", "if-better" or "never".

    ``guessed`` says that the name was made of the source's, so that it may be that of something else.
    """

    name: str
    promote: str = "never"
    options: ReadOptions = field(default_factory=ReadOptions)
    guessed: bool = False

    def check(self) -> None:
        """Raise SpecError for a name or a promotion that cannot be."""
        check_model_name(self.name)
        if self.promote not in ("always", "if-better", "never"):
            raise SpecError(f'promote is "always", "if-better" or "never", not {self.promote!r}')


def train_model(source: Any, spec: Spec, order: Order, workspace: Workspace, observer: Observer = silent) -> Run:
    """Train, prove, package and register; raises a UserError, and leaves nothing half-written, if it cannot."""
    order.check()
    spec.check()
    return _train(source, spec, order, workspace, observer, Clock(spec.budget))


def replay_run(run_id: str, source: Any, order: Order, workspace: Workspace, observer: Observer = silent) -> Run:
    """Repeat a recorded training without a clock; the same data give the same bits.

    ``source`` None means the path that the run was trained from. Raises DataError if the data have changed.
    """
    record = workspace.run(run_id)
    plan = dict(record.plan)
    source = source if source is not None else plan.get("source")
    if source is None:
        raise DataError(f"run {run_id} was trained from memory or a stream; name the data to replay it with")
    order = replace(order, options=ReadOptions(**plan.get("read", {})))
    return _train(source, Spec.from_json(plan["spec"]), order, workspace, observer, Clock(None), plan)


def _train(
    source: Any, spec: Spec, order: Order, workspace: Workspace, observer: Observer, clock: Clock,
    plan: Mapping[str, Any] | None = None,
) -> Run:  # fmt: skip
    started = now()
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    learners = choose_learners(["baseline", *spec.learners] if spec.learners else None)
    observer(Progress("reading", name_of(source), None, clock.left))
    found: list[str] = []
    frame = read_frame(source, order.options, found)
    observer(Progress("preparing", f"{frame.height} rows, {frame.width} columns", None, clock.left))
    prepared = prepare(frame, spec)
    _check_guess(order, spec.target, workspace)
    prepared.findings[:0] = found
    _check_replay(plan, prepared)
    search = Search(prepared, learners, clock, observer)
    if plan is not None:
        search.threads, search.untried = int(plan["threads"]), int(plan.get("untried", 0))
        search.planned, search.refusals = list(plan.get("entries", [])), dict(plan.get("refused", search.refusals))
        search.repeat(plan["trials"])
    else:
        search.run()
    chosen = _choose(prepared, search, observer, plan)
    prepared.findings.extend([*_too_good(prepared, search, chosen), *_too_little(search, chosen)])
    observer(Progress("packaging", chosen.trial.learner, None, clock.left))
    with workspace.staging() as staged:
        folder = staged / "bundle"
        folder.mkdir()
        manifest, sha256 = package(folder, prepared, search, chosen)
        load(folder)
        plan = {**_plan(source, order, prepared, search, chosen), "sha256": sha256}
        run = RunRecord(run_id, order.name, "finished", started, now(), prepared.dataset_sha256, plan)
        record = _register(workspace, order, folder, manifest, run)
    candidates = [_candidate(trial, prepared.metric) for trial in sorted(search.trials, key=lambda t: t.loss)]
    champion = workspace.version(order.name).version
    return Run(
        run_id, record, manifest, workspace.bundle_path(record), clock.elapsed, champion,
        prepared.findings, candidates, search.planned, search.interrupted,
    )  # fmt: skip


def model_name(source: Any) -> str:
    """A model's name made of a file's name, or that of a database; "model" for anything else."""
    if isinstance(source, (list, tuple)) and is_location(source):
        source = source[0]
    if not isinstance(source, (str, Path)):
        return "model"
    stem = str(source).rpartition("/")[2].split(".")[0].split("?")[0].lower()
    return re.sub(r"[^a-z0-9_]+", "-", stem).strip("-_")[:63] or "model"


def _check_guess(order: Order, target: str, workspace: Workspace) -> None:
    """Raise SpecError if the name of a file is that of a model that predicts something else."""
    name = order.name
    if not order.guessed or name not in {model.name for model in workspace.models()}:
        return
    predicts = workspace.version(name).target
    if predicts != target:
        other = model_name(f"{name}-{target}")
        raise SpecError(f"the model {name!r} predicts {predicts!r}; give this one a --name of its own, such as {other}")


def _too_good(prepared: Prepared, search: Search, chosen: Chosen) -> list[str]:
    """A warning where the scores are next to perfect: then mostly something gives the target away."""
    baseline = next(trial.loss for trial in search.trials if trial.learner == "baseline")
    perfect = -1.0 if METRICS[prepared.metric].greater_is_better else 0.0
    if len(prepared.truth) < SMALL_TABLE or chosen.trial.loss - perfect > 1e-6 * abs(baseline - perfect):
        return []
    return [
        "the scores are next to perfect: look for a column, or a sum of columns, that is known only together "
        "with the target, and leave it out with --exclude"
    ]


def _too_little(search: Search, chosen: Chosen) -> list[str]:
    """What a user should know of a search that ended early, or in vain."""
    found = []
    if search.untried:
        n = search.untried + len(search.trials)
        found.append(f"{search.untried} of {n} candidates were not judged: the budget was over; a larger one may help")
    if chosen.trial.learner == "baseline" and len(search.trials) > 1:
        found.append("no learner was better than the answer without learning: these columns do not tell the target")
    return found


def _check_replay(plan: Mapping[str, Any] | None, prepared: Prepared) -> None:
    if plan is not None and plan["dataset_sha256"] != prepared.dataset_sha256:
        raise DataError("the data are not those of the run; replay needs the same table, byte for byte")


def _candidate(trial: Trial, metric: str) -> dict[str, Any]:
    return {
        "learner": trial.learner,
        "parameters": dict(trial.parameters),
        metric: trial.scores.get(metric),
        "seconds": round(trial.seconds, 3),
        "stopped_early": trial.stopped_early,
    }


def _choose(prepared: Prepared, search: Search, observer: Observer, plan: Mapping[str, Any] | None) -> Chosen:
    """The best candidate that answers as a graph like itself and is light enough to serve."""
    if plan is not None:
        trial = search.trials[int(plan["chosen"])]
        return _export(prepared, search, trial, int(plan["effort"]), observer)
    ranked, reasons = search.ranked(), []
    tried: set[tuple[int, int]] = set()
    failed: set[int] = set()
    for place, effort in _attempts(ranked):
        trial = ranked[place]
        if place in failed or (place, effort) in tried:
            continue
        tried.add((place, effort))
        try:
            chosen = _export(prepared, search, trial, effort, observer)
        except (ParityError, NotForThisTable) as error:  # all rows may be more than a learner takes
            reasons.append(f"{trial.learner}: {error}")
            failed.add(place)
            continue
        heavy = weigh(chosen.exported).too_heavy
        if heavy is None:
            prepared.findings.extend(reasons)
            return chosen
        observer(Progress("shrinking", f"{trial.learner} {heavy}, more than a server should need"))
        reasons.append(f"{trial.learner} with effort {effort} {heavy} and was passed over")
    raise ParityError(f"no candidate can be served: {'; '.join(reasons)}")


def _attempts(ranked: Sequence[Trial]) -> Iterator[tuple[int, int]]:
    """Places in the ranking with efforts, in the order in which they deserve to be served.

    Half of a model may be worth less than all of the next one: whole candidates that are nearly as good come first.
    """
    best = ranked[0].loss
    prior = next(trial.loss for trial in ranked if trial.learner == "baseline")
    limit = best + _NEARLY * (prior - best) if np.isfinite(prior) else best
    near = [place for place, trial in enumerate(ranked) if trial.loss <= limit]
    yield from ((place, ranked[place].effort) for place in near[:_MOST_WHOLE])
    for place, trial in enumerate(ranked):
        yield from ((place, max(1, trial.effort >> halvings)) for halvings in range(_SHRINKS))


def _export(prepared: Prepared, search: Search, trial: Trial, effort: int, observer: Observer) -> Chosen:
    observer(Progress("refitting", f"{trial.learner} on all training rows", None, search.clock.left))
    fitted = search.refit(trial, effort)
    exported = fitted.export()
    test = prepared.split.test[:_PARITY_ROWS]
    samples = [
        prepared.arrays.take(np.arange(min(_PARITY_ROWS, len(prepared.arrays)))),
        prepared.encoder.columns(prepared.part(test), len(test)),
        hostile_arrays(prepared.arrays, exported),
    ]
    return Chosen(trial, effort, exported, check_parity(fitted, exported, samples))


def _register(workspace: Workspace, order: Order, folder: Path, manifest: Manifest, run: RunRecord) -> VersionRecord:
    metric = manifest.metric
    details = VersionDetails(
        task=manifest.task,
        target=manifest.target,
        learner=manifest.learner,
        metric=metric,
        score=manifest.scores.get(metric),
        baseline=manifest.baseline.get(metric),
        rows=int(manifest.data["rows"]),
        run=run.id,
        source="train",
    )
    record = workspace.register(order.name, folder, details, promote=order.promote == "always", run=run)
    if order.promote == "if-better" and _better(workspace, record):
        workspace.set_alias(order.name, "champion", record.version)
    return record


def _better(workspace: Workspace, record: VersionRecord) -> bool:
    """Whether a new version scores better than the champion, where both are scored by the same metric."""
    champion = workspace.version(record.model)
    if champion.metric != record.metric or champion.task != record.task:
        return False
    if champion.score is None or record.score is None:
        return champion.score is None and record.score is not None
    greater = METRICS[record.metric].greater_is_better
    return record.score > champion.score if greater else record.score < champion.score


def _plan(source: Any, order: Order, prepared: Prepared, search: Search, chosen: Chosen) -> dict[str, Any]:
    """Everything that repeats a training, as JSON."""
    return {
        "spec": prepared.spec.as_json(),
        "source": recorded(source, order.options),
        "read": asdict(order.options),
        "dataset_sha256": prepared.dataset_sha256,
        "threads": search.threads,
        "untried": search.untried,
        "entries": search.planned,
        "refused": search.refusals,
        "trials": [replace(trial, loss=_json_float(trial.loss)).as_json() for trial in search.trials],
        "chosen": search.trials.index(chosen.trial),
        "effort": chosen.effort,
    }


def _json_float(value: float) -> float:
    return value if np.isfinite(value) else 1e308
