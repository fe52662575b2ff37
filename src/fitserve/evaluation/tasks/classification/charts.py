"""Vega-Lite specifications of what a report says of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitserve.evaluation.vega import (
    DOTS,
    GREEN,
    GREY,
    INTERVAL,
    Chart,
    Rows,
    chart,
    diagonal,
    layer,
    layers,
    nominal,
    quantity,
    share,
)
from fitserve.messages import Message

_MOST_FIGURES = 12
_FREE = {"zero": False}


def confusion_chart(found: Mapping[str, Any]) -> Chart:
    """The confusion matrix."""
    labels = found["labels"]
    values = [{"true": t, "predicted": p, "rows": n, "share": s} for t, p, n, s in found["cells"]]
    angle = 0 if len(labels) <= 3 else -40 if len(labels) <= _MOST_FIGURES else -90
    colour = quantity("share", legend=None, scale={"domain": [0, 1], "range": ["#e8eff7", "#2f6fb3"]})
    tips = [nominal("true"), nominal("predicted"), quantity("rows"), quantity("share", format=".1%")]
    parts = [layer("rect", color=colour, tooltip=tips)]
    if len(labels) <= _MOST_FIGURES:
        ink = {"condition": {"test": "datum.share > 0.75", "value": "white"}, "value": "#1f2933"}
        parts.append(layer({"type": "text", "tooltip": False}, text=quantity("rows"), color=ink))
    some = {"shown": len(labels), "labels": found["of_labels"], "some": found["of_labels"] > len(labels)}
    place = {
        "x": nominal("predicted", "predicted", sort=labels, axis={"labelLimit": 110, "labelAngle": angle}),
        "y": nominal("true", "true", sort=labels, axis={"labelLimit": 110}),
    }
    spec = layers(values, *parts, encoding=place, height=max(140, min(26 * len(labels) + 40, 520)))
    return _chart("confusion", spec, some)


def curve_charts(found: Mapping[str, Any], two: bool) -> list[Chart]:
    """ROC and precision-recall."""
    roc, precision = (
        [{"label": label, "x": x, "y": y} for label, x, y in found[name]] for name in ("roc", "precision_recall")
    )
    colour = {} if two else nominal("label", "")
    some = {"some": not two and found["of_labels"] > 6}
    false, true = share("x", "false alarms, of the negative rows"), share("y", "found, of the positive rows")
    recall, right = share("x", "recall: found, of the positive rows"), share("y", "precision: right, of those called")
    return [
        _chart("roc", {"layer": [diagonal(), layer("line", roc, x=false, y=true, color=colour)]}, some),
        _chart("precision_recall", layer("line", precision, x=recall, y=right, color=colour), some),
    ]


def calibration_chart(found: Mapping[str, Any], two: bool) -> Chart:
    """Said and happened."""
    x, y, low = share("said", "probability said"), share("happened", "happened"), share("low", "happened")
    tips = [quantity("said", format=".1%"), quantity("happened", format=".1%"), quantity("rows")]
    points = layers(
        found["bins"], layer(INTERVAL, x=x, y=low, y2={"field": "high"}), layer(DOTS, x=x, y=y, tooltip=tips)
    )
    figures = {"two": two, "error": found["error"], "known": found["error"] is not None}
    return _chart("calibration", {"layer": [diagonal(), points]}, figures)


def gain_charts(values: Rows) -> list[Chart]:
    """Gain and lift."""
    x = share("share", "of all rows, the most likely first")
    gain = layer("line", values, x=x, y=share("found", "of the positive rows found"))
    lift = layer("line", values, x=x, y=quantity("lift", "times as many as by chance"))
    return [
        _chart("gain", {"layer": [diagonal(), gain]}),
        _chart("lift", lift),
    ]


def threshold_chart(found: Mapping[str, Any], positive: str) -> Chart:
    """The threshold explorer: costs of a false alarm and of a miss, and a threshold, are the reader's."""
    n, own = max(found["rows"], 1), found["own"]
    cost = f"(datum.false_alarms * false_alarm_costs + datum.misses * miss_costs) * 1000 / {n}"
    away = {"calculate": "abs(datum.threshold - at)", "as": "away"}
    nearest = [away, *_least("away"), *_least("threshold")]
    cheapest = [*_least("cost"), *_least("threshold")]
    x = quantity("threshold", "threshold", scale={"domain": [0, 1]})
    dashed = {"type": "rule", "color": GREEN, "strokeDash": [4, 3]}
    spec = layers(
        found["points"],
        layer("line", x=x, y=quantity("cost", "cost of 1,000 rows")),
        {"transform": nearest, **layer({"type": "rule", "color": GREY}, x=x)},
        {"transform": cheapest, **layer(dashed, x=x)},
        _lines_of_text(nearest, "", n, -62, GREY),
        _lines_of_text(cheapest, "Cheapest: ", n, -26, GREEN),
        params=[
            _asked("false_alarm_costs", 1, "A false alarm costs ", input="number", min=0),
            _asked("miss_costs", 1, "A miss costs ", input="number", min=0),
            _asked("at", own, "Threshold ", input="range", min=0.01, max=0.99, step=0.01),
        ],
        transform=[{"calculate": cost, "as": "cost"}],
        padding={"top": 76, "left": 5, "right": 5, "bottom": 5},
        height=220,
    )
    return _chart("thresholds", spec, {"positive": positive, "own": own})


def _chart(name: str, spec: Mapping[str, Any], figures: Mapping[str, Any] | None = None) -> Chart:
    note = Message(f"classification.{name}.note", figures or {})
    return chart(name, Message(f"classification.{name}"), note, spec)


def _lines_of_text(transform: Rows, before: str, n: int, place: int, colour: str) -> dict[str, Any]:
    """Two lines above the chart that say what a threshold does."""
    called, positive = "(datum.hits + datum.false_alarms)", "(datum.hits + datum.misses)"
    words = (
        f"'{before}' + format(datum.threshold, '.2f') + ' calls ' + format({called}, ',') + ' of {n:,} rows\\n"
        "precision ' + "
        f"({called} > 0 ? format(datum.hits / {called}, '.0%') : '–') + ', recall ' + "
        f"({positive} > 0 ? format(datum.hits / {positive}, '.0%') : '–') + ', cost ' + format(datum.cost, ',.4~r')"
    )
    mark = {"type": "text", "align": "left", "fontSize": 12, "color": colour, "tooltip": False, "lineBreak": "\n"}
    shown = layer(mark, x={"value": 0}, y={"value": place}, text=nominal("text"))
    return {"transform": [*transform, {"calculate": words, "as": "text"}], **shown}


def _least(field: str) -> list[dict[str, Any]]:
    """Transforms that keep the row with the least value of a field."""
    kept = f"least_{field}"
    least = {"joinaggregate": [{"op": "min", "field": field, "as": kept}]}
    return [least, {"filter": f"datum.{field} <= datum.{kept}"}]


def _asked(name: str, value: float, words: str, **field: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "bind": {**field, "name": words}}
