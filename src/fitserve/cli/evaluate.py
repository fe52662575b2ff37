"""``fitserve evaluate``."""

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
    shown_interval,
    workspace_option,
    write_whole,
)


@click.command()
@click.argument("model")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@read_options
@click.option("--group", metavar="COLUMN", help="Rows with one value here belong together: intervals are over them.")
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write the whole report as a page, too.")
@workspace_option
@json_option
def evaluate(
    model: str, source: Any, reading: Any, group: str | None, page: Path | None, workspace: str | None, as_json: bool
) -> None:
    """Score MODEL (NAME or NAME:VERSION) on SOURCE, a file, or several, with the target in it."""
    from fitserve.data.reading.read import name_of
    from fitserve.evaluation.evaluate import evaluate_named
    from fitserve.evaluation.report import without_charts
    from fitserve.evaluation.seen import overlap_json
    from fitserve.prediction.named import open_named

    named = open_named(model, workspace)
    result = evaluate_named(named, source, reading, group=group)
    if page is not None:
        write_whole(page, result.html(f"{named.model} version {named.version} on {name_of(source)}"))
    if as_json:
        print_json(
            {
                **without_charts(result.report),
                "model": named.model,
                "version": named.version,
                "rows": result.rows,
                "scores": result.scores,
                "unknown_labels": result.unknown_labels,
                "without_target": result.without_target,
                "missing_columns": result.missing_columns,
                **overlap_json(result.overlap),
                "findings": result.findings,
                "problems": [{"field": f, "code": c, "rows": n} for (f, c), n in sorted(result.problems.items())],
            }
        )
        return
    say(f"{named.model} version {named.version} on {result.rows} rows of {name_of(source)}:")
    _tell(result)
    trained = named.predictor.manifest.scores
    names = named.predictor.answerer.shown(list(result.scores))
    intervals, baseline = result.intervals, result.baseline
    rows = [(n, result.scores[n], shown_interval(intervals.get(n)), baseline.get(n), trained.get(n)) for n in names]
    print_table(("score", "here", "95 % interval", "without learning", "at training"), rows)
    _tell_slices(result.report)


def _tell(result: Any) -> None:
    """What a reader of the scores has to know."""
    warnings = result.overlap.notes() if result.overlap.flatters else ()
    for note in result.notes:
        say(f"- {note}", bold=note in warnings)


def _tell_slices(report: Any) -> None:
    from fitserve.evaluation.sentences import gap_sentences, slice_sentence

    say()
    for name in report["faults"]:
        if name != "slices":
            say(f"- {name} is missing: {report['skipped'][name]}")
    if "slices" in report["skipped"]:
        say(f"Where it is bad: {report['skipped']['slices']}.")
    elif not report["slices"]:
        say("No part of the rows was found that is worse than chance explains.")
    for each in report.get("slices", ())[:5]:
        say(f"- worse on {slice_sentence(each, report['task'])}")
    for sentence in gap_sentences(report):
        say(f"- {sentence}")
