"""English. A code without a template here is a mistake."""

from __future__ import annotations

from collections.abc import Mapping

from fitserve.messages.catalogue.en import columns, rows, table, training

TEMPLATES: Mapping[str, str] = {**columns.TEMPLATES, **rows.TEMPLATES, **table.TEMPLATES, **training.TEMPLATES}
