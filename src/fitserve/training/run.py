"""One training from a source to a registered version."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from fitserve.bundle.folder import open_bundle
from fitserve.bundle.manifest import Manifest
from fitserve.charts.page import fragment, text
from fitserve.data.frames import Frame
from fitserve.data.reading.read import ReadOptions, is_location, name_of, read_frame
from fitserve.errors import DataError, SpecError
from fitserve.evaluation.page import report_body, report_page
from fitserve.evaluation.spoken import spoken
from fitserve.features.row_hashes import row_hashes
from fitserve.messages import AnyMessage, render, stored
from fitserve.models.base import broken_learners, choose_learners
from fitserve.prediction import Predictor, load
from fitserve.prediction.named import Named
from fitserve.store import RunRecord, VersionRecord, Workspace
from fitserve.store.records import check_model_name, details_of
from fitserve.training.choosing import Choice, choose
from fitserve.training.gate import passes
from fitserve.training.keeping import Table, keep, kept_table
from fitserve.training.package import Packaged, package
from fitserve.training.prepare import Prepared, prepare
from fitserve.training.progress import Allotted, Clock, Observer, Progress, silent
from fitserve.training.recording import Draft, restore
from fitserve.training.search import Search
from fitserve.training.spec import Spec
from fitserve.training.trial import Trial
from fitserve.training.verdict import of_the_search

# About what the hash of a row takes.
_SECONDS_A_HASH = 4e-6


@dataclass(frozen=True)
class Run:
    """A finished training. ``folder`` holds its bundle; ``interrupted`` says that Ctrl-C ended the search early."""

    id: str
    record: VersionRecord
    manifest: Manifest
    folder: Path
    seconds: float
    champion: int
    notes: list[AnyMessage] = field(default_factory=list)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    plan: list[dict[str, Any]] = field(default_factory=list)
    given_up: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False
    promotion: str = ""
    kept: list[str] = field(default_factory=list)
    about: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What ``fitserve train --json`` prints."""
        return {
            "model": self.record.model,
            "version": self.record.version,
            **self.about,
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
            "codes": {"findings": stored(self.notes)},
            "plan": self.plan,
            "candidates": self.candidates,
            "given_up": self.given_up,
            "interrupted": self.interrupted,
            "promotion": self.promotion,
            "kept": self.kept,
        }

    @property
    def findings(self) -> list[str]:
        """What there is to know of the training besides its scores, in sentences."""
        return [render(each) for each in self.notes]

    @property
    def tried(self) -> int:
        """How many candidates were evaluated, or have failed."""
        return len(self.candidates)

    @property
    def tried_all(self) -> bool:
        """Whether nothing was left to try when the search ended."""
        return not self.given_up and not self.interrupted

    @property
    def scores(self) -> Mapping[str, float | None]:
        """The scores on rows that training did not see."""
        return self.manifest.scores

    def predictor(self) -> Predictor:
        """The model, loaded."""
        return load(self.folder)

    @property
    def report(self) -> dict[str, Any]:
        """Everything that there is to tell, as JSON with charts: the bundle's report in words."""
        return spoken(orjson.loads(open_bundle(self.folder).read("report.json")))

    def html(self) -> str:
        """The report as a page of its own."""
        return report_page(self.report, f"{self.record.model} version {self.record.version}")

    def _repr_html_(self) -> str:
        name = f"{self.record.model} version {self.record.version}: {self.manifest.learner}"
        return fragment(f"<h2>{text(name)}</h2>{report_body(self.report)}")


@dataclass(frozen=True)
class Order:
    """What to do with a training's result. ``promote``: "always", "if-better" or "never".

    ``guessed`` says that the name was made of the source's, so that it may be that of something else. ``keep`` says
    that the workspace keeps the table.
    """

    name: str
    promote: str = "never"
    options: ReadOptions = field(default_factory=ReadOptions)
    guessed: bool = False
    keep: bool = True

    def check(self) -> None:
        """Raise SpecError for a name or a promotion that cannot be."""
        check_model_name(self.name)
        if self.promote not in ("always", "if-better", "never"):
            raise SpecError(f'promote is "always", "if-better" or "never", not {self.promote!r}')


def train_model(
    source: Any,
    spec: Spec,
    order: Order,
    workspace: Workspace,
    observer: Observer = silent,
    started: float | None = None,
) -> Run:
    """Train, prove, package and register; raises a UserError, and leaves nothing half-written, if it cannot.

    ``started``, a time of `time.monotonic`, is when the budget began; None means now.
    """
    order.check()
    spec.check()
    return _train(source, spec, order, workspace, observer, Clock(spec.budget, started or time.monotonic()))


def replay_run(run_id: str, source: Any, order: Order, workspace: Workspace, observer: Observer = silent) -> Run:
    """Repeat a recorded training without a clock; the same data give the same bits.

    ``source`` None means the table that the workspace has kept, or else the path that the run was trained from. Raises
    DataError if the data have changed.
    """
    record = workspace.run(run_id)
    plan = dict(record.plan)
    if record.status != "finished":
        reason = plan.get("reason", "it has not ended")
        raise SpecError(f"run {run_id} is {record.status} ({reason}), which leaves nothing to repeat; train again")
    order = replace(order, options=ReadOptions(**plan.get("read", {})))
    kept = kept_table(record.dataset_sha256, workspace) if source is None else None
    if kept is not None:
        source, order = kept, replace(order, options=ReadOptions())
    source = source if source is not None else plan.get("source")
    if source is None:
        raise DataError(f"run {run_id} was trained from memory or a stream; name the data to replay it with")
    return _train(source, Spec.from_json(plan["spec"]), order, workspace, observer, Clock(None), plan)


