"""All checks of a table, in the order in which people should read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from fitserve.data.checks import cells, columns, order, rows, target, values
from fitserve.data.finding import Finding, in_order
from fitserve.data.sheet import Sheet

Check = Callable[[Sheet], Iterable[Finding]]

FOR_TRAINING: tuple[Check, ...] = (
    target.copies_of_the_target,
    target.sums_of_columns,
    target.spellings_of_labels,
    target.lost_targets,
    target.telling_gaps,
    target.too_telling_columns,
    target.rare_classes,
    target.imbalance,
    order.sorted_rows,
    values.infinities,
    values.texts_for_gaps,
    values.levels_like_gaps,
)
"""What a training looks at, too: these decide whether its scores can be believed."""

EVERY: tuple[Check, ...] = (
    *FOR_TRAINING,
    rows.conflicting_targets,
    order.groups,
    order.dates,
    order.running_numbers,
    order.drift,
    rows.few_rows,
    rows.duplicate_rows,
    rows.near_duplicate_rows,
    columns.missing_values,
    columns.missing_together,
    cells.wrong_cells,
    cells.spellings,
    values.zeros,
    values.placeholders,
    values.outliers,
    values.mixed_types,
    values.unreadable_values,
    values.doubtful_spellings,
    columns.constants,
    columns.nearly_constants,
    columns.identifiers,
    columns.duplicate_columns,
)


def check_sheet(sheet: Sheet, checks: Iterable[Check] = EVERY) -> list[Finding]:
    """What the checks find, the gravest first."""
    with np.errstate(all="ignore"):  # squares of huge numbers are infinite, which says enough
        return in_order([finding for check in checks for finding in check(sheet)])
