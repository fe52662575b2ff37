"""All checks of a table, in the order in which people should read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from fitserve.data.checks import cells, columns, order, rows, target, values
from fitserve.data.checks.finding import Finding, in_order, note, warn
from fitserve.data.checks.table import CheckedTable
from fitserve.faults import LeftOut
from fitserve.messages import AnyMessage

Check = Callable[[CheckedTable], Iterable[Finding]]

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
    values.absurd_outliers,
    values.texts_for_gaps,
    values.levels_like_gaps,
)
"""What a training looks at, too: these decide whether its scores can be believed."""

ALL_CHECKS: tuple[Check, ...] = (
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


def check_table(table: CheckedTable, checks: Iterable[Check] | None = None) -> list[Finding]:
    """What the checks find (all, if none are named), the gravest first; of a check that fails, that it did and why."""
    found: list[Finding] = []
    left_out = LeftOut()
    with np.errstate(all="ignore"):  # squares of huge numbers are infinite, which says enough
        for check in ALL_CHECKS if checks is None else checks:
            found += left_out.attempt(check.__name__, partial(_found, check, table)) or []
    return in_order([*found, *(_failed(name, reason) for name, reason in left_out.reasons.items())])


def _found(check: Check, table: CheckedTable) -> list[Finding]:
    return list(check(table))


def _failed(name: str, reason: AnyMessage) -> Finding:
    """That a check could not be made; graver where its finding would have stopped a training."""
    check = name.replace("_", " ")
    if name in {each.__name__ for each in FOR_TRAINING}:
        return warn("check_failed", [], check=check, reason=reason, grave=True)
    return note("check_failed", [], check=check, reason=reason, grave=False)
