"""The arrays that steps make and graphs take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Ragged:
    """Texts as weighted term ids: entry ``k`` adds ``weights[k]`` of term ``ids[k]`` to row ``rows[k]``.

    Shapes (m,), int64, int64, float32; rows ascend.
    """

    ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    weights: NDArray[np.float32]

    def take(self, chosen: NDArray[np.intp]) -> Ragged:
        """The entries of the chosen rows, renumbered in the order of ``chosen``."""
        n = int(self.rows[-1]) + 1 if len(self.rows) else 0
        starts = np.searchsorted(self.rows, np.arange(max(n, int(chosen.max(initial=-1)) + 1) + 1))
        counts = (starts[1:] - starts[:-1])[chosen]
        rows = np.repeat(np.arange(len(chosen)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        source = np.repeat(starts[chosen], counts) + within
        return Ragged(self.ids[source], rows.astype(np.int64), self.weights[source])


@dataclass(frozen=True, slots=True)
class Arrays:
    """What a model sees of n rows.

    ``dense`` float32 (n, D) with NaN where missing and never infinite; ``codes`` int32 (n, C): 0 missing,
    1 unseen, 2 and up the levels; ``text`` or None.
    """

    dense: NDArray[np.float32]
    codes: NDArray[np.int32]
    text: Ragged | None = None

    def __len__(self) -> int:
        return len(self.dense)

    def take(self, rows: NDArray[np.intp]) -> Arrays:
        """The chosen rows, by index."""
        text = self.text.take(rows) if self.text is not None else None
        return Arrays(self.dense[rows], self.codes[rows], text)

    def merged(self) -> NDArray[np.float32]:
        """Dense columns and codes side by side, (n, D + C): exact, for codes stay below 2^24."""
        return np.hstack([self.dense, self.codes.astype(np.float32)])
