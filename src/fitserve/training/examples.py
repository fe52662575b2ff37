"""Synthetic example rows, drawn from the profile of the training data and from nothing more private.

They are replayed at every load, warm a server up and stand in the API page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fitserve.features.encoder import Encoder
from fitserve.features.number import NumberStep
from fitserve.schema import Field

_MOST_WITH_GAP, _MOST_WITH_EDGE, _MOST_THRESHOLDS = 8, 8, 12
UNSEEN_LEVEL = "never seen in training"

Row = dict[str, Any]


def example_rows(encoder: Encoder, fields: Sequence[Field], thresholds: Mapping[int, Sequence[float]]) -> list[Row]:
    """The typical row first, then edges, thresholds, gaps and unseen levels, one change each."""
    profiles = {field.name: field.profile for field in fields}
    by_name = {step.field: step for step in encoder.steps}
    # The order of the table, not that of the arrays, is what people know.
    steps = [by_name[field.name] for field in fields if field.name in by_name]
    typical = {step.field: step.example(profiles[step.field], 0.5) for step in steps}
    rows = [typical]
    rows.append({step.field: step.example(profiles[step.field], 0.0) for step in steps})
    rows.append({step.field: step.example(profiles[step.field], 1.0) for step in steps})
    for step in steps[:_MOST_WITH_EDGE]:
        rows.append({**typical, step.field: step.example(profiles[step.field], 1.0)})
    rows.extend({**typical, step.field: None} for step in steps[:_MOST_WITH_GAP])
    rows.append(dict.fromkeys(typical))
    for step in encoder.codes[:_MOST_WITH_EDGE]:
        rows.append({**typical, step.field: UNSEEN_LEVEL})
    rows.extend(_threshold_rows(encoder, typical, thresholds))
    return rows


def _threshold_rows(encoder: Encoder, typical: Row, thresholds: Mapping[int, Sequence[float]]) -> list[Row]:
    """Rows whose value lies on a threshold of a tree, as near as a float64 comes to it."""
    rows = []
    column = 0
    for step in encoder.dense:
        if isinstance(step, NumberStep):
            for value in list(thresholds.get(column, ()))[:2]:
                restored = value / step.scale + step.offset
                if math.isfinite(restored):
                    rows.append({**typical, step.field: restored})
        column += step.width
    return rows[:_MOST_THRESHOLDS]
