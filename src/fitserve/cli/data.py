"""``fitserve data``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click

from fitserve.cli.output import json_option, print_json, read_options, say, write_whole
from fitserve.errors import SpecError
from fitserve.formatting import shortened

_BLOCKS = " ▁▂▃▄▅▆▇█"
_MOST_COLUMNS, _NARROW = 60, 60
_COLOURS = {"stop": "red", "warn": "yellow", "note": None}


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1)
@click.option("--target", metavar="COLUMN", help="The column to predict: shows what tells it, and what gives it away.")
@click.option("--task", help="What to predict, such as classification; default: found out from the target.")
@click.option("--html", "page", metavar="FILE", help="Write a page with charts; one file that opens without a network.")
@read_options
@json_option
def data(source: Any, reading: Any, target: str | None, task: str | None, page: str | None, as_json: bool) -> None:
    """Look at a table: what its columns hold, what tells the target, and what may be wrong.

    SOURCE is what 'fitserve train' takes. Nothing is changed and nothing is kept.
    """
    if source is None:
        raise SpecError("name the file to look at: fitserve data houses.csv --target price")
    from fitserve.data.reading.read import name_of, read_frame
    from fitserve.data.views.table_view import view_table

    found: list[str] = []
    view = view_table(read_frame(source, reading, found), name_of(source), target, task, found)
    if page is not None:
        write_whole(Path(page), view.to_html())
    if as_json:
        print_json(view.as_json())
        return
    _tell(view)
    if page is not None:
        say("", f"The page with charts: {page}")


def _tell(view: Any) -> None:
    width = shutil.get_terminal_size((110, 24)).columns
    task = f", target {view.target.name!r}: {view.task}" if view.target is not None else ""
    say(f"{view.name}: {view.rows:,} rows, {len(view.columns) + (view.target is not None):,} columns{task}", bold=True)
    say()
    for finding in view.findings:
        mark = {"stop": "STOP", "warn": "look", "note": "note"}[finding.severity]
        say(f"{mark}  ", fg=_COLOURS[finding.severity], bold=finding.severity == "stop", nl=False)
        say(*_wrapped(finding.sentence, width, 6))
    if not view.findings:
        say("Nothing that looks wrong was found.")
    say()
    _tell_columns(view, width)


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    import textwrap

    lines = textwrap.wrap(text, max(width - indent, _NARROW), break_long_words=False)
    return [*lines[:1], *(" " * indent + line for line in lines[1:])]


def _tell_columns(view: Any, width: int) -> None:
    """A line for each column: name, kind, bars, gaps, what tells the target, figures."""
    from fitserve.data.views.view_page import summary_of

    columns = view.columns
    if len(columns) > _MOST_COLUMNS:
        columns = sorted(columns, key=lambda column: -(column.tells or 0.0))[:_MOST_COLUMNS]
    left_out = len(view.columns) - len(columns)
    if view.target is not None:
        columns = [view.target, *columns]
    longest = min(max((len(column.name) for column in columns), default=6), 28)
    tells = view.target is not None
    say(
        f"{'column':<{longest}}  {'kind':<10}  {'values':<24}  {'missing':>8}  {'different':>9}"
        f"{'   tells' if tells else ''}  summary",
        dim=True,
    )
    for column in columns:
        name = shortened(column.name, longest)
        missing = f"{100 * column.missing / view.rows:.3g} %" if column.missing else "-"
        share = "target" if column is view.target else "-" if column.tells is None else f"{100 * column.tells:.0f} %"
        note = f"  {share:>6}" if tells else ""
        line = (
            f"{name:<{longest}}  {column.kind:<10}  {small_bars(column.heights):<24}  {missing:>8}  "
            f"{column.distinct:>9,}{note}  {summary_of(column)}"
        )
        say(line if len(line) <= width or width < _NARROW else line[: width - 1] + "…")
    if left_out:
        say(f"… and {left_out:,} more columns; --json lists all")


def small_bars(heights: list[float]) -> str:
    """A histogram of block characters; what is there at all can be seen."""
    return "".join(_BLOCKS[0 if height <= 0 else max(1, round(height * 8))] for height in heights)
