"""The page of a table: findings first, then columns, charts, associations and the map of gaps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from fitserve.charts.page import Html, Section, bars, chart, figure, fragment, grid, page, table, text
from fitserve.data.checks.finding import Finding
from fitserve.schema import Kind

if TYPE_CHECKING:
    from fitserve.data.views.table_view import ColumnView, TableView

_MOST_ROWS, _MOST_CHARTS, _MOST_SHOWN, _MOST_GAPS, _MOST_CELLS = 400, 48, 40, 40, 60
_SAID = {"stop": "stops a training", "warn": "look at this", "note": "good to know"}


def view_page(view: TableView) -> str:
    """The page as one HTML document."""
    facts = [(f"{view.rows:,}", "rows"), (f"{len(view.columns) + (view.target is not None):,}", "columns")]
    if view.target is not None:
        facts.append((view.target.name, f"target, {view.task}"))
    grave = sum(finding.severity != "note" for finding in view.findings)
    facts.append((str(grave), "findings to look at"))
    lead = "".join(f"<div><b>{text(value)}</b><span>{text(name)}</span></div>" for value, name in facts)
    return page(PurePath(view.name).name or view.name, f'<div class="facts">{lead}</div>', _sections(view))


def view_fragment(view: TableView) -> str:
    """The same for a notebook."""
    return fragment("".join(f"<h2>{text(section.title)}</h2>{section.body}" for section in _sections(view)))


def _sections(view: TableView) -> list[Section]:
    sections = [Section("Findings", "findings", _findings(view.findings))]
    if view.target is not None:
        chart = grid([_distribution(view.target)])
        sections.append(Section(f"Target: {view.target.name}", "target", f"<p>{text(view.task_reason)}</p>{chart}"))
        if any(column.tells is not None for column in view.columns):
            sections.append(Section("What tells the target", "associations", _associations(view)))
    sections.append(Section("Columns", "columns", _columns(view)))
    if view.gap_columns:
        sections.append(Section("Where values are missing", "missing", _gaps(view)))
    if view.cells:
        sections.append(Section("Cells that are most likely wrong", "cells", _cells(view)))
    sections.append(Section("Distributions", "distributions", _distributions(view)))
    return sections


def _findings(findings: Sequence[Finding]) -> Html:
    if not findings:
        return "<p>Nothing that looks wrong was found.</p>"
    return "".join(
        f'<div class="finding {finding.severity}"><span class="tag">{_SAID[finding.severity]}</span> '
        f'{text(finding.message)}<span class="do">{text(finding.advice)}</span></div>'
        for finding in findings
    )


def _most_telling(view: TableView) -> list[ColumnView]:
    """Columns by how much of the target they tell; without a target, in the order of the table."""
    return sorted(view.columns, key=lambda column: -(column.tells or 0.0))


def _associations(view: TableView) -> Html:
    shown = _most_telling(view)[:_MOST_SHOWN]
    values = [{"column": column.name, "share": round(column.tells or 0.0, 4)} for column in shown]
    spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "y": {"field": "column", "type": "nominal", "sort": None, "title": None},
            "x": {
                "field": "share",
                "type": "quantitative",
                "scale": {"domain": [0, 1]},
                "axis": {"format": "%"},
                "title": "of the target, by this column alone",
            },
        },
    }
    more = f" The first {len(shown)} of {len(view.columns):,} columns." if len(shown) < len(view.columns) else ""
    note = (
        "Each column predicts the target alone, by the mean of its bins or levels, evaluated on rows that it was not "
        f"fitted on. What columns tell together is another matter, and texts are not read here.{more}"
    )
    return chart(spec, note=note, height=max(80, 20 * len(shown)))


def _columns(view: TableView) -> Html:
    shown = view.columns if len(view.columns) <= _MOST_ROWS else _most_telling(view)[:_MOST_ROWS]
    with_target = view.target is not None
    heads = ["column", "kind", "values", "missing", "different", "summary", *(["tells"] if with_target else []), "why"]
    rows = []
    for column in shown:
        tells = [_percent(column.tells)] if with_target else []
        missing = _percent(column.missing / max(view.rows, 1) if column.missing else None)
        rows.append(
            [
                f"<b>{text(column.name)}</b>",
                f'<span class="tag">{column.kind}</span>',
                bars(column.heights, f"distribution of {column.name}"),
                missing,
                column.distinct,
                text(summary_of(column)),
                *tells,
                f'<span class="soft">{text(column.reason)}</span>',
            ]
        )
    more = (
        f"<p>{len(shown)} of {len(view.columns):,} columns are shown"
        f"{', those first that tell most of the target' if with_target else ''}; --json lists all.</p>"
        if len(shown) < len(view.columns)
        else ""
    )
    search = '<p><input type="search" placeholder="find a column" data-filter="#columns tbody tr"></p>'
    return f"{more}{search if len(shown) > 12 else ''}{table(heads, rows, marked=True)}"


def _percent(share: float | None) -> Html:
    if share is None:
        return "–"
    return f'<span class="whole">{100 * share:.{0 if share >= 0.01 or share == 0 else 2}f} %</span>'


def summary_of(column: ColumnView) -> str:
    """The figures of a column in a few words."""
    found = column.summary
    if not found:
        return ""
    if column.kind is Kind.DATETIME:
        return f"{day(found['min'])} to {day(found['max'])}"
    if "median length" in found:
        return f"about {found['median length']:.0f} characters, at most {found['longest']:.0f}"
    if "median" in found:
        return f"{figure(found['min'])} … {figure(found['median'])} … {figure(found['max'])}"
    first = ", ".join(f"{level[:24]} {count:,}" for level, count in column.levels[:3])
    return first + (", …" if column.distinct > 3 else "")


def day(seconds: float) -> str:
    """The day of a moment."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d}"


