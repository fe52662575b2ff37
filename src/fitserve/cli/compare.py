"""``fitserve compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fitserve.cli.output import (
    json_option,
    print_json,
    print_table,
    read_options,
    say,
    workspace_option,
    write_whole,
)


@click.command()
@click.argument("a")
@click.argument("b")
@click.argument("sources", metavar="[DATA]...", nargs=-1)
@read_options
@click.option("--group", metavar="COLUMN", help="Rows with one value here belong together: intervals are over them.")
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write the comparison as a page, too.")
@workspace_option
@json_option
def compare(  # noqa: PLR0913 - click passes each option by its name
    *,
    a: str,
    b: str,
    source: Any,
    reading: Any,
    group: str | None,
    page: Path | None,
    workspace: str | None,
    as_json: bool,
) -> None:
    """Say whether model B is better than A (each NAME, NAME:VERSION or NAME:ALIAS), and where.

    Both answer the rows of DATA, a file, or several, with the target in it, and are compared row by row. Without DATA,
    what each was evaluated on at its training is set side by side.
    """
    from fitserve.evaluation.compare import compare_models
    from fitserve.formatting import number
    from fitserve.prediction.named import open_named

    first, second = open_named(a, workspace), open_named(b, workspace)
    result = compare_models(first, second, source, reading, group=group)
    if page is not None:
        write_whole(page, result.html())
    if as_json:
        print_json(result.as_json())
        return
    say(result.verdict, bold=True)
    for note in result.notes:
        say(f"- {note}", bold=bool(result.overlap and result.overlap.flatters))
    say("", f"Scores on {result.on}:")
    heads, rows = result.score_table()
    shown = first.predictor.answerer.shown(list(result.scores))
    print_table(heads, [row for name, row in zip(result.scores, rows, strict=True) if name in shown])
    say("(* the score of the verdict)")
    for name, reason in result.skipped.items():
        say(f"- {name} is missing: {reason}")
    if result.wins:
        say("", result.wins["note"])
    if not result.row_by_row or "slices" in result.skipped:
        return
    for each in result.slices:
        better = result.a if each["mean"] < 0 else result.b
        by = f"by {number(abs(each['mean']))}, {each['rows']} rows"
        say(f"- {better} is better on rows with {each['where']}: {by}")
    if not result.slices:
        say("No part of the rows was found where one of them is better by more than chance.")
