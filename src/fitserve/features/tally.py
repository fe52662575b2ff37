"""What is unusual about a whole column, counted: the receipt of bulk predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from fitserve.features.base import Notes
from fitserve.features.column import Coded, Column
from fitserve.features.encoder import Encoder
from fitserve.features.text import TextStep

# What a file cannot avoid (all its cells are texts) or what trees and scales are made for.
_NOT_COUNTED = frozenset(["coerced", "out_of_range"])


def tally(encoder: Encoder, table: Mapping[str, Column]) -> Counter[tuple[str, str]]:
    """How many rows of a table have which problem in which field: ``(field, code)`` to count.

    Columns of floats are read as they are and have none; texts are not looked at.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for step in encoder.steps:
        column = table.get(step.field)
        if isinstance(step, TextStep) or not isinstance(column, Coded):
            continue
        rows = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels)).tolist()
        for level, n_rows in zip(column.levels, rows, strict=True):
            notes: Notes = []
            step.row(level, [], notes)
            for note in notes:
                if n_rows and note.code not in _NOT_COUNTED:
                    counts[step.field, note.code] += n_rows
    return counts
