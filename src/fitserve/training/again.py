"""What was judged, fitted again on all rows: the test part has told how good it is, and now it teaches, too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fitserve.data.split import Split
from fitserve.data.understanding.profiles import missing_share, profile_of
from fitserve.evaluation.parts import numeric
from fitserve.features.column import Column, Numbers
from fitserve.features.encoder import AnyStep, fit_again
from fitserve.schema import Field, Kind
from fitserve.training.prepare import Prepared


def on_all_rows(prepared: Prepared) -> Prepared:
    """The same table with all rows in its training part.

    What was decided about columns stays; labels or the scale of the target, steps and profiles are fitted again.
    Raises DataError if the target of all rows cannot be learned, though that of some could.
    """
    rows = np.arange(len(prepared.truth))
    answerer = prepared.task.fit(prepared.target, prepared.answerer)
    steps = {step.field: step for step in prepared.encoder.steps}
    fields = [
        _with_profile(field, prepared.table[field.name], steps.get(field.name)) if field.used else field
        for field in prepared.fields
    ]
    encoder = fit_again(prepared.encoder, fields, prepared.table)
    return replace(
        prepared,
        answerer=answerer,
        truth=prepared.task.truth(prepared.target, answerer),
        fields=fields,
        split=Split(rows, rows[:0], prepared.split.reason),
        encoder=encoder,
        arrays=encoder.columns(prepared.table, len(rows)),
    )


def new_labels(judged: Prepared, served: Prepared) -> list[str]:
    """A sentence where labels are learned that no row of the training part has."""
    known = {str(label) for label in getattr(judged.answerer, "labels", ())}
    found = [str(label) for label in getattr(served.answerer, "labels", ()) if str(label) not in known]
    if not found:
        return []
    which = f"the label {found[0]!r} is" if len(found) == 1 else f"the labels {', '.join(map(repr, found))} are"
    return [f"{which} in the test part alone: learned from it in the end, but no score tells how well"]


def _with_profile(field: Field, column: Column, step: AnyStep | None) -> Field:
    if field.kind in (Kind.NUMBER, Kind.DATETIME):
        column = Numbers(numeric(column, field.kind, step))
    kept = {"running": True} if field.profile.get("running") else {}
    return replace(field, missing=missing_share(column, field.kind), profile={**profile_of(column, field.kind), **kept})
