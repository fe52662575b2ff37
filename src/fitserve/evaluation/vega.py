"""The words of Vega-Lite that the charts of a report are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitserve.messages import AnyMessage, stored

Chart = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]
GREY, GREEN = "#8a94a3", "#1c8a5a"
SHORT = ",.4~r"
DOTS = {"type": "point", "filled": True, "size": 60}
INTERVAL = {"type": "rule", "strokeWidth": 1.5}


def chart(name: str, title: AnyMessage, note: AnyMessage, spec: Mapping[str, Any]) -> Chart:
    """A chart of a report: its name, what stands above and below it, and its specification."""
    return {"name": name, "title": stored(title), "note": stored(note), "spec": dict(spec)}


def quantity(field: str, title: str | None = None, **more: Any) -> dict[str, Any]:
    """An axis of numbers."""
    return {"field": field, "type": "quantitative", **({} if title is None else {"title": title}), **more}


def nominal(field: str, title: str | None = None, **more: Any) -> dict[str, Any]:
    """An axis, or a colour, of names."""
    return {"field": field, "type": "nominal", **({} if title is None else {"title": title}), **more}


def share(field: str, title: str) -> dict[str, Any]:
    """An axis from 0 to 1 in percent."""
    return quantity(field, title, axis={"format": "%"}, scale={"domain": [0, 1]})


def layer(mark: Any, values: Rows | None = None, **encoding: Any) -> dict[str, Any]:
    """A mark with its encoding, and data of its own if need be."""
    own = {} if values is None else {"data": {"values": list(values)}}
    return {**own, "mark": mark, "encoding": {name: each for name, each in encoding.items() if each}}


def layers(values: Rows, *parts: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Layers over the same data."""
    return {"data": {"values": list(values)}, "layer": list(parts), **more}


def diagonal(low: float = 0.0, high: float = 1.0) -> dict[str, Any]:
    """A dashed line from corner to corner."""
    mark = {"type": "line", "strokeDash": [4, 4], "color": GREY, "strokeWidth": 1, "tooltip": False}
    return layer(mark, [{"a": low, "b": low}, {"a": high, "b": high}], x=quantity("a"), y=quantity("b"))


def interval_chart(
    words: tuple[str, AnyMessage, AnyMessage], values: Rows, axis: str, *, zero: bool = True, grey: bool = False
) -> Chart:
    """Bars, or points, with intervals: rows of ``what``, ``value``, ``low``, ``high``; ``words`` go to `chart`."""
    y = nominal("what", "", sort=[each["what"] for each in values], axis={"labelLimit": 240})
    bar: dict[str, Any] = {"type": "bar", "height": {"band": 0.6}, "opacity": 0.75}
    mark = bar if zero else {**DOTS, "size": 70}
    spec = layers(
        values,
        layer({**mark, "color": GREY} if grey else mark, y=y, x=quantity("value", axis, scale={"zero": zero})),
        layer(INTERVAL, y=y, x=quantity("low", axis), x2={"field": "high"}),
        encoding={"tooltip": [nominal("what", ""), *(quantity(end, format=SHORT) for end in ("value", "low", "high"))]},
        height=24 * max(len(values), 2) + 10,
    )
    return chart(*words, spec)
