"""Texts as weighted term ids, of which each row has its own number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks.base import Input, Rows


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

    def between(self, first: int, last: int) -> Ragged:
        """The entries of the rows from ``first`` to before ``last``, renumbered."""
        start, end = np.searchsorted(self.rows, [first, last])
        return Ragged(self.ids[start:end], self.rows[start:end] - first, self.weights[start:end])


@dataclass(frozen=True, slots=True)
class Terms:
    """The entries of n rows; the terms of several texts are numbered one behind the other."""

    entries: Ragged
    n: int
    name: ClassVar[str] = "terms"

    def __len__(self) -> int:
        return self.n

    def take(self, rows: Rows) -> Self:
        """The chosen rows."""
        if isinstance(rows, slice):
            first, last, _ = rows.indices(self.n)
            return type(self)(self.entries.between(first, last), max(last - first, 0))
        return type(self)(self.entries.take(rows), len(rows))

    def sizes(self) -> NDArray[np.int64]:
        """How many entries each row has."""
        return np.bincount(self.entries.rows, minlength=self.n)

    def part(self, place: slice) -> Ragged:
        """The entries of the terms in a range, numbered from 0."""
        own = self.entries
        mask = (own.ids >= place.start) & (own.ids < place.stop)
        return Ragged(own.ids[mask] - place.start, own.rows[mask], own.weights[mask])

    def with_part(self, place: slice, new: Ragged) -> Self:
        """The same rows with other entries for the terms in a range."""
        own = self.entries
        kept = (own.ids < place.start) | (own.ids >= place.stop)
        ids = np.concatenate([own.ids[kept], new.ids + place.start])
        rows = np.concatenate([own.rows[kept], new.rows])
        weights = np.concatenate([own.weights[kept], new.weights])
        order = np.argsort(rows, kind="stable")
        return type(self)(Ragged(ids[order], rows[order], weights[order]), self.n)

    @classmethod
    def stack(cls, rows: Sequence[Any], width: int) -> Self:
        """Rows of (term, weight) pairs."""
        del width
        lengths = [len(terms) for terms in rows]
        entries = Ragged(
            np.array([term for terms in rows for term, _ in terms], dtype=np.int64),
            np.repeat(np.arange(len(rows), dtype=np.int64), lengths),
            np.array([weight for terms in rows for _, weight in terms], dtype=np.float32),
        )
        return cls(entries, len(rows))

    @classmethod
    def join(cls, parts: Sequence[Any], widths: Sequence[int], n: int) -> Self:
        """The entries of several texts, row by row."""
        starts = np.cumsum([0, *widths])
        ids = np.concatenate([part.ids + start for part, start in zip(parts, starts, strict=False)])
        rows = np.concatenate([part.rows for part in parts])
        weights = np.concatenate([part.weights for part in parts])
        order = np.argsort(rows, kind="stable")
        return cls(Ragged(ids[order], rows[order], weights[order]), n)

    @classmethod
    def blank(cls, n: int, width: int, entries: int = 0) -> Self:
        """The first term, again and again."""
        del width
        rows = (np.arange(entries) * n // max(entries, 1)).astype(np.int64)
        return cls(Ragged(np.zeros(entries, np.int64), rows, np.ones(entries, np.float32)), n)

    def inputs(self) -> Mapping[str, NDArray[Any]]:
        """Ids, rows and weights."""
        return {"ids": self.entries.ids, "rows": self.entries.rows, "weights": self.entries.weights}

    @classmethod
    def signature(cls, width: int) -> Sequence[Input]:
        """Three vectors of one length."""
        del width
        return [("ids", "int64", ("m",)), ("rows", "int64", ("m",)), ("weights", "float32", ("m",))]
