"""Counters and latencies of all workers, in memory that they share.

Each worker counts in plain Python lists and copies them into its own slot now and then; whichever worker is
asked for ``/metrics`` adds the slots up. A slot outlives its worker, so that counts never go back.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from fitserve.errors import printable
from fitserve.serving.vitals import Vitals

# Those of the OpenTelemetry conventions for HTTP, begun earlier: a prediction takes well under 5 ms.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CODES = (200, 307, 400, 401, 404, 405, 413, 415, 422, 431, 500, 503)
_ROWS, _WARNINGS, _SUM = len(CODES), len(CODES) + 1, len(CODES) + 2
_FIRST_BUCKET = _SUM + 1
WIDTH = _FIRST_BUCKET + len(BUCKETS) + 1
_CODE_PLACE = {code: place for place, code in enumerate(CODES)}
_UNFORESEEN = _CODE_PLACE[500]


@dataclass(frozen=True, slots=True)
class Label:
    """What one line of counts is about; model "" stands for everything that is not a prediction."""

    model: str
    version: int
    learner: str = ""
    sha256: str = ""


class Telemetry:
    """One worker's counts, and the view on those of all. The memory begins with the workers' signs of life."""

    def __init__(self, shared: mmap.mmap, slot: int, n_slots: int, labels: Sequence[Label]) -> None:
        self.vitals = Vitals(shared, n_slots)
        self._shared = shared
        self._labels = labels
        self._format = f"{WIDTH * len(labels)}d"
        slot_bytes = struct.calcsize(self._format)
        self._starts = [Vitals.size(n_slots) + i * slot_bytes for i in range(n_slots)]
        self._start = self._starts[slot]
        flat = struct.unpack_from(self._format, shared, self._start)
        self._counts = [list(flat[i * WIDTH : (i + 1) * WIDTH]) for i in range(len(labels))]

    @staticmethod
    def size(n_slots: int, n_labels: int) -> int:
        """Bytes of shared memory for so many workers and labels."""
        return Vitals.size(n_slots) + 8 * WIDTH * n_slots * n_labels

    def count(self, label: int, code: int, seconds: float, rows: int = 0, warnings: int = 0) -> None:
        """Count one answered request."""
        counts = self._counts[label]
        counts[_CODE_PLACE.get(code, _UNFORESEEN)] += 1
        counts[_ROWS] += rows
        counts[_WARNINGS] += warnings
        counts[_SUM] += seconds
        counts[_FIRST_BUCKET + bisect_left(BUCKETS, seconds)] += 1

    def publish(self) -> None:
        """Copy this worker's counts into its slot."""
        struct.pack_into(self._format, self._shared, self._start, *(n for counts in self._counts for n in counts))

    def text(self) -> str:
        """The sum over all workers in Prometheus' text format (version 0.0.4)."""
        self.publish()
        totals = [[0.0] * WIDTH for _ in self._labels]
        for start in self._starts:
            flat = struct.unpack_from(self._format, self._shared, start)
            for i, total in enumerate(totals):
                for place in range(WIDTH):
                    total[place] += flat[i * WIDTH + place]
        lines = [*_info(self._labels), *_lines(self._labels, totals), *_restarts(self.vitals)]
        return "\n".join(lines) + "\n"


def _info(labels: Sequence[Label]) -> list[str]:
    lines = ["# HELP fitserve_model_info The models that are served.", "# TYPE fitserve_model_info gauge"]
    for label in labels:
        if label.model:
            told = f'learner="{_quoted(label.learner)}",sha256="{label.sha256}"'
            lines.append(f"fitserve_model_info{{{_names(label)},{told}}} 1")
    return lines


def _restarts(vitals: Vitals) -> list[str]:
    name = "fitserve_worker_restarts_total"
    lines = [f"# HELP {name} Workers that were replaced.", f"# TYPE {name} counter"]
    return lines + [f'{name}{{reason="{reason}"}} {count:.0f}' for reason, count in vitals.restarts().items()]


def _names(label: Label) -> str:
    return f'model="{_quoted(label.model)}",version="{label.version or ""}"'


def _quoted(value: str) -> str:
    """A label's value; bundles and their files may have any name."""
    return printable(value).replace("\\", r"\\").replace('"', r"\"")


def _lines(labels: Sequence[Label], totals: Sequence[Sequence[float]]) -> list[str]:
    lines = ["# HELP fitserve_requests_total Answered requests.", "# TYPE fitserve_requests_total counter"]
    for label, total in zip(labels, totals, strict=True):
        for code, place in _CODE_PLACE.items():
            if total[place] or code == 200:
                lines.append(f'fitserve_requests_total{{{_names(label)},code="{code}"}} {total[place]:.0f}')
    for name, place, told in (
        ("fitserve_rows_total", _ROWS, "Predicted rows."),
        ("fitserve_warnings_total", _WARNINGS, "Warnings about values of predicted rows."),
    ):
        lines += [f"# HELP {name} {told}", f"# TYPE {name} counter"]
        lines += [
            f"{name}{{{_names(label)}}} {total[place]:.0f}"
            for label, total in zip(labels, totals, strict=True)
            if label.model
        ]
    return lines + _histogram(labels, totals)


def _histogram(labels: Sequence[Label], totals: Sequence[Sequence[float]]) -> list[str]:
    name = "fitserve_request_duration_seconds"
    lines = [f"# HELP {name} From the request's last byte to the answer.", f"# TYPE {name} histogram"]
    for label, total in zip(labels, totals, strict=True):
        so_far = 0.0
        for i, bound in enumerate((*BUCKETS, float("inf"))):
            so_far += total[_FIRST_BUCKET + i]
            shown = "+Inf" if bound == float("inf") else f"{bound:g}"
            lines.append(f'{name}_bucket{{{_names(label)},le="{shown}"}} {so_far:.0f}')
        lines.append(f"{name}_sum{{{_names(label)}}} {total[_SUM]:.9g}")
        lines.append(f"{name}_count{{{_names(label)}}} {so_far:.0f}")
    return lines
