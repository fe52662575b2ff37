"""Advice by what rows should be split, where the user names no column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fitserve.data.checks.order import names_somebody, repeats
from fitserve.data.split import Split
from fitserve.features.column import Column
from fitserve.messages import Message
from fitserve.schema import Field, Kind
from fitserve.training.spec import Spec


def split_advice(spec: Spec, fields: Sequence[Field], table: Mapping[str, Column], split: Split) -> list[Message]:
    """Warnings where a random test part is probably too easy, with what to do."""
    if spec.time is not None or spec.group is not None or not len(split.test):
        return []
    notes = []
    dated = [field.name for field in fields if field.used and field.kind is Kind.DATETIME]
    if dated:
        notes.append(Message("dates_and_random", {"column": dated[0]}))
    for field in fields:
        if field.used and names_somebody(field) and (often := repeats(table[field.name])):
            notes.append(Message("groups_and_random", {"column": field.name, "often": often}))
    return notes