def _cells(view: TableView) -> Html:
    surest = sorted(view.cells, key=lambda cell: (-cell.score, cell.row))[:_MOST_CELLS]
    rows = [
        [
            cell.row + 1,
            cell.column,
            "(empty)" if cell.value is None else cell.value,
            cell.suggestion or "?",
            cell.reason,
        ]
        for cell in sorted(surest, key=lambda cell: (cell.column, cell.row))
    ]
    more = (
        f"<p>The surest {len(rows)} of {len(view.cells):,}; --json lists all.</p>"
        if len(rows) < len(view.cells)
        else ""
    )
    return more + table(["row", "column", "value", "rather", "why"], rows)


def _distributions(view: TableView) -> Html:
    drawn = [column for column in view.columns if _is_drawn(column)]
    shown = drawn if len(drawn) <= _MOST_CHARTS else [c for c in _most_telling(view) if _is_drawn(c)][:_MOST_CHARTS]
    note = f"<p>{len(shown)} of {len(drawn):,} are drawn.</p>" if len(shown) < len(drawn) else ""
    return note + grid([_distribution(column) for column in shown])


def _is_drawn(column: ColumnView) -> bool:
    return bool(column.bins or column.levels)


def _distribution(column: ColumnView) -> Html:
    if column.levels:
        values = [{"level": level[:60], "rows": count} for level, count in column.levels]
        note = f"{len(column.levels)} of {column.distinct:,} levels" if column.distinct > len(column.levels) else ""
        spec: dict[str, Any] = {
            "data": {"values": values},
            "mark": "bar",
            "encoding": {
                "y": {"field": "level", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 130}},
                "x": {"field": "rows", "type": "quantitative", "title": "rows"},
            },
        }
        return chart(spec, column.name, note, height=max(60, 17 * len(values)))
    return chart(_histogram(column), column.name, height=170)


def _histogram(column: ColumnView) -> dict[str, Any]:
    factor = 1000.0 if column.kind is Kind.DATETIME else 1.0
    values = [
        {"from": low * factor, "to": high * factor, "rows": count}
        for low, high, count in zip(column.edges, column.edges[1:], column.bins, strict=False)
    ]
    title = "characters" if "median length" in column.summary else None
    kind: dict[str, Any] = {"type": "quantitative", "bin": {"binned": True}}
    if column.kind is Kind.DATETIME:
        kind = {"type": "temporal", "axis": {"labelOverlap": True, "tickCount": 5}}
    return {
        "data": {"values": values},
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": {"field": "from", "title": title, **kind},
            "x2": {"field": "to"},
            "y": {"field": "rows", "type": "quantitative", "title": "rows"},
        },
    }


def _gaps(view: TableView) -> Html:
    missing = {column.name: column.missing for column in view.columns}
    places = sorted(range(len(view.gap_columns)), key=lambda j: -missing[view.gap_columns[j]])[:_MOST_GAPS]
    n_blocks = len(view.gaps)
    values = [
        {"column": view.gap_columns[j], "rows": 1 + round(i * view.rows / n_blocks), "missing": shares[j]}
        for i, shares in enumerate(view.gaps)
        for j in sorted(places)
    ]
    spec = {
        "data": {"values": values},
        "mark": "rect",
        "encoding": {
            "y": {"field": "column", "type": "nominal", "sort": None, "title": None},
            "x": {
                "field": "rows",
                "type": "ordinal",
                "title": "from row",
                "axis": {"labelAngle": 0, "labelOverlap": "greedy"},
            },
            "color": {
                "field": "missing",
                "type": "quantitative",
                "scale": {"scheme": "blues", "domain": [0, 1]},
                "legend": {"format": "%", "title": "missing"},
            },
        },
    }
    more = (
        f"the {len(places)} columns with most gaps of {len(view.gap_columns):,}; " if len(places) < len(missing) else ""
    )
    note = f"From the first row (left) to the last: {more}columns that are dark in the same place miss the same rows."
    return chart(spec, note=note, height=max(60, 20 * len(places)))
