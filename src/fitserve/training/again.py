"""What was evaluated, fitted again on all rows: the test part has told how good it is, and now it teaches, too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fitserve.data.split import Split
from fitserve.data.understanding.profiles import missing_share, profile_of
from fitserve.evaluation.parts import numeric
from fitserve.features.base import Step
from fitserve.features.column import Column, Numbers
from fitserve.features.encoder import fit_again
from fitserve.schema import Field, Kind
from fitserve.training.prepare import Prepared


def on_all_rows(prepared: Prepared) -> Prepared:
    """The same table with all rows in its training part.

    What was decided about columns stays; labels or the scale of the target, steps and profiles are fitted again.
    Raises DataError if the target of all rows cannot be learned, though that of some could.
    """
    rows = np.arange(len(prepared.truth))
    answerer = prepared.task.fit(prepared.target.column, prepared.answerer)
    steps = {step.field: step for step in prepared.encoder.steps}
    fields = [
        _with_profile(field, prepared.table[field.name], steps.get(field.name)) if field.used else field
        for field in prepared.fields
    ]
    encoder = fit_again(prepared.encoder, prepared.table)
    return replace(
        prepared,
        answerer=answerer,
        truth=answerer.truth(prepared.target.column),
        fields=fields,
        split=Split(rows, rows[:0], prepared.split.description),
        encoder=encoder,
        arrays=encoder.columns(prepared.table, len(rows)),
    )


def _with_profile(field: Field, column: Column, step: Step | None) -> Field:
    if field.kind in (Kind.NUMBER, Kind.DATETIME):
        column = Numbers(numeric(column, field.kind, step))
    kept = {"running": True} if field.profile.get("running") else {}
    return replace(field, missing=missing_share(column, field.kind), profile={**profile_of(column, field.kind), **kept})
