"""One look at a table: what every column holds, how it goes along with the target, and what may be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.checks import check_table
from fitserve.data.checks.finding import Finding, note
from fitserve.data.checks.table import CheckedTable, as_numbers
from fitserve.data.error_detection.wrong_cells import WrongCell
from fitserve.data.understanding.choices import Choices, missing_column
from fitserve.data.understanding.table import understand
from fitserve.data.understanding.target import Target
from fitserve.data.views.view_page import view_fragment, view_page
from fitserve.errors import DataError, SpecError
from fitserve.faults import LeftOut
from fitserve.features.category import level_counts
from fitserve.features.column import Column, Numbers
from fitserve.messages import Message, render
from fitserve.schema import Field, Kind

_BINS, _LEVELS_SHOWN = 24, 12
_MAP_ROWS = 60


@dataclass(frozen=True)
class ColumnView:
    """One column. ``missing`` is a count; ``tells`` the share of the target that it tells by itself, if there is one.

    ``summary`` holds the figures of its kind. ``bins`` counts the values of a histogram whose ``edges`` are numbers
    (epoch seconds for dates, words for texts), or ``levels`` are given with their counts, the most frequent first.
    """

    name: str
    kind: Kind
    reason: str
    missing: int
    distinct: int
    summary: dict[str, Any]
    edges: Sequence[float] = ()
    bins: Sequence[int] = ()
    levels: Sequence[tuple[str, int]] = ()
    tells: float | None = None

    @property
    def heights(self) -> list[float]:
        """The bars of a small histogram, 0 to 1."""
        counts = [*self.bins] or [count for _, count in self.levels]
        highest = max(counts, default=0)
        return [count / highest for count in counts] if highest else []


@dataclass(frozen=True)
class TableView:
    """A table at a glance. ``gaps`` is its map of missing values: blocks of rows, each with a share for each column.

    ``cells`` are those that are most likely wrong.
    """

    name: str
    rows: int
    columns: list[ColumnView]
    findings: list[Finding]
    target: ColumnView | None = None
    task: str | None = None
    task_reason: str = ""
    gaps: Sequence[Sequence[float]] = ()
    gap_columns: Sequence[str] = ()
    cells: Sequence[WrongCell] = ()

    def as_json(self) -> dict[str, Any]:
        """What ``fitserve data --json`` prints."""
        return {
            "name": self.name,
            "rows": self.rows,
            "task": self.task,
            "task_reason": self.task_reason,
            "target": asdict(self.target) if self.target else None,
            "findings": [finding.as_json() for finding in self.findings],
            "columns": [asdict(column) for column in self.columns],
            "cells": [asdict(cell) for cell in self.cells],
        }

    def to_html(self) -> str:
        """The page, one file with everything inside."""
        return view_page(self)

    def _repr_html_(self) -> str:
        return view_fragment(self)


def view_table(
    frame: pl.DataFrame,
    name: str,
    target_name: str | None = None,
    task: str | None = None,
    findings: Sequence[str] = (),
) -> TableView:
    """Look at a table. ``findings`` are sentences that reading it gave.

    Raises SpecError for a target that is not there, DataError for one that cannot be predicted.
    """
    if target_name is not None and target_name not in frame.columns:
        raise SpecError(missing_column(target_name, frame.columns))
    table = understand(frame, Choices(target=target_name, task=task))
    found = table.columns()
    if not found.fields:
        raise DataError("no column is left to look at; give a table with more columns")
    checked = CheckedTable(table.frame, found.fields, found.columns, table.target)
    with np.errstate(all="ignore"):  # sums and squares of huge numbers are infinite, which says enough
        return _view(checked, (name, [*findings, *map(str, found.refused)]))


def _view(table: CheckedTable, read: tuple[str, Sequence[str]]) -> TableView:
    """The view of a table; ``told`` is the table's name, and sentences about it."""
    name, sentences = read
    target = table.target
    left_out = LeftOut()
    tells = left_out.attempt("what tells the target", lambda: table.explained) or {}
    columns = [_column_view(field, table.columns[field.name], tells.get(field.name)) for field in table.fields]
    gap_columns = [column.name for column in columns if column.missing]
    gaps = left_out.attempt("map of missing values", lambda: _gap_map(table, gap_columns)) or []
    cells = left_out.attempt("wrong cells", lambda: table.wrong_cells) or []
    missing = [Message("left_out", {"part": part, "reason": why}) for part, why in left_out.reasons.items()]
    return TableView(
        name,
        table.height,
        columns,
        [*(note("reading", [], text=each) for each in (*sentences, *missing)), *check_table(table)],
        _target_view(target) if target else None,
        target.task.name if target else None,
        render(target.reason) if target else "",
        gaps,
        gap_columns,
        cells,
    )


