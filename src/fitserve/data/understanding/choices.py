"""What a user may say of columns: their kinds, their spellings, the texts that mean that there is no value."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from fitserve.errors import SpecError
from fitserve.features.missing import is_said_missing, read_said
from fitserve.features.spelling import SPELLINGS
from fitserve.schema import Kind


@dataclass(frozen=True)
class Choices:
    """The user's word about a table.

    By column: ``kinds``, ``spellings``, and in ``missing`` the values that mean that there is none. ``target`` names
    the column to predict; a ``task`` makes examples of the columns of its ``roles``, None where each row is one as it
    is. ``exclude`` names columns to leave out, ``time`` the one by which rows are in order, ``group`` the one whose
    rows belong together, ``weight`` the one that says how much a row counts. ``shuffle`` asks for no order.
    """

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, frozenset[str]] = field(default_factory=dict)
    target: str | None = None
    task: str | None = None
    roles: Mapping[str, str] | None = None
    exclude: Sequence[str] = ()
    time: str | None = None
    group: str | None = None
    weight: str | None = None
    shuffle: bool = False


def read_choices(
    kinds: Mapping[str, str],
    spellings: Mapping[str, str],
    missing: Mapping[str, Sequence[str]],
    known: list[str],
) -> Choices:
    """The choices for a table with some columns; raises SpecError for an unknown column, kind or spelling."""
    for name in (*kinds, *spellings, *missing):
        if name not in known:
            raise SpecError(missing_column(name, known))
    for spelling in spellings.values():
        if spelling not in SPELLINGS:
            raise SpecError(f"no column is spelled {spelling!r}; choose from {', '.join(map(repr, SPELLINGS))}")
    said = {name: read_said(texts) for name, texts in missing.items()}
    return Choices(parse_kinds(kinds, known), spellings, said)


def parse_kinds(columns: Mapping[str, str], known: list[str]) -> dict[str, Kind]:
    """The user's choice of kinds; raises SpecError for an unknown column or kind."""
    chosen = {}
    for name, kind in columns.items():
        if name not in known:
            raise SpecError(missing_column(name, known))
        if kind not in list(Kind):
            raise SpecError(f"there is no kind {kind!r}; choose from {', '.join(Kind)}")
        chosen[name] = Kind(kind)
    return chosen


def without_missing(frame: pl.DataFrame, missing: Mapping[str, frozenset[str]]) -> pl.DataFrame:
    """The frame with gaps for the values that the user has said to mean them."""
    for name, said in missing.items():
        series = frame[name]
        distinct = series.unique().to_list()
        gone = [value for value in distinct if value is not None and is_said_missing(value, said)]
        if gone:
            mask = series.is_in(pl.Series(gone, dtype=series.dtype).implode()).fill_null(False)
            frame = frame.with_columns(series.set(mask, None))
    return frame


def missing_column(name: str, known: list[str]) -> str:
    """The message for a column that is not there, with the nearest names."""
    near = _nearest(name, known)
    if near:
        return f"there is no column {name!r}; did you mean {' or '.join(map(repr, near))}?"
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return f"there is no column {name!r}; there are {', '.join(map(repr, known[:12]))}{more}"


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    """Up to three of some names that may be meant."""
    folded: dict[str, str] = {}
    for column in known:
        folded.setdefault(column.casefold(), column)
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    near += [column for column in folded if len(name) > 2 and name.casefold() in column and column not in near]
    return [folded[key] for key in near[:3]]
