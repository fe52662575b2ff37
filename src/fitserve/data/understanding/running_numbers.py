"""Numbers that say where a row stands or what it is called, and nothing about it.

In a table that is sorted by its target such a number gives the target away, and means nothing for rows to come.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

FEWEST_ROWS = 20
_NAMES_ROWS = re.compile(r"(?:^|[\s_-])(?:id|key|uuid|guid)\s*$|[a-z]I[dD]\s*$|(?i:^(?:id|key|uuid|guid)$)")
_NUMBERS_ROWS = re.compile(
    r"(?:unnamed(?::\s?[0-9]+)?|index|level_0|_?c0|column_1|#|obs|observation|serial|"
    r"(?:row|rec|record|line|s|sl|sr)?[\s._-]*(?:id|no|nr|num|number|index)\.?|row|x\.1|序号|编号|行号)\s*\Z",
    re.IGNORECASE,
)
_LAST_NUMBER = r"([0-9]{1,15})[^0-9]*$"
# A part of the rows still counts up, with gaps.
_LARGEST_SPAN, _FEWEST_COUNTED = 1.5, 3


def names_rows(name: str) -> bool:
    """Whether a column is called like one that names its rows."""
    return bool(_NAMES_ROWS.search(name))


def numbers_rows(name: str) -> bool:
    """Whether a column is called like one that numbers its rows, or is not called at all."""
    return not name.strip() or bool(_NUMBERS_ROWS.match(name.strip()))


def is_counted(ascending: NDArray[Any]) -> bool:
    """Whether different whole numbers fill their range, as a running number does in whatever order."""
    return float(ascending[-1]) - float(ascending[0]) + 1 <= _LARGEST_SPAN * len(ascending)


def counts_up(values: NDArray[Any]) -> bool:
    """Whether numbers in the order of their rows go up, or down, in even steps; some rows may be left out."""
    if len(values) < _FEWEST_COUNTED or not np.isfinite(values).all():
        return False
    steps = np.diff(values.astype(np.float64))
    step = float(np.abs(steps).min())
    if step == 0 or not (bool((steps > 0).all()) or bool((steps < 0).all())):
        return False
    multiples = np.abs(steps) / step
    return bool(np.abs(multiples - np.rint(multiples)).max() < 1e-3) and multiples.sum() + 1 <= _LARGEST_SPAN * len(
        values
    )


def texts_count_up(series: pl.Series) -> bool:
    """Whether the last number in each text of a column counts up with the rows, as in A-001, A-002, A-003.

    Or once did: where the texts differ in that number alone, and these fill their range.
    """
    last = series.str.extract(_LAST_NUMBER).cast(pl.Int64, strict=False)
    if last.null_count():
        return False
    numbers = np.unique(last.to_numpy())
    alike = len(numbers) == len(series) and is_counted(numbers) and series.str.replace(_LAST_NUMBER, "").n_unique() == 1
    return alike or counts_up(last.to_numpy())
