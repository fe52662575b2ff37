"""Counters and latencies of all workers, which they share with each other.

Each worker counts in plain Python and publishes its counts now and then; whichever worker is asked for ``/metrics``
adds up those of all. The counts of a worker outlive it, so that they never go back. The supervisor publishes how
often it has replaced a process.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fitserve.errors import printable
from fitserve.serving.shared_document import SharedDocument

# Those of the OpenTelemetry conventions for HTTP, begun earlier: a prediction takes well under 5 ms.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Label:
    """What one line of counts is about: a route and, where a model answers there, its task, name and version."""

    route: str
    task: str = ""
    model: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What is told of a model that is served."""

    model: str
    version: int
    learner: str
    sha256: str


@dataclass(slots=True)
class Counter:
    """Counts of answered requests: by status, predicted rows, warnings, seconds, and how many took how long."""

    codes: dict[int, int] = field(default_factory=lambda: {200: 0})
    rows: int = 0
    warnings: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def count(self, code: int, seconds: float) -> None:
        """Count one answered request."""
        codes = self.codes
        codes[code] = codes.get(code, 0) + 1
        self.seconds += seconds
        self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def add(self, other: Counter) -> None:
        """Add what another one has counted."""
        for code, count in other.codes.items():
            self.codes[code] = self.codes.get(code, 0) + count
        self.rows += other.rows
        self.warnings += other.warnings
        self.seconds += other.seconds
        self.buckets = [ours + theirs for ours, theirs in zip(self.buckets, other.buckets, strict=True)]


Counters = dict[Label, Counter]


class Telemetry:
    """One worker's counts, and the view on those of all.

    ``shared`` holds the counts of each worker, its own at the place ``slot``; ``replaced`` those of replaced processes.
    """

    def __init__(self, shared: Sequence[SharedDocument], slot: int, replaced: SharedDocument) -> None:
        self._own = shared[slot]
        self._others = [each for i, each in enumerate(shared) if i != slot]
        self._replaced = replaced
        self._counters = _read(self._own)
        self.models: Sequence[ServedModel] = ()

    def counter(self, label: Label) -> Counter:
        """The one that counts for a label."""
        return self._counters.setdefault(label, Counter())

    def publish(self) -> None:
        """Let the others see this worker's counts."""
        counts = [[asdict(label), asdict(counter)] for label, counter in self._counters.items()]
        self._own.write(json.dumps(counts).encode())

    def text(self) -> str:
        """The sum over all workers in Prometheus' text format (version 0.0.4).

        Own counts are published first, so that another worker that is asked next tells no lower ones.
        """
        self.publish()
        totals: Counters = {}
        for counters in (self._counters, *map(_read, self._others)):
            for label, counter in counters.items():
                totals.setdefault(label, Counter()).add(counter)
        lines = [*_info(self.models), *_lines(totals), *_restarts(json.loads(self._replaced.read() or b"{}"))]
        return "\n".join(lines) + "\n"


def _read(shared: SharedDocument) -> Counters:
    counts = json.loads(shared.read() or b"[]")
    return {Label(**label): _counter(counter) for label, counter in counts}


def _counter(document: dict[str, Any]) -> Counter:
    return Counter(**{**document, "codes": {int(code): count for code, count in document["codes"].items()}})


def _info(models: Iterable[ServedModel]) -> list[str]:
    lines = ["# HELP fitserve_model_info The models that are served.", "# TYPE fitserve_model_info gauge"]
    for each in models:
        of = f'model="{_quoted(each.model)}",version="{each.version}"'
        lines.append(f'fitserve_model_info{{{of},learner="{_quoted(each.learner)}",sha256="{each.sha256}"}} 1')
    return lines


def _restarts(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    lines = []
    for process, by_reason in counts.items():
        name = f"fitserve_{process}_restarts_total"
        lines += [f"# HELP {name} Processes that were replaced: {process}.", f"# TYPE {name} counter"]
        lines += [f'{name}{{reason="{reason}"}} {count}' for reason, count in by_reason.items()]
    return lines


def _names(label: Label) -> str:
    model = f'model="{_quoted(label.model)}",version="{label.version or ""}"'
    return f'route="{_quoted(label.route)}",task="{_quoted(label.task)}",{model}'


def _quoted(value: str) -> str:
    """A label's value; bundles and their files may have any name."""
    return printable(value).replace("\\", r"\\").replace('"', r"\"")


def _lines(totals: Counters) -> list[str]:
    lines = ["# HELP fitserve_requests_total Answered requests.", "# TYPE fitserve_requests_total counter"]
    for label, total in totals.items():
        codes = sorted(total.codes.items())
        lines += [f'fitserve_requests_total{{{_names(label)},code="{code}"}} {count}' for code, count in codes]
    rows = {label: total.rows for label, total in totals.items() if label.model}
    warnings = {label: total.warnings for label, total in totals.items() if label.model}
    for name, counts, summary in (
        ("fitserve_rows_total", rows, "Predicted rows."),
        ("fitserve_warnings_total", warnings, "Warnings about values of predicted rows."),
    ):
        lines += [f"# HELP {name} {summary}", f"# TYPE {name} counter"]
        lines += [f"{name}{{{_names(label)}}} {count}" for label, count in counts.items()]
    return lines + _histogram(totals)


def _histogram(totals: Counters) -> list[str]:
    name = "fitserve_request_duration_seconds"
    lines = [f"# HELP {name} From the request's last byte to the answer.", f"# TYPE {name} histogram"]
    for label, total in totals.items():
        so_far = 0
        for bound, count in zip((*map("{:g}".format, BUCKETS), "+Inf"), total.buckets, strict=True):
            so_far += count
            lines.append(f'{name}_bucket{{{_names(label)},le="{bound}"}} {so_far}')
        lines.append(f"{name}_sum{{{_names(label)}}} {total.seconds:.9g}")
        lines.append(f"{name}_count{{{_names(label)}}} {so_far}")
    return lines
