"""Signs of life of the workers, and how often one was replaced, in memory that they share with their supervisor.

A worker's event loop counts its beats in its own place; a thread would go on counting while the loop hangs. Only the
supervisor counts replacements.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping, Sequence

# Why a worker was replaced: it ended by itself, or it gave no sign of life.
REASONS = ("ended", "hung")
_NUMBER = struct.Struct("d")


class Vitals:
    """The beginning of the shared memory: a number for each slot, then one for each reason."""

    def __init__(self, shared: mmap.mmap, n_slots: int) -> None:
        self._shared = shared
        self._n_slots = n_slots
        self._beats = struct.Struct(f"{n_slots}d")

    @staticmethod
    def size(n_slots: int) -> int:
        """Bytes of shared memory for so many workers."""
        return _NUMBER.size * (n_slots + len(REASONS))

    def beat(self, slot: int) -> None:
        """Say that the event loop of the worker in this slot turns."""
        self._add(slot)

    def beats(self) -> Sequence[float]:
        """The beats of each slot so far."""
        return self._beats.unpack_from(self._shared)

    def count_restart(self, reason: str) -> None:
        """Count a worker that is replaced."""
        self._add(self._n_slots + REASONS.index(reason))

    def restarts(self) -> Mapping[str, float]:
        """How many workers were replaced, by reason."""
        return {reason: self._read(self._n_slots + place) for place, reason in enumerate(REASONS)}

    def _read(self, place: int) -> float:
        [number] = _NUMBER.unpack_from(self._shared, place * _NUMBER.size)
        return float(number)

    def _add(self, place: int) -> None:
        _NUMBER.pack_into(self._shared, place * _NUMBER.size, self._read(place) + 1)
