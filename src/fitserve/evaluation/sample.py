"""A sample of rows that come in batches: the same whatever the batches are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.evaluation.case import MOST_ROWS


@dataclass
class Sample:
    """Some columns of at most `MOST_ROWS` rows, drawn at random.

    Every row gets a random number, and the rows with the smallest ones are kept.
    """

    columns: Sequence[str]
    seed: int = 0
    _seen: int = 0
    _parts: list[tuple[pl.DataFrame, NDArray[np.float64], NDArray[np.intp]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)

    def add(self, frame: pl.DataFrame) -> None:
        """Take some rows into account."""
        n = frame.height
        keys, places = self._rng.random(n), np.arange(self._seen, self._seen + n)
        self._seen += n
        self._parts.append((frame.select([name for name in self.columns if name in frame.columns]), keys, places))
        if sum(len(keys) for _, keys, _ in self._parts) > 2 * MOST_ROWS:
            self._prune()

    def rows(self) -> tuple[pl.DataFrame, NDArray[np.intp]]:
        """The rows and their places among all, in order."""
        self._prune()
        frames = [frame for frame, _, _ in self._parts]
        return _stacked(frames), np.concatenate([places for _, _, places in self._parts])

    def _prune(self) -> None:
        keys = np.concatenate([keys for _, keys, _ in self._parts])
        if len(keys) <= MOST_ROWS:
            return
        last = np.partition(keys, MOST_ROWS - 1)[MOST_ROWS - 1]
        kept = [(frame, own, places, own <= last) for frame, own, places in self._parts]
        self._parts = [(frame.filter(mask), own[mask], places[mask]) for frame, own, places, mask in kept]


def _stacked(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Frames below each other; columns whose types differ between them become texts."""
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    differing = [name for name in names if len({f.schema[name] for f in frames if name in f.columns} - {pl.Null}) > 1]
    as_text = [
        frame.with_columns([pl.col(name).cast(pl.String, strict=False) for name in differing if name in frame.columns])
        for frame in frames
    ]
    return pl.concat(as_text, how="diagonal_relaxed")
