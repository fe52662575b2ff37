"""Vega-Lite specifications of what every report says; any Vega-Lite viewer draws them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitserve.evaluation.vega import (
    DOTS,
    INTERVAL,
    Chart,
    Rows,
    chart,
    layer,
    layers,
    nominal,
    quantity,
)
from fitserve.messages import Message

_MOST_FIGURES = 12
_FREE = {"zero": False}


def dependence_chart(found: Mapping[str, Any], answer: str) -> Chart:
    """The mean answer by the value of one column."""
    column, values = found["column"], found["points"]
    ordered = found["kind"] in ("number", "datetime")
    x = quantity("value", column, scale=_FREE)
    if found["kind"] == "datetime":
        values = [{**each, "value": each["value"] * 1000} for each in values]
        x["type"] = "temporal"
    if not ordered:
        names = list(dict.fromkeys(each["value"] for each in values))
        x = nominal("value", column, sort=names, axis={"labelAngle": -40, "labelLimit": 90})
    parts = []
    if "low" in values[0]:
        spread: dict[str, Any] = {"type": "area", "opacity": 0.18} if ordered else {**INTERVAL, "opacity": 0.5}
        parts.append(layer(spread, x=x, y=quantity("low", answer, scale=_FREE), y2={"field": "high"}))
    colour = nominal("label", "") if "label" in values[0] else {}
    mark = {"type": "line", "point": True} if ordered else DOTS
    parts.append(layer(mark, x=x, y=quantity("mean", answer, scale=_FREE), color=colour))
    return chart(f"dependence of {column}", column, "", layers(values, *parts, height=200))


def learning_chart(points: Rows, metric: str) -> Chart:
    """The score by the number of training rows."""
    x, y = quantity("rows", "training rows"), quantity("score", metric, scale=_FREE)
    band = layer(INTERVAL, x=x, y=quantity("low", metric, scale=_FREE), y2={"field": "high"})
    spec = layers(points, band, layer({"type": "line", "point": True}, x=x, y=y))
    return chart("learning_curve", Message("chart.learning_curve"), Message("chart.learning_curve.note"), spec)
