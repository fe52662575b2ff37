"""What is unusual about a whole table, counted: the receipt of bulk predictions, in the words of single ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fitserve import schema
from fitserve.features.base import Notes, Step
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.encoder import Encoder
from fitserve.features.missing import said_missing
from fitserve.features.moment import MomentStep
from fitserve.features.number import BooleanStep, NumberStep
from fitserve.features.spelling import DAY_FIRST
from fitserve.features.text import TextStep

# What a file cannot avoid: all cells of a text file are texts.
_NOT_COUNTED = frozenset(["coerced"])


def tally(encoder: Encoder, table: Mapping[str, Column]) -> Counter[tuple[str, str]]:
    """How many rows of a table have which problem in which field: ``(field, code)`` to count.

    A row has the problems that a service would name for it, except those of columns that are not there at all.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for step in encoder.steps:
        column = table.get(step.field)
        if column is None:
            continue
        if step.field in encoder.missing_as:
            column = said_missing(column, encoder.missing_as[step.field])
        found = _of_numbers(step, column) if isinstance(column, Numbers) else _of_levels(step, column)
        for code, n_rows in found.items():
            if n_rows and code not in _NOT_COUNTED:
                counts[step.field, code] += n_rows
    return counts


def _of_levels(step: Step, column: Coded) -> Counter[str]:
    """Problems of each level, as often as it occurs."""
    rows = np.bincount(column.codes + 1, minlength=len(column.levels) + 1).tolist()
    counts: Counter[str] = Counter()
    if isinstance(step, MomentStep) and column.spelling:  # its dates are read so, whatever training learned
        step = replace(step, day_first=column.spelling == DAY_FIRST)
    for level, n_rows in zip([None, *column.levels], rows, strict=True):
        if n_rows:
            counts.update(dict.fromkeys(_codes(step, level), n_rows))
    return counts


def _codes(step: Step, level: object) -> list[str]:
    notes: Notes = []
    if isinstance(step, TextStep):
        # The terms of a text tell nothing here and cost most of the work.
        step.row(level if schema.is_no_text(level) else "a", [], notes)
        return [note.code for note in notes]
    step.row(level, [], notes)
    return [note.code for note in notes]


def _of_numbers(step: Step, column: Numbers) -> Counter[str]:
    """The same of a column of floats, whose values are too many to be asked about one by one."""
    values = column.values
    missing = np.isnan(values)
    counts: Counter[str] = Counter()
    if missing.any():
        counts.update(dict.fromkeys(_codes(step, None), int(missing.sum())))
    if not isinstance(step, (NumberStep, MomentStep, BooleanStep)):
        levels, rows = np.unique(values[~missing], return_counts=True)
        for level, n_rows in zip(levels.tolist(), rows.tolist(), strict=True):
            counts.update(dict.fromkeys(_codes(step, level), n_rows))
        return counts
    if isinstance(step, BooleanStep):
        counts["not_a_boolean"] = int((~missing & (values != 0) & (values != 1)).sum())
        return counts
    low, high = (schema.FIRST_MOMENT, schema.LAST_MOMENT) if isinstance(step, MomentStep) else (-np.inf, np.inf)
    readable = (values >= low) & (values <= high)
    counts["not_a_datetime"] = int((~readable & ~missing).sum())
    infinite = readable & np.isinf(values)
    counts["infinite_value"] = int(infinite.sum())
    above = values > step.high if not step.is_in_range(np.inf) else np.zeros(len(values), dtype=bool)
    counts["out_of_range"] = int((readable & ~infinite & ((values < step.low) | above)).sum())
    return counts
