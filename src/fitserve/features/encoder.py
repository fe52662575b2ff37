"""All steps of a table together: rows or columns in, arrays out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as member
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays, Codes, Dense, Terms, block_type
from fitserve.errors import DataError
from fitserve.features.base import Notes, Problem, Step, checked_texts, described, state_of
from fitserve.features.category import CategoryStep
from fitserve.features.column import Coded, Column
from fitserve.features.missing import said_missing, without_said_missing
from fitserve.features.number import NumberStep
from fitserve.features.registry import step_name, step_type, steps_for
from fitserve.features.row import UsualRow
from fitserve.schema import Field

# What each block wants of one row: dense values, codes, (term, weight) pairs, then those of further blocks.
EncodedRow = tuple[list[Any], ...]
_TABLE_BLOCKS = (Dense.name, Codes.name, Terms.name)
_ABSENT = object()
# So many names are shown where none is right.
_MOST_SHOWN = 20
# So many unknown fields of a row are named.
_MOST_EXTRA = 1000


@dataclass(frozen=True)
class Encoder:
    """The fitted steps of a table. ``ignored`` names known columns that the model does not use.

    ``missing_as`` holds, for some fields, the values (in their canonical spelling, without case) that a user has
    said to mean that there is none.
    """

    steps: Sequence[Step]
    ignored: frozenset[str] = frozenset()
    missing_as: Mapping[str, frozenset[str]] = member(default_factory=dict)

    @cached_property
    def by_block(self) -> dict[str, list[Step]]:
        """The steps by the block that they feed; the blocks of tables first, though nothing may feed them."""
        found: dict[str, list[Step]] = {name: [] for name in _TABLE_BLOCKS}
        for step in self.steps:
            found.setdefault(step.block, []).append(step)
        return found

    @property
    def dense(self) -> list[Step]:
        """The steps that make float columns, in order."""
        return self.by_block[Dense.name]

    @property
    def codes(self) -> list[CategoryStep]:
        """The steps that make codes, in order."""
        return [step for step in self.by_block[Codes.name] if isinstance(step, CategoryStep)]

    @property
    def texts(self) -> list[Step]:
        """The steps that make term ids, in order."""
        return self.by_block[Terms.name]

    @property
    def n_terms(self) -> int:
        """How many term ids there are over all text fields."""
        return self.widths[Terms.name]

    @cached_property
    def widths(self) -> dict[str, int]:
        """How many columns each block has."""
        return {name: sum(step.width for step in steps) for name, steps in self.by_block.items()}

    @cached_property
    def fields(self) -> list[str]:
        """The fields that are read, in the order of their first steps."""
        return list(dict.fromkeys(step.field for step in self.steps))

    def place(self, step: Step) -> slice:
        """The columns of its block that a step makes."""
        start = 0
        for each in self.by_block[step.block]:
            if each is step:
                return slice(start, start + each.width)
            start += each.width
        raise KeyError(step.field)

    @cached_property
    def _plan(self) -> list[list[tuple[str, Any]]]:
        """What is to be read of which field, block by block; the terms of texts are read apart."""
        return [
            [] if name == Terms.name else [(step.field, step.row) for step in steps]
            for name, steps in self.by_block.items()
        ]

    def row(self, row: Mapping[str, object], notes: Notes) -> EncodedRow:
        """The numbers of one row, block by block; notes what is unusual."""
        if self.missing_as:
            row = without_said_missing(row if row.keys() <= self._known else self._named(row, notes), self.missing_as)
        if self._usual is not None and len(row) == len(self.steps):
            found = self._usual.read(row)
            if found is not None:
                return found[0], found[1], []
        if not row.keys() <= self._known:
            row = self._named(row, notes)
        get, absent = row.get, _ABSENT
        missing: dict[str, None] = {}
        encoded: list[list[Any]] = []
        for plan in self._plan:
            out: list[Any] = []
            for field, read in plan:
                value = get(field, absent)
                if value is absent:
                    missing[field] = None
                    read(None, out, [])
                else:
                    read(value, out, notes)
            encoded.append(out)
        if self.texts:
            encoded[_TABLE_BLOCKS.index(Terms.name)] = self._row_terms(row, missing, notes)
        if missing or len(row) != len(self.fields):
            self._note_fields(row, list(missing), notes)
        return tuple(encoded)

    @cached_property
    def _usual(self) -> UsualRow | None:
        numbers = [step for step in self.dense if isinstance(step, NumberStep)]
        plain = len(numbers) + len(self.codes) == len(self.steps) == len(self.fields)
        return UsualRow(numbers, self.codes) if plain else None

    def _row_terms(self, row: Mapping[str, object], missing: dict[str, None], notes: Notes) -> list[tuple[int, float]]:
        terms: list[tuple[int, float]] = []
        start = 0
        for step in self.texts:
            value = row.get(step.field, _ABSENT)
            if value is _ABSENT:
                missing[step.field] = None
            else:
                found: list[tuple[int, float]] = []
                step.row(value, found, notes)
                terms.extend((start + term, weight) for term, weight in found)
            start += step.width
        return terms

    @cached_property
    def _known(self) -> frozenset[str]:
        """The names of all fields, also of those that are not used."""
        return frozenset(self.fields) | self.ignored

    @cached_property
    def _nested(self) -> frozenset[str]:
        """The names of objects whose members are fields: ``address`` of the field ``address.city``."""
        return frozenset(name[:i] for name in self._known for i, sign in enumerate(name) if sign == ".")

    def _named(self, row: Mapping[str, object], notes: Notes) -> Mapping[str, object]:
        """A row by the names of training, where names have no blanks around them, and members of objects are fields.

        Of several values for a field, the one by its own name counts, or else the first.
        """
        found: dict[str, object] = {}
        twice: dict[str, None] = {}
        for name, value in row.items():
            if name in self._known or not isinstance(name, str):
                found[name] = value
                continue
            plain = name.strip()
            if isinstance(value, Mapping) and plain in self._nested:
                read = members(plain, value, self._nested)
            else:
                read = iter([(plain if plain in self._known and plain not in row else name, value)])
            for path, each in read:
                if path in found or (path in row and path in self._known):
                    twice[path] = None
                else:
                    found[path] = each
        for path in twice:
            if path in self._known:
                notes.append(Problem("duplicate_field", path, "sent more than once; the others were ignored"))
        return found

    def _note_fields(self, row: Mapping[str, object], missing: list[str], notes: Notes) -> None:
        extra = [str(described(name)) for name in row if name not in self._known]
        among = (tuple(missing) if missing else self._in_order) if extra else ()
        if len(missing) == len(self.fields) > 0:  # an answer to nothing would be an answer all the same
            notes.append(_no_known_field(self.fields))
            for name in extra[:_MOST_SHOWN]:
                notes.append(Problem("unknown_field", name, "not a field of this model", fatal=True, among=among))
            return
        notes.extend([self._missing[name] for name in missing])
        for name in extra[:_MOST_EXTRA]:
            notes.append(Problem("extra_field", name, "not a field of this model; ignored", among=among))
        if len(extra) > _MOST_EXTRA:
            message = f"and {len(extra) - _MOST_EXTRA} more that are not fields of this model; ignored"
            notes.append(Problem("extra_field", "", message))

    @cached_property
    def _in_order(self) -> tuple[str, ...]:
        return tuple(sorted(self.fields))

    @cached_property
    def _missing(self) -> Mapping[str, Problem]:
        """What is said of each field that was not sent: models may have thousands, and so may each row lack."""
        note = "not sent; treated as missing"
        return {step.field: Problem("missing_field", step.field, note) for step in self.steps}

    def rows(self, rows: Sequence[Mapping[str, object]], notes: Notes) -> Arrays:
        """The arrays of some rows, each read by `row`; problems carry the index of their row."""
        encoded = []
        for i, row in enumerate(rows):
            own: Notes = []
            encoded.append(self.row(row, own))
            notes.extend(at_row(own, i))
        return self.stack(encoded)

    def stack(self, rows: Sequence[EncodedRow]) -> Arrays:
        """The arrays of some rows that `row` has read."""
        blocks = {
            name: block_type(name).stack([row[i] for row in rows], self.widths[name])
            for i, name in enumerate(self.by_block)
            if name != Terms.name or self.texts
        }
        return Arrays(blocks, len(rows))

    @property
    def dense_width(self) -> int:
        """How many float columns the steps make."""
        return self.widths[Dense.name]

    def columns(self, table: Mapping[str, Column], n: int) -> Arrays:
        """The arrays of a table of n rows; a column that is not there counts as missing throughout."""
        missing = Coded(np.full(n, -1, dtype=np.int32), [])
        if self.missing_as:
            said = self.missing_as
            table = {name: said_missing(own, said[name]) if name in said else own for name, own in table.items()}
        blocks = {}
        for name, steps in self.by_block.items():
            if name != Terms.name or steps:
                parts = [step.column(table.get(step.field, missing)) for step in steps]
                blocks[name] = block_type(name).join(parts, [step.width for step in steps], n)
        return Arrays(blocks, n)

    def as_json(self) -> list[dict[str, Any]]:
        """The fitted states, without their plain arrays."""
        said = {name: {"missing_as": sorted(values)} for name, values in self.missing_as.items()}
        return [{"step": step_name(type(step)), **state_of(step), **said.get(step.field, {})} for step in self.steps]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The plain arrays that belong to the fitted states, by name."""
        named: dict[str, NDArray[Any]] = {}
        for step, prefix in zip(self.steps, _prefixes(step_name(type(step)) for step in self.steps), strict=True):
            named |= {f"{prefix}{name}": array for name, array in step.arrays().items()}
        return named

    @classmethod
    def from_json(
        cls,
        documents: Iterable[dict[str, Any]],
        arrays: Mapping[str, NDArray[Any]],
        ignored: Iterable[str] = (),
    ) -> Encoder:
        """The encoder of `as_json` and `arrays`; raises KeyError, TypeError or ValueError on wrong ones."""
        steps: list[Step] = []
        missing_as: dict[str, frozenset[str]] = {}
        states = [dict(document) for document in documents]
        names = [state.pop("step") for state in states]
        for state, name, prefix in zip(states, names, _prefixes(names), strict=True):
            if "missing_as" in state:
                missing_as[state["field"]] = frozenset(checked_texts(state.pop("missing_as")))
            own = {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
            steps.append(step_type(name).load(state, own))
        if len({(step.field, type(step)) for step in steps}) < len(steps):
            raise ValueError("two steps of one kind read the same field")
        return cls(steps, frozenset(ignored), missing_as)


def _prefixes(names: Iterable[str]) -> list[str]:
    """What the arrays of steps are called by, given the kinds of the steps: the kind, and its number among them."""
    counts: Counter[str] = Counter()
    found = []
    for name in names:
        found.append(f"{name}{counts[name]}-")
        counts[name] += 1
    return found


def fit_encoder(
    fields: Iterable[Field],
    table: Mapping[str, Column],
    missing_as: Mapping[str, frozenset[str]] | None = None,
    ordered_by: str | None = None,
) -> Encoder:
    """The steps of the used fields, fitted on the training part of a table; ``missing_as`` is missing there already.

    ``ordered_by`` names the column by which the rows are in order, if they are.
    """
    chosen = list(fields)
    for field in chosen:
        if field.used and not steps_for(field.kind):
            raise DataError(f"column {field.name!r} is a {field.kind}, for which no step is installed; exclude it")
    steps = [
        kind.fit(field.name, table[field.name], ordered=field.name == ordered_by)
        for field in chosen
        if field.used
        for kind in steps_for(field.kind)
    ]
    said = {step.field: missing_as[step.field] for step in steps if missing_as and missing_as.get(step.field)}
    return Encoder(steps, frozenset(field.name for field in chosen if not field.used), said)


def fit_again(encoder: Encoder, table: Mapping[str, Column]) -> Encoder:
    """The same steps, fitted on other rows of their table: how values are read stays, what is learned does not."""
    return replace(encoder, steps=[step.again(table[step.field]) for step in encoder.steps])


def members(name: str, value: Mapping[str, object], nested: frozenset[str]) -> Iterator[tuple[str, object]]:
    """The members of an object by their path, ``address.city``, as deep as there are fields."""
    for key, each in value.items():
        path = f"{name}.{str(key).strip()}"
        if isinstance(each, Mapping) and path in nested:
            yield from members(path, each, nested)
        else:
            yield path, each


def _no_known_field(fields: Sequence[str]) -> Problem:
    named = ", ".join(field if len(field) <= 30 else f"{field[:29]}…" for field in fields[:8])
    more = f" and {len(fields) - 8} more" if len(fields) > 8 else ""
    message = f"none of the model's fields was sent; it reads {named}{more}"
    return Problem("no_known_field", "", message, known=list(fields[:_MOST_SHOWN]), fatal=True)


def at_row(notes: Notes, row: int | None) -> Iterable[Problem]:
    """The problems, each with the index of its row."""
    for p in notes:
        yield Problem(p.code, p.field, p.message, p.sent, p.known, p.nearest, row, p.fatal, p.among)
