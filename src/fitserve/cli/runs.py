"""``fitserve runs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fitserve.cli.output import json_option, print_json, print_table, say, workspace_option

if TYPE_CHECKING:
    from fitserve.store import RunRecord


@click.command()
@click.argument("run", required=False)
@workspace_option
@json_option
def runs(run: str | None, workspace: str | None, as_json: bool) -> None:
    """List the trainings, or show the plan of one RUN; 'fitserve train --replay RUN' repeats it.

    Those that failed or were interrupted are listed with the reason.
    """
    from fitserve.store.workspace import Workspace

    opened = Workspace.open(workspace)
    if run is not None:
        record = opened.run(run)
        print_json({**_as_json(record), "plan": dict(record.plan)})
        return
    found = opened.runs()
    if as_json:
        print_json({"runs": [_as_json(record) for record in found]})
    elif not found:
        say("No trainings yet.")
    else:
        heads = ("run", "model", "status", "created", "reason")
        rows = [(r.id, r.model, r.status, r.created, r.plan.get("reason", "")) for r in found]
        width = len(heads) if any(row[-1] for row in rows) else len(heads) - 1
        print_table(heads[:width], [row[:width] for row in rows])


def _as_json(record: RunRecord) -> dict[str, Any]:
    reason = {"reason": record.plan["reason"]} if "reason" in record.plan else {}
    return {
        "id": record.id,
        "model": record.model,
        "status": record.status,
        **reason,
        "created": record.created,
        "finished": record.finished,
    }
