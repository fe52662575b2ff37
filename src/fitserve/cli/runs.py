"""``fitserve runs``."""

from __future__ import annotations

import click

from fitserve.cli.output import json_option, print_json, print_table, say, workspace_option


@click.command()
@click.argument("run", required=False)
@workspace_option
@json_option
def runs(run: str | None, workspace: str | None, as_json: bool) -> None:
    """List the trainings, or show the plan of one RUN; 'fitserve train --replay RUN' repeats it."""
    from fitserve.store.workspace import Workspace  # noqa: PLC0415

    opened = Workspace.open(workspace)
    if run is not None:
        record = opened.run(run)
        print_json({"id": record.id, "model": record.model, "status": record.status, "created": record.created,
                    "finished": record.finished, "plan": dict(record.plan)})  # fmt: skip
        return
    found = opened.runs()
    if as_json:
        print_json({"runs": [
            {"id": r.id, "model": r.model, "status": r.status, "created": r.created, "finished": r.finished}
            for r in found
        ]})  # fmt: skip
    elif not found:
        say("No trainings yet.")
    else:
        print_table(("run", "model", "status", "created"), [(r.id, r.model, r.status, r.created) for r in found])
