"""What a workspace remembers of a training: everything that repeats it, or why it has failed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from fitserve.data.reading.read import ReadOptions, recorded
from fitserve.errors import SpecError, in_a_line
from fitserve.messages import stored
from fitserve.store import RunRecord, Workspace
from fitserve.store.records import Status, now
from fitserve.training.choosing import Choice
from fitserve.training.package import Packaged
from fitserve.training.search import GivenUp, Search
from fitserve.training.spec import Spec
from fitserve.training.trial import Trial


@dataclass
class Draft:
    """The record of a training that goes on; ``search`` is there once it has begun."""

    model: str
    spec: Spec
    source: Any
    read: ReadOptions
    id: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}")
    started: str = field(default_factory=now)
    search: Search | None = None
    read_findings: Sequence[str] = ()
    ended: bool = False

    def finished(self, choice: Choice, packaged: Packaged) -> RunRecord:
        """The run with all that repeats it."""
        assert self.search is not None
        plan = {
            **self._plan(),
            "chosen": self.search.trials.index(choice.evaluated.trial),
            "effort": choice.evaluated.effort,
            "passed_over": stored(choice.passed_over),
            "refitted": choice.refitted,
            "not_refitted": stored(choice.not_refitted),
            "late": list(packaged.late),
            "sha256": packaged.sha256,
        }
        return self._record("finished", plan)

    @contextmanager
    def kept_if_it_fails(self, workspace: Workspace, *, trusted: bool) -> Iterator[None]:
        """Record a failure of the block as a run, with its reason in the plan, and raise it.

        A command that is wrong by itself (SpecError) is no run. ``trusted`` false: only once the search has begun, for
        before that a replay may be refused. Whatever happens to the record, it is the first error that is raised.
        """
        try:
            yield
        except BaseException as error:
            begun = self.search is not None or (trusted and not isinstance(error, SpecError))
            if begun and not self.ended:
                # Ctrl-C just as the block is entered or left closes this generator instead of reaching it.
                interrupted = isinstance(error, (KeyboardInterrupt, GeneratorExit))
                reason = "interrupted" if interrupted else in_a_line(error)
                with suppress(Exception):
                    plan = {**self._plan(), "reason": reason}
                    workspace.save_run(self._record("cancelled" if interrupted else "failed", plan))
            raise

    def _record(self, status: Status, plan: Mapping[str, Any]) -> RunRecord:
        return RunRecord(self.id, self.model, status, self.started, now(), plan.get("dataset_sha256", ""), plan)

    def _plan(self) -> dict[str, Any]:
        """As much of the plan as is known, as JSON."""
        plan: dict[str, Any] = {
            "spec": self.spec.as_json(),
            "source": recorded(self.source, self.read),
            "read": asdict(self.read),
            "read_findings": list(self.read_findings),
        }
        search = self.search
        if search is None:
            return plan
        return {
            **plan,
            "dataset_sha256": search.prepared.dataset_sha256,
            "threads": search.fitting.threads,
            "given_up": [each.as_json() for each in search.given_up],
            "interrupted": search.interrupted,
            "entries": search.planned,
            "refused": search.refusals,
            "failures": search.failures,
            "trials": [_as_json(trial) for trial in search.trials],
        }


def restore(search: Search, plan: Mapping[str, Any]) -> None:
    """Make the trials of a recorded plan again, and let the rest of the search be what it was."""
    search.fitting.threads = int(plan["threads"])
    search.given_up = [GivenUp.from_json(each) for each in plan.get("given_up", [])]
    search.planned, search.refusals = list(plan.get("entries", [])), dict(plan.get("refused", search.refusals))
    search.failures = {name: list(reasons) for name, reasons in plan.get("failures", {}).items()}
    search.repeat(plan["trials"])


def _as_json(trial: Trial) -> dict[str, Any]:
    return replace(trial, loss=trial.loss if np.isfinite(trial.loss) else 1e308).as_json()
