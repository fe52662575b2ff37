"""Runs: a row of the records and a plan beside it, a JSON document each."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, insert, select, update

from fitserve.errors import NotFoundError, WorkspaceError
from fitserve.store.ports import Ports
from fitserve.store.records import RUN_ID, RunRecord, check_run_id
from fitserve.store.tables import RUNS, columns


def put_run(connection: Connection, ports: Ports, run: RunRecord) -> None:
    """Insert a run, or update the one with its id, within the transaction of the caller.

    Raises:
        SpecError: the id cannot name a document.
        ValueError: the plan holds NaN or an infinity, which JSON has not.

    """
    check_run_id(run.id)
    plan = json.dumps(run.plan, allow_nan=False, indent=1).encode() + b"\n"
    values = columns(RUNS, run)
    if connection.execute(update(RUNS).where(RUNS.c.id == run.id).values(values)).rowcount == 0:
        connection.execute(insert(RUNS).values(values))
    # Before the commit: a row without its plan is half a run, a plan without its row is none.
    ports.documents.write(_plan(run.id), plan)


def forget_plan(connection: Connection, ports: Ports, run: str) -> None:
    """Remove the plan of a run whose row was never committed."""
    if RUN_ID.match(run) and connection.scalar(select(RUNS.c.id).where(RUNS.c.id == run)) is None:
        ports.documents.remove(_plan(run))


def run_record(connection: Connection, ports: Ports, run: str) -> RunRecord:
    """One run with its plan.

    Raises:
        NotFoundError: there is no such run.
        WorkspaceError: its plan is lost or damaged.

    """
    known = RUNS.c.id == (run if RUN_ID.match(run) else "")
    row = connection.execute(select(RUNS).where(known)).mappings().one_or_none()
    if row is None:
        raise NotFoundError(f"there is no run {run[:80]!r}: list the runs to see their ids")
    plan = _read_plan(ports, run)
    if plan is None:
        raise WorkspaceError(f"in {ports.path}, {_plan(run)} is lost or damaged: restore it from a backup")
    return RunRecord(**row, plan=plan)


def run_records(connection: Connection, ports: Ports) -> list[RunRecord]:
    """Every run, newest first; a lost or damaged plan is given as {}."""
    newest_first = select(RUNS).order_by(RUNS.c.created.desc(), RUNS.c.id.desc())
    rows = connection.execute(newest_first).mappings().all()
    return [RunRecord(**row, plan=_read_plan(ports, row["id"]) or {}) for row in rows]


def _plan(run: str) -> str:
    return f"runs/{run}.json"


def _read_plan(ports: Ports, run: str) -> dict[str, Any] | None:
    with suppress(WorkspaceError, ValueError):
        plan = json.loads(ports.documents.read(_plan(run)) or b"")
        return plan if isinstance(plan, dict) else None
    return None