def _train(
    source: Any,
    spec: Spec,
    order: Order,
    workspace: Workspace,
    observer: Observer,
    clock: Clock,
    plan: Mapping[str, Any] | None = None,
) -> Run:
    learners = choose_learners(["baseline", *spec.learners] if spec.learners else None)
    draft = Draft(order.name, spec, source, order.options)
    with draft.kept_if_it_fails(workspace, trusted=plan is None):
        read = _read(source, order, clock, observer, plan)
        clock, draft.read_findings = read.clock, read.findings
        prepared = _prepare(read, spec, order, workspace, observer)
        _check_replay(plan, prepared)
        search = draft.search = Search(prepared, learners, clock, observer)
        _search(search, plan)
        choice = choose(search, observer, plan)
        prepared.notes.extend([*choice.passed_over, *of_the_search(search, choice.evaluated)])
        observer(Progress("packaging", choice.served.trial.learner, None, clock.left))
        cut = None if plan is None else frozenset(plan.get("late", ()))
        with workspace.staging() as staged:
            folder = staged / "bundle"
            folder.mkdir()
            packaged = package(folder, search, choice, Allotted(clock, cut))
            load(folder)
            finished = draft.finished(choice, packaged)
            record, promotion = _register(workspace, order, folder, packaged, finished, choice)
            draft.ended = True
    table = keep(read.frame, prepared.dataset_sha256, order.name, workspace) if order.keep else Table(None, [])
    candidates = [_candidate(trial, prepared.metric) for trial in sorted(search.trials, key=lambda t: t.loss)]
    champion = workspace.version(order.name).version
    return Run(
        draft.id,
        record,
        packaged.manifest,
        workspace.fetch(record),
        clock.elapsed,
        champion,
        prepared.notes,
        candidates,
        search.planned,
        [each.as_json() for each in search.given_up],
        search.interrupted,
        promotion,
        table.notes,
        prepared.answerer.about(),
    )


@dataclass(frozen=True)
class _Read:
    """A table as it was read, what was found out about its file, and the clock, which knows what writing will take."""

    frame: Frame
    findings: list[str]
    clock: Clock


def _read(source: Any, order: Order, clock: Clock, observer: Observer, plan: Mapping[str, Any] | None) -> _Read:
    observer(Progress("reading", name_of(source), None, clock.left))
    findings: list[str] = []
    begun = time.monotonic()
    frame = read_frame(source, order.options, findings)
    if plan is not None and "read_findings" in plan:  # a table that was kept tells nothing of the file it comes from
        findings = list(plan["read_findings"])
    # To keep a table takes about as long as to read it; and each of its rows is hashed.
    writing = clock.to_write + (time.monotonic() - begun if order.keep else 0.0) + _SECONDS_A_HASH * frame.height
    return _Read(frame, findings, replace(clock, to_write=writing))


def _prepare(read: _Read, spec: Spec, order: Order, workspace: Workspace, observer: Observer) -> Prepared:
    frame = read.frame
    observer(Progress("preparing", f"{frame.height} rows, {frame.width} columns", None, read.clock.left))
    prepared = prepare(frame, spec)
    _check_guess(order, spec, workspace)
    prepared.notes[:0] = read.findings
    return prepared


def _search(search: Search, plan: Mapping[str, Any] | None) -> None:
    """Try what can be tried in time, or what a recorded plan has tried."""
    if plan is not None:
        restore(search, plan)
        return
    if not search.prepared.spec.learners:
        for name, reason in broken_learners().items():
            search.add_failure(name, reason)
    search.run()


def model_name(source: Any) -> str:
    """A model's name made of a file's name, or that of a database; "model" for anything else."""
    if isinstance(source, (list, tuple)) and is_location(source):
        source = source[0]
    if not isinstance(source, (str, Path)):
        return "model"
    stem = str(source).rpartition("/")[2].split(".")[0].split("?")[0].lower()
    return re.sub(r"[^a-z0-9_]+", "-", stem).strip("-_")[:63] or "model"


def _check_guess(order: Order, spec: Spec, workspace: Workspace) -> None:
    """Raise SpecError if the name of a file is that of a model that predicts something else."""
    name = order.name
    if not order.guessed or name not in {model.name for model in workspace.models()}:
        return
    before = workspace.version(name)
    if before.target != spec.target or (spec.target is None and before.task != spec.task):
        other = model_name(f"{name}-{spec.target or spec.task}")
        predicts = before.target or before.task
        raise SpecError(f"the model {name!r} predicts {predicts!r}; give this one a --name of its own, such as {other}")


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


def _register(
    workspace: Workspace, order: Order, folder: Path, packaged: Packaged, run: RunRecord, choice: Choice
) -> tuple[VersionRecord, str]:
    """The new version, and what to say of its promotion."""
    details = details_of(packaged.manifest, run=run.id)
    served, key = choice.served.prepared, workspace.seen_key()
    learned = served.truth[served.split.train]
    seen = row_hashes(served.arrays, learned, key) if served.distinct else np.empty(0, dtype=np.uint64)
    promote = order.promote == "always"
    record = workspace.register(order.name, folder, details, promote=promote, run=run, seen=seen)
    champion = workspace.version(order.name)
    if order.promote != "if-better" or champion.version == record.version:
        return record, ""
    before = Named(order.name, champion.version, load(workspace.fetch(champion)), workspace.ports)
    new = Named(order.name, record.version, packaged.predictor)
    found = passes(new, packaged.predictions, choice.evaluated.prepared, before)
    if found.promote:
        workspace.set_alias(order.name, "champion", record.version)
    return record, found.note
