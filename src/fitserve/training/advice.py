"""Advice by what rows should be split, where the user names no column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fitserve.data.checks.order import names_somebody, repeats
from fitserve.data.split import Split
from fitserve.features.column import Column
from fitserve.schema import Field, Kind
from fitserve.training.spec import Spec


def split_advice(spec: Spec, fields: Sequence[Field], table: Mapping[str, Column], split: Split) -> list[str]:
    """Warnings where a random test part is probably too easy, with what to do."""
    if spec.time is not None or spec.group is not None or not len(split.test):
        return []
    told = []
    dated = [field.name for field in fields if field.used and field.kind is Kind.DATETIME]
    if dated:
        told.append(
            f"column {dated[0]!r} holds dates, and the test part is random: if it is later rows that you will predict, "
            f"train with --time {dated[0]!r}"
        )
    for field in fields:
        if field.used and names_somebody(field) and (often := repeats(table[field.name])):
            told.append(
                f"column {field.name!r} has each value {often:.1f} times on average: if rows with one value belong "
                f"together, train with --group {field.name!r}"
            )
    return told
