"""``fitserve.profile``, for scripts and notebooks."""

from __future__ import annotations

from typing import Any

from fitserve.data.reading.read import ReadOptions, name_of, read_frame
from fitserve.data.views.table_view import TableView, view_table


def profile(
    source: Any, target: str | None = None, *, task: str | None = None, read: ReadOptions | None = None
) -> TableView:
    """Look at a table: its columns, what tells the target, and what may be wrong; a notebook shows it with charts.

    ``source`` is what `fitserve.train` takes. Raises a `fitserve.errors.UserError` with one line that says what to do.
    """
    found: list[str] = []
    frame = read_frame(source, read, found)
    return view_table(frame, name_of(source), target, task, found)
