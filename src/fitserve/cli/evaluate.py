"""``fitserve evaluate``."""

from __future__ import annotations

from typing import Any

import click

from fitserve.cli.output import json_option, print_json, print_table, read_options, shown_scores, workspace_option


@click.command()
@click.argument("model")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@read_options
@workspace_option
@json_option
def evaluate(model: str, source: Any, reading: Any, workspace: str | None, as_json: bool) -> None:
    """Score MODEL (NAME or NAME:VERSION) on SOURCE, a file, or several, with the target in it."""
    from fitserve.data.read import name_of  # noqa: PLC0415
    from fitserve.evaluation.evaluate import evaluate_model  # noqa: PLC0415
    from fitserve.prediction.named import open_named  # noqa: PLC0415

    named = open_named(model, workspace)
    result = evaluate_model(named.predictor, source, reading)
    if as_json:
        print_json({
            "model": named.model, "version": named.version, "rows": result.rows, "scores": result.scores,
            "unknown_labels": result.unknown_labels, "without_target": result.without_target,
            "missing_columns": result.missing_columns, "trained_on": result.trained_on,
            "findings": result.findings,
        })  # fmt: skip
        return
    click.echo(f"{named.model} version {named.version} on {result.rows} rows of {name_of(source)}:")
    if result.trained_on:
        click.secho("THIS IS THE TABLE OF THE TRAINING: the scores flatter. Take rows that it has not seen.", bold=True)
    for finding in result.findings:
        click.echo(f"- {finding}")
    if result.without_target:
        click.echo(f"- {result.without_target} rows without a target were left out")
    if result.unknown_labels:
        click.echo(f"- {result.unknown_labels} rows have a label that training never saw; each counts as wrong")
    for name in result.missing_columns:
        click.echo(f"- column {name!r} is not in the file; its values count as missing")
    trained = named.predictor.manifest.scores
    names = shown_scores(result.scores, named.predictor.manifest.answer.get("labels"))
    print_table(("score", "here", "at training"), [(n, result.scores[n], trained.get(n)) for n in names])
