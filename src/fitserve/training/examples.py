"""Synthetic example rows, drawn from the profile of the training data and from nothing more private.

They are replayed at every load, warm a server up and stand in the API page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fitserve.features.category import CategoryStep
from fitserve.features.encoder import AnyStep, Encoder
from fitserve.features.moment import MomentStep, moment_text
from fitserve.features.number import BooleanStep, NumberStep
from fitserve.features.text import TextStep
from fitserve.schema import Field

_MOST_WITH_GAP, _MOST_WITH_EDGE, _MOST_THRESHOLDS = 8, 8, 12
_WORDS_OF_AN_EXAMPLE = 5
UNSEEN_LEVEL = "never seen in training"

Row = dict[str, Any]


def example_rows(encoder: Encoder, fields: Sequence[Field], thresholds: Mapping[int, Sequence[float]]) -> list[Row]:
    """The typical row first, then edges, thresholds, gaps and unseen levels, one change each."""
    profiles = {field.name: field.profile for field in fields}
    by_name = {step.field: step for step in encoder.steps}
    # The order of the table, not that of the arrays, is what people know.
    steps = [by_name[field.name] for field in fields if field.name in by_name]
    typical = {step.field: _value(step, profiles[step.field], 0.5) for step in steps}
    rows = [typical]
    rows.append({step.field: _value(step, profiles[step.field], 0.0) for step in steps})
    rows.append({step.field: _value(step, profiles[step.field], 1.0) for step in steps})
    for step in steps[:_MOST_WITH_EDGE]:
        rows.append({**typical, step.field: _value(step, profiles[step.field], 1.0)})
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


def _value(step: AnyStep, profile: Mapping[str, Any], place: float) -> Any:
    """A value of a field: ``place`` 0 is its low edge, 0.5 its middle or most frequent level, 1 its high edge."""
    if isinstance(step, BooleanStep):
        return place >= 0.5
    if isinstance(step, CategoryStep):
        if not step.levels:
            return None
        return step.levels[0] if place == 0.5 else step.levels[int(place * (len(step.levels) - 1))]
    if isinstance(step, TextStep):
        return _words(step, place)
    return _quantile(step, profile, place)


def _quantile(step: AnyStep, profile: Mapping[str, Any], place: float) -> Any:
    quantiles = profile.get("quantiles")
    if not quantiles:
        return None
    value = quantiles[round(place * (len(quantiles) - 1))]
    if isinstance(step, MomentStep):
        return moment_text(value)
    return int(value) if profile.get("whole") and abs(value) < 2**53 else value


def _words(step: TextStep, place: float) -> str:
    """A few words that many rows share: texts of real rows may be private."""
    words = [term for term in step.known_terms() if not term.startswith("~") and " " not in term]
    start = int(place * max(0, min(len(words), 60) - _WORDS_OF_AN_EXAMPLE))
    text = " ".join(words[start : start + _WORDS_OF_AN_EXAMPLE])
    # Chinese and Japanese are written without blanks, and each of their characters is a word here.
    return re.sub(r"(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])", "", text)
