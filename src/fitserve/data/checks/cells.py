"""Single cells that the rest of the table contradicts, and levels that are spellings of one thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fitserve.data.checks.finding import Finding, warn
from fitserve.data.checks.table import CheckedTable
from fitserve.data.error_detection.spelling_variants import Spellings, find_spellings
from fitserve.features.category import level_counts
from fitserve.schema import Kind

_EXAMPLES = 3


def wrong_cells(table: CheckedTable) -> Iterator[Finding]:
    """Cells that are most likely wrong, with examples."""
    found = [cell for cell in table.wrong_cells if not cell.missing]
    if found:
        columns = list(dict.fromkeys(cell.column for cell in found))
        examples = [
            {"row": cell.row + 1, "column": cell.column, "reason": cell.reason}
            for cell in sorted(found, key=lambda cell: -cell.score)[:_EXAMPLES]
        ]
        yield warn("wrong_cells", columns, len(found), cells=[len(found), table.n_cells], examples=examples)


def spellings(table: CheckedTable) -> Iterator[Finding]:
    """Levels of a category that differ in spelling alone."""
    for field in table.fields:
        if field.kind is not Kind.CATEGORY:
            continue
        groups = find_spellings(level_counts(table.columns[field.name]))
        if groups:
            shown, more = shown_spellings(groups, _EXAMPLES)
            yield warn("spellings", [field.name], len(groups), groups=shown, more=more)


def shown_spellings(groups: Sequence[Spellings], most: int) -> tuple[list[dict[str, Any]], int]:
    """The first groups of texts that are one, for a finding, and how many more there are."""
    shown = [{"canonical": group.canonical, "variants": list(group.variants)} for group in groups[:most]]
    return shown, len(groups) - len(shown)
