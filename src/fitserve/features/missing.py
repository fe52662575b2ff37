"""Values that a user has said to mean that there is none, such as 999, read so in rows and in columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from fitserve import schema
from fitserve.features.column import Column, Numbers

_CODE = re.compile(r"[+-]?0\d|\+")


def read_said(texts: Iterable[str]) -> frozenset[str]:
    """What a user has said to mean that there is no value, without case: ``999.0`` and ``1e3`` as 999 and 1000, too.

    Codes such as ``007`` are no numbers.
    """
    said = {text.strip().casefold() for text in texts} - {""}
    numbers = [_number(text) for text in said if not _CODE.match(text)]
    return frozenset(said | {str(schema.read_category(number)) for number in numbers if np.isfinite(number)})


def is_said_missing(value: object, said: frozenset[str]) -> bool:
    """Whether a value, in its canonical spelling without case, is among some."""
    try:
        if isinstance(value, str):
            return value.strip().casefold() in said or (schema.read_category(value) or "").casefold() in said
        return (schema.read_category(value) or "").casefold() in said
    except ValueError:
        return False


def without_said_missing(row: Mapping[str, object], said: Mapping[str, frozenset[str]]) -> Mapping[str, object]:
    """A row with None for the values that are said to mean it."""
    found = {name: None for name, values in said.items() if name in row and is_said_missing(row[name], values)}
    return {**row, **found} if found else row


def said_missing(column: Column, said: frozenset[str]) -> Column:
    """A column with gaps for the values that are said to mean them."""
    if isinstance(column, Numbers):
        numbers = [number for text in said if not _CODE.match(text) and np.isfinite(number := _number(text))]
        return Numbers(np.where(np.isin(column.values, numbers), np.nan, column.values))
    gone = np.array([*(is_said_missing(level, said) for level in column.levels), False])
    return replace(column, codes=np.where(gone[column.codes], np.int32(-1), column.codes))


def _number(text: str) -> float:
    try:
        return schema.read_number(text)
    except ValueError:
        return np.nan
