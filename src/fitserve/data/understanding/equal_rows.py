"""Which rows of a table are copies of each other, and whether two tables are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.messages import AnyMessage, Message

_UNWRITABLE = (pl.List, pl.Array, pl.Struct, pl.Object, pl.Binary, pl.Duration)
# Inputs that are there so often are no copies: where their targets differ, and where these may be all alike.
_FEW_INPUTS, _OFTEN, _VERY_OFTEN = 50, 5, 20


def duplicate_groups(frame: pl.DataFrame) -> tuple[NDArray[np.int64], int]:
    """A group number for each row, equal for equal rows, and how many rows repeat an earlier one.

    Numbers are given in the order of the rows, so that a split does not depend on the types of the columns.
    """
    ranks = _plain(frame).select(pl.struct(pl.all()).rank("dense")).to_series().to_numpy()
    _, first, inverse = np.unique(ranks, return_index=True, return_inverse=True)
    numbers = np.empty(len(first), dtype=np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    return numbers[inverse], len(ranks) - len(first)


@dataclass(frozen=True, slots=True)
class EqualRows:
    """``groups`` (n,) of rows that must not be divided, and how many rows ``repeat`` an earlier one.

    ``combinations`` says how many different inputs there are where rows repeat because there are so few; there each
    row is a group of its own. 0 elsewhere.
    """

    groups: NDArray[np.int64]
    repeat: int
    combinations: int = 0

    @property
    def why(self) -> AnyMessage:
        """Why rows repeat where there are so few inputs; goes on from "there". "" elsewhere."""
        return Message("combinations", {"n": self.combinations}) if self.combinations else ""


def equal_rows(frame: pl.DataFrame, target: str) -> EqualRows:
    """Which rows are copies of each other; those with the same inputs go together where their targets differ, too.

    Were equal rows alone kept together there, a model would learn from the one answer to some inputs and be evaluated
    by the other. Where inputs are few and each is there many times, new rows will have the same inputs, too: these are
    no copies.
    """
    whole, repeat = duplicate_groups(frame)
    if not repeat or frame.width < 2:
        return EqualRows(whole, repeat)
    alike, n = duplicate_groups(frame.drop(target))[0], frame.height
    n_alike = int(alike.max()) + 1
    answers = np.bincount(alike[np.unique(whole, return_index=True)[1]], minlength=n_alike)
    differ = answers[alike] > 1
    few = n_alike <= _FEW_INPUTS and n >= _OFTEN * n_alike and differ.mean() >= 0.5
    if few or n >= _VERY_OFTEN * n_alike:
        return EqualRows(np.arange(n), repeat, n_alike)
    groups = np.where(differ, n + alike, whole)
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return EqualRows(np.argsort(np.argsort(first))[inverse], repeat)


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with lists and the like as texts: columns that are left out may hold anything."""
    odd = [series for series in frame if isinstance(series.dtype, _UNWRITABLE)]
    return frame.with_columns(
        [pl.Series(s.name, [None if value is None else repr(value) for value in s.to_list()], pl.String) for s in odd]
    )


def content_hash(frame: pl.DataFrame) -> str:
    """SHA-256 of a table's names, types and values, whatever it was read from."""
    digest = hashlib.sha256(repr([(name, str(dtype)) for name, dtype in frame.schema.items()]).encode())
    for part in _plain(frame).iter_slices(50_000):
        digest.update(part.write_csv(include_header=False).encode())
    return digest.hexdigest()
