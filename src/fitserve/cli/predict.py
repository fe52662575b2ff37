"""``fitserve predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fitserve.cli.output import json_option, print_json, read_options, say, workspace_option


@click.command()
@click.argument("model")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Ends in .csv or .parquet.")
@click.option("--predictions-only", is_flag=True, help="Leave the input columns out.")
@read_options
@workspace_option
@json_option
def predict(
    model: str, source: Any, output: Path, predictions_only: bool, reading: Any, workspace: str | None, as_json: bool
) -> None:
    """Predict every row of SOURCE, one file or several, by MODEL (NAME or NAME:VERSION).

    Rows and predictions are written to one file.
    """
    from fitserve.evaluation.bulk import predict_file
    from fitserve.evaluation.reading import problem_notes
    from fitserve.prediction.named import open_named

    named = open_named(model, workspace)
    scored = predict_file(named.predictor, source, output, reading, alone=predictions_only)
    if as_json:
        print_json(
            {
                "model": named.model,
                "version": named.version,
                "rows": scored.rows,
                "output": str(output),
                "columns": scored.columns,
                "missing_columns": scored.missing_columns,
                "findings": scored.findings,
                "problems": [
                    {"field": field, "code": code, "rows": n} for (field, code), n in sorted(scored.problems.items())
                ],
            }
        )
        return
    for finding in scored.findings:
        say(f"- {finding}")
    for note in problem_notes(scored.problems, scored.rows):
        say(f"- {note}")
    say(f"Wrote {scored.rows} rows to {output}, predicted by {named.model} version {named.version}")
