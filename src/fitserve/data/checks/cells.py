"""Single cells that the rest of the table contradicts, and levels that are spellings of one thing."""

from __future__ import annotations

from collections.abc import Iterator

from fitserve.data.checks.finding import Finding, named, share, shortened, warn
from fitserve.data.checks.table import CheckedTable
from fitserve.data.error_detection.spelling_variants import find_spellings
from fitserve.features.category import level_counts
from fitserve.schema import Kind

_EXAMPLES = 3


def wrong_cells(table: CheckedTable) -> Iterator[Finding]:
    """Cells that are most likely wrong, with examples."""
    found = [cell for cell in table.wrong_cells if not cell.missing]
    if found:
        columns = list(dict.fromkeys(cell.column for cell in found))
        examples = "; ".join(
            f"row {cell.row + 1}, {shortened(cell.column)}: {shortened(cell.reason)}"
            for cell in sorted(found, key=lambda cell: -cell.score)[:_EXAMPLES]
        )
        message = f"{share(len(found), table.n_cells)} cells are most likely wrong, in {named(columns)} ({examples})"
        yield warn("wrong_cells", columns, message, "--json lists them all, with what should be there", len(found))


def spellings(table: CheckedTable) -> Iterator[Finding]:
    """Levels of a category that differ in spelling alone."""
    for field in table.fields:
        if field.kind is not Kind.CATEGORY:
            continue
        groups = find_spellings(level_counts(table.columns[field.name]))
        if groups:
            told = "; ".join(f"{group.canonical!r} is also {named(group.variants, 3)}" for group in groups[:_EXAMPLES])
            more = f"; and {len(groups) - _EXAMPLES} more" if len(groups) > _EXAMPLES else ""
            message = f"column {field.name!r} spells the same level in several ways: {told}{more}"
            yield warn("spellings", [field.name], message, "if they are one, make them one in the table", len(groups))
