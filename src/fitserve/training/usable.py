"""Which columns a model uses: a name or a number of rows says nothing of rows to come, a constant nothing at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.data.understanding.profiles import numbers_in, profile_of
from fitserve.data.understanding.reasons import with_more
from fitserve.data.understanding.running_numbers import names_rows, numbers_rows
from fitserve.errors import DataError
from fitserve.features.column import Coded, Column, Numbers, take
from fitserve.models.objective import Objective
from fitserve.schema import Field, Kind
from fitserve.training.signal import has_signal

_DOUBTFUL = (Kind.CONSTANT, Kind.IDENTIFIER)


def leave_out(
    fields: list[Field],
    table: Mapping[str, Column],
    truth: NDArray[Any],
    train: NDArray[np.intp],
    objective: Objective,
) -> list[Field]:
    """Drop constants and names of rows in which a quick fit finds no signal, where another column is left.

    Running numbers are dropped whatever a quick fit would find: in a table that is, or once was, sorted by its
    target they tell it, and only there. Raises DataError if they are all there is.
    """
    others = any(field.used and field.kind not in _DOUBTFUL for field in fields)
    decided = [
        _decided(field, table, truth, train, (objective, others)) if field.used and field.kind in _DOUBTFUL else field
        for field in fields
    ]
    if not any(field.used for field in decided):
        running = next((field.name for field in decided if field.profile.get("running")), None)
        if running is not None:
            raise DataError(
                f"no column is left to predict from but {running!r}, which numbers the rows; "
                f"--kind {running!r}=number uses it all the same"
            )
    return _with_profiles(decided, table, train)


def _decided(
    field: Field,
    table: Mapping[str, Column],
    truth: NDArray[Any],
    train: NDArray[np.intp],
    how: tuple[Objective, bool],
) -> Field:
    """A doubtful field, used by a kind by which it can speak, or left out with the reason."""
    objective, others = how
    column = take(table[field.name], train)
    as_kind = _informative_kind(field, column)
    if field.kind is Kind.IDENTIFIER and field.profile.get("running"):
        if others or names_rows(field.name) or numbers_rows(field.name):
            return replace(field, used=False, reason=with_more(field, "kind_uses", column=field.name, kind=as_kind))
        return replace(field, kind=as_kind, reason=with_more(field, "only_one"))
    if not others and field.kind is Kind.IDENTIFIER:
        return replace(field, kind=as_kind, reason=with_more(field, "only_one"))
    named = field.kind is Kind.IDENTIFIER
    if not others or has_signal(column, as_kind, truth[train], objective, named=named):
        reason = with_more(field, "signal") if others else field.reason
        return replace(field, kind=as_kind, reason=reason)
    return replace(field, used=False, reason=with_more(field, "no_signal"))


def _informative_kind(field: Field, column: Column) -> Kind:
    """The kind by which a doubtful column could speak: its numbers, its spelling, or its being missing."""
    if field.kind is Kind.CONSTANT and isinstance(column, Coded):
        types = {type(level) for level in column.levels}
        if types == {bool}:
            return Kind.BOOLEAN
        if any(issubclass(kind, dt.date) for kind in types):  # one date and gaps: its spelling is all there is
            return Kind.CATEGORY
    numbers = numbers_in(column)
    missing = np.isnan(numbers) if isinstance(column, Numbers) else (column.codes < 0) | np.isnan(numbers)
    if bool(np.isfinite(numbers).any()) and (field.kind is Kind.CONSTANT or not missing.any()):
        return Kind.NUMBER
    return Kind.CATEGORY if field.kind is Kind.CONSTANT else Kind.TEXT


def _with_profiles(fields: list[Field], table: Mapping[str, Column], train: NDArray[np.intp]) -> list[Field]:
    """Fields whose kind was changed get the profile of their new kind."""
    return [
        replace(field, profile=profile_of(take(table[field.name], train), field.kind)) if field.used else field
        for field in fields
    ]
