"""``fitserve predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fitserve.cli.output import json_option, print_json, read_options, say, workspace_option

_SAID = {
    "not_a_number": "hold no number; the value counts as missing",
    "not_a_boolean": "hold neither yes nor no; the value counts as missing",
    "not_a_datetime": "hold no date; the value counts as missing",
    "not_a_category": "hold no level; the value counts as unseen",
    "unseen_category": "hold a level that was rare or unseen in training",
    "missing_value": "hold no value, and training had no such rows",
}


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
    from fitserve.evaluation.bulk import predict_file  # noqa: PLC0415
    from fitserve.prediction.named import open_named  # noqa: PLC0415

    named = open_named(model, workspace)
    scored = predict_file(named.predictor, source, output, reading, alone=predictions_only)
    if as_json:
        print_json({"model": named.model, "version": named.version, "rows": scored.rows, "output": str(output),
                    "missing_columns": scored.missing_columns, "findings": scored.findings,
                    "problems": [{"field": field, "code": code, "rows": n}
                                 for (field, code), n in sorted(scored.problems.items())]})  # fmt: skip
        return
    for finding in scored.findings:
        say(f"- {finding}")
    for (field, code), n in sorted(scored.problems.items()):
        say(f"- column {field!r}: {n} rows {_SAID.get(code, code)}")
    for name in scored.missing_columns:
        say(f"- column {name!r} is not in the file; its values count as missing")
    say(f"Wrote {scored.rows} rows to {output}, predicted by {named.model} version {named.version}")
