"""Names of columns: each one once, none without a name, and members of objects by their path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl


def column_names(names: Sequence[str], where: str, findings: list[str] | None = None) -> list[str]:
    """The names with blank ones filled in by their place, and a suffix for each that was there before.

    As pandas has it, a second column ``a`` is called ``a.1``. That is added to ``findings`` in one sentence for
    each name, with ``where`` as its subject.
    """
    taken = set(names) - {""}
    seen: Counter[str] = Counter()
    suffixed: dict[str, list[str]] = {}
    found = []
    for i, name in enumerate(names):
        own = name or _free(f"column_{i + 1}", taken)
        if name and seen[name]:
            own = _suffixed(name, seen, taken)
            suffixed.setdefault(name, []).append(own)
        seen[name] += 1
        taken.add(own)
        found.append(own)
    if findings is not None:
        findings += [_renamed(where, name, later) for name, later in suffixed.items()]
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _suffixed(name: str, seen: Counter[str], taken: set[str]) -> str:
    while f"{name}.{seen[name]}" in taken:
        seen[name] += 1
    return f"{name}.{seen[name]}"


def _renamed(where: str, name: str, later: Sequence[str]) -> str:
    more = f"the second is called {later[0]!r}" if len(later) == 1 else f"the others are called {_listed(later)}"
    return f"{where} has {len(later) + 1} columns named {name!r}: {more}, and {name!r} means the first"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:3]))
    return f"{shown} and so on" if len(names) > 3 else shown


def flat(frame: pl.DataFrame, where: str, findings: list[str] | None) -> pl.DataFrame:
    """The frame with the members of nested objects as columns of their own, ``address.city``.

    One whose path is a name already gets a suffix, as `column_names` has it.
    """
    while nested := [series for series in frame if isinstance(series.dtype, pl.Struct)]:
        members = {
            series.name: [member.alias(f"{series.name}.{member.name}") for member in series.struct.unnest()]
            for series in nested
        }
        columns = [each for series in frame for each in members.get(series.name, [series])]
        names = column_names([series.name for series in columns], where, findings)
        frame = pl.DataFrame([series.alias(name) for series, name in zip(columns, names, strict=True)])
    return frame
