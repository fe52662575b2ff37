"""The different texts of a column and where they stand: what the search for wrong cells works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.schema import MISSING_SPELLINGS

Ints = NDArray[np.int64]

MISSING = -1
_MOST_LEVELS = 100_000
_UNREADABLE = (pl.List, pl.Array, pl.Struct, pl.Object, pl.Binary, pl.Duration)


@dataclass(frozen=True)
class Levels:
    """A column as codes into its different texts, which stand in order; ``codes`` is -1 where nothing is known.

    ``column`` is the position in the table, ``counts`` how often each text occurs.
    """

    column: int
    name: str
    texts: list[str]
    codes: Ints
    counts: Ints

    @property
    def known(self) -> int:
        """Cells that hold something."""
        return int(self.counts.sum())

    def text(self, code: int) -> str | None:
        """The text of a code."""
        return None if code == MISSING else self.texts[code]


def levels_of(frame: pl.DataFrame) -> list[Levels]:
    """The columns that hold texts, numbers or dates, except those with more than 100,000 different values."""
    found = []
    for position, series in enumerate(frame.get_columns()):
        if isinstance(series.dtype, _UNREADABLE):
            continue
        if _too_many(series):
            continue
        found.append(_read(position, series.cast(pl.String)))
    return found


def _too_many(series: pl.Series) -> bool:
    return len(series) > _MOST_LEVELS and series.n_unique() > _MOST_LEVELS


def _read(position: int, series: pl.Series) -> Levels:
    distinct = series.drop_nulls().unique().sort()
    texts = distinct.to_list()
    codes = series.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64).fill_null(MISSING).to_numpy()
    held = np.array([text.strip().casefold() not in MISSING_SPELLINGS for text in texts], dtype=bool)
    renumbered = np.append(np.where(held, np.cumsum(held) - 1, MISSING), MISSING)
    codes = renumbered[codes]
    kept = [text for text, wanted in zip(texts, held, strict=True) if wanted]
    return Levels(position, series.name, kept, codes, np.bincount(codes[codes >= 0], minlength=len(kept)))
