"""Vega-Lite specifications of what a report says of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitserve.evaluation.vega import (
    INTERVAL,
    SHORT,
    Chart,
    Rows,
    chart,
    diagonal,
    layer,
    layers,
    quantity,
)
from fitserve.messages import Message

_MOST_FIGURES = 12
_FREE = {"zero": False}


def residual_charts(found: Mapping[str, Any], target: str) -> list[Chart]:
    """Predicted against actual, residuals, error by size."""
    pairs = [{"truth": t, "prediction": p, "residual": p - t} for t, p in found["pairs"]]
    ends = [value for pair in found["pairs"] for value in pair] or [0.0, 1.0]
    dots = {"type": "point", "filled": True, "opacity": 0.45, "size": 22}
    true, predicted = quantity("truth", f"true {target}", scale=_FREE), quantity("prediction", "predicted", scale=_FREE)
    off = quantity("residual", "predicted less true")
    zero = layer({"type": "rule", "strokeDash": [4, 4]}, y={"datum": 0})
    against = {"layer": [diagonal(min(ends), max(ends)), layer(dots, pairs, x=true, y=predicted)]}
    steps = quantity("from", "predicted less true", bin={"binned": True})
    bins = layer("bar", found["histogram"], x=steps, x2={"field": "to"}, y=quantity("rows", "rows"))
    return [
        _chart("predicted_actual", against),
        _chart("residuals", layers(pairs, layer(dots, x=predicted, y=off), zero)),
        _chart("residual_histogram", bins),
        _by_size(found["by_size"], target),
    ]


def _by_size(sizes: Rows, target: str) -> Chart:
    values = [{**each, "middle": each["from"] / 2 + each["to"] / 2} for each in sizes]
    x, error = quantity("middle", f"true {target}, in groups of equal size", scale=_FREE), "mean absolute error"
    tips = [*(quantity(name, format=SHORT) for name in ("from", "to", "error", "bias")), quantity("rows")]
    spec = layers(
        values,
        layer(INTERVAL, x=x, y=quantity("low", error), y2={"field": "high"}),
        layer({"type": "line", "point": True}, x=x, y=quantity("error", error), tooltip=tips),
    )
    return _chart("error_by_size", spec)


def _chart(name: str, spec: Mapping[str, Any]) -> Chart:
    return chart(name, Message(f"regression.{name}"), Message(f"regression.{name}.note"), spec)
