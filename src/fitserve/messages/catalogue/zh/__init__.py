"""Chinese. What has no template here is said in English."""

from __future__ import annotations

from collections.abc import Mapping

from fitserve.messages.catalogue.zh import columns, rows, table, training

TEMPLATES: Mapping[str, str] = {**columns.TEMPLATES, **rows.TEMPLATES, **table.TEMPLATES, **training.TEMPLATES}