def _target_view(target: Target) -> ColumnView:
    """The target as it will be predicted: a label whatever it is spelled like, or a number."""
    field = target.field
    if target.classes is None:
        kind = field.kind if target.numbers is None else Kind.NUMBER
        return _column_view(replace(field, kind=kind), target.column, None)
    kind = Kind.BOOLEAN if field.kind is Kind.BOOLEAN else Kind.CATEGORY
    levels = list(target.counts.items())
    missing, summary = len(target.column) - len(target.known), {"most frequent": levels[0][0]}
    return ColumnView(
        target.name, kind, render(field.reason), missing, len(levels), summary, levels=levels[:_LEVELS_SHOWN]
    )


def _column_view(field: Field, column: Column, tells: float | None) -> ColumnView:
    missing = round(field.missing * len(column))
    base: dict[str, Any] = {
        "name": field.name,
        "kind": field.kind,
        "reason": render(field.reason),
        "missing": missing,
        "tells": tells,
    }
    if field.kind in (Kind.NUMBER, Kind.DATETIME):
        return _number_view(base, as_numbers(column, field.kind))
    if field.kind is Kind.TEXT or (field.kind is Kind.IDENTIFIER and not isinstance(column, Numbers)):
        return _text_view(base, column)
    counts = level_counts(column)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    summary = {"most frequent": ranked[0][0]} if ranked else {}
    if field.kind is Kind.IDENTIFIER:
        return _number_view(base, as_numbers(column, Kind.NUMBER))
    return ColumnView(**base, distinct=len(counts), summary=summary, levels=ranked[:_LEVELS_SHOWN])


def _number_view(base: dict[str, Any], values: NDArray[np.float64]) -> ColumnView:
    known = values[np.isfinite(values)]
    if not len(known):
        return ColumnView(**base, distinct=0, summary={})
    low, first, middle, third, high = np.quantile(known, [0, 0.25, 0.5, 0.75, 1]).tolist()
    distinct = len(np.unique(known))
    summary = {"min": low, "25 %": first, "median": middle, "75 %": third, "max": high}
    if base["kind"] is not Kind.DATETIME:
        summary |= {"mean": float(known.mean()), "sd": float(known.std())}
    bins, edges = _histogram(known, distinct)
    return ColumnView(**base, distinct=distinct, summary=summary, edges=edges.tolist(), bins=bins.tolist())


def _histogram(known: NDArray[np.float64], distinct: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and edges. Few whole numbers have a bar each; a far tail shares the outermost bars."""
    low, high = float(known.min()), float(known.max())
    if distinct <= _BINS and high - low == distinct - 1 and low == int(low):
        edges = np.arange(low - 0.5, high + 1)
        return np.histogram(known, edges)[0], edges
    inner = np.quantile(known, [0.005, 0.995])
    width = inner[1] - inner[0]
    low, high = max(low, inner[0] - width / 4), min(high, inner[1] + width / 4)
    if not np.isfinite(high - low) or high <= low:
        low, high = float(known.min()), float(known.max())
    if not np.isfinite(high - low) or high <= low:
        return np.array([len(known)]), np.array([low, high])
    edges = np.linspace(low, high, _BINS + 1)
    return np.histogram(np.clip(known, low, high), edges)[0], edges


def _text_view(base: dict[str, Any], column: Column) -> ColumnView:
    """Texts by their length in characters; no text itself, for it may be private."""
    counts = level_counts(column)
    lengths = np.array([len(text) for text in counts], dtype=np.float64)
    weights = np.array(list(counts.values()))
    if not len(lengths):
        return ColumnView(**base, distinct=0, summary={})
    every = np.repeat(lengths, weights)
    middle = float(np.median(every))
    bins, edges = _histogram(every, len(np.unique(every)))
    summary = {"median length": middle, "longest": float(every.max())}
    return ColumnView(**base, distinct=len(counts), summary=summary, edges=edges.tolist(), bins=bins.tolist())


def _gap_map(table: CheckedTable, names: Sequence[str]) -> list[list[float]]:
    """The share of missing values in blocks of rows, top to bottom, for some columns."""
    if not names:
        return []
    blocks = np.array_split(np.arange(len(table.sample)), min(_MAP_ROWS, len(table.sample)))
    values = [table.values[name] for name in names]
    gaps = np.stack([np.isnan(v) if v.dtype.kind == "f" else v == 0 for v in values], axis=1)
    return [[round(share, 3) for share in gaps[block].mean(axis=0).tolist()] for block in blocks]
