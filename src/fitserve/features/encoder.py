"""All steps of a table together: rows or columns in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as member
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.features.arrays import Arrays, Ragged
from fitserve.features.base import Notes, Problem, Step, checked_state, checked_texts, described, state_of
from fitserve.features.category import CategoryStep, fit_category
from fitserve.features.column import Coded, Column
from fitserve.features.missing import said_missing, without_said_missing
from fitserve.features.moment import PARTS, MomentStep, fit_moment
from fitserve.features.number import BooleanStep, NumberStep, fit_boolean, fit_number
from fitserve.features.row import UsualRow
from fitserve.features.text import TextStep, fit_text
from fitserve.schema import Field, Kind

AnyStep = Step | TextStep
# Dense values, codes, and (term, weight) pairs of one row.
EncodedRow = tuple[list[float], list[int], list[tuple[int, float]]]
# Identifiers and constants come here only when nothing better is left; their levels are all they have.
_FIT: dict[Kind, Callable[[str, Column], AnyStep]] = {
    Kind.NUMBER: fit_number,
    Kind.BOOLEAN: fit_boolean,
    Kind.CATEGORY: fit_category,
    Kind.DATETIME: fit_moment,
    Kind.TEXT: fit_text,
    Kind.IDENTIFIER: fit_category,
    Kind.CONSTANT: fit_category,
}
STEP_TYPES: dict[str, type[Any]] = {
    "number": NumberStep,
    "boolean": BooleanStep,
    "category": CategoryStep,
    "moment": MomentStep,
    "text": TextStep,
}
_STEP_NAMES = {step_type: name for name, step_type in STEP_TYPES.items()}
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

    steps: Sequence[AnyStep]
    ignored: frozenset[str] = frozenset()
    missing_as: Mapping[str, frozenset[str]] = member(default_factory=dict)

    @cached_property
    def dense(self) -> list[Step]:
        """The steps that make float columns, in order."""
        return [step for step in self.steps if not isinstance(step, TextStep) and step.block == "dense"]

    @cached_property
    def codes(self) -> list[CategoryStep]:
        """The steps that make codes, in order."""
        return [step for step in self.steps if isinstance(step, CategoryStep)]

    @cached_property
    def texts(self) -> list[TextStep]:
        """The steps that make term ids, in order."""
        return [step for step in self.steps if isinstance(step, TextStep)]

    @property
    def n_terms(self) -> int:
        """How many term ids there are over all text fields."""
        return sum(step.width for step in self.texts)

    @cached_property
    def _plan(self) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]], list[tuple[str, Any]]]:
        dense, codes, texts = (
            [(step.field, step.row) for step in steps] for steps in (self.dense, self.codes, self.texts)
        )
        return dense, codes, texts

    def row(self, row: Mapping[str, object], notes: Notes) -> EncodedRow:
        """The numbers of one row: dense values, codes, and text terms with weights; notes what is unusual."""
        if self.missing_as:
            row = without_said_missing(row if row.keys() <= self._known else self._named(row, notes), self.missing_as)
        if self._usual is not None and len(row) == len(self.steps):
            found = self._usual.read(row)
            if found is not None:
                return found[0], found[1], []
        if not row.keys() <= self._known:
            row = self._named(row, notes)
        dense_plan, code_plan, text_plan = self._plan
        get, absent = row.get, _ABSENT
        dense: list[float] = []
        codes: list[int] = []
        missing: list[str] = []
        for plan, out in ((dense_plan, dense), (code_plan, codes)):
            for field, read in plan:
                value = get(field, absent)
                if value is absent:
                    missing.append(field)
                    read(None, out, [])
                else:
                    read(value, out, notes)
        terms = self._row_terms(row, text_plan, missing, notes) if text_plan else []
        if missing or len(row) != len(self.steps):
            self._note_fields(row, missing, notes)
        return dense, codes, terms

    @cached_property
    def _usual(self) -> UsualRow | None:
        numbers = [step for step in self.dense if isinstance(step, NumberStep)]
        plain = len(numbers) + len(self.codes) == len(self.steps)
        return UsualRow(numbers, self.codes) if plain else None

    def _row_terms(
        self, row: Mapping[str, object], plan: list[tuple[str, Any]], missing: list[str], notes: Notes
    ) -> list[tuple[int, float]]:
        terms: list[tuple[int, float]] = []
        start = 0
        for (field, read), step in zip(plan, self.texts, strict=True):
            value = row.get(field, _ABSENT)
            if value is _ABSENT:
                missing.append(field)
            else:
                found: list[tuple[int, float]] = []
                read(value, found, notes)
                terms.extend((start + term, weight) for term, weight in found)
            start += step.width
        return terms

    @cached_property
    def _known(self) -> frozenset[str]:
        """The names of all fields, also of those that are not used."""
        return frozenset(step.field for step in self.steps) | self.ignored

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
        if len(missing) == len(self.steps) > 0:  # an answer to nothing would be an answer all the same
            notes.append(_no_known_field([step.field for step in self.steps]))
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
        return tuple(sorted(step.field for step in self.steps))

    @cached_property
    def _missing(self) -> Mapping[str, Problem]:
        """What is said of each field that was not sent: models may have thousands, and so may each row lack."""
        told = "not sent; treated as missing"
        return {step.field: Problem("missing_field", step.field, told) for step in self.steps}

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
        n = len(rows)
        dense = np.array([row[0] for row in rows], dtype=np.float32).reshape(n, self.dense_width)
        codes = np.array([row[1] for row in rows], dtype=np.int32).reshape(n, len(self.codes))
        return Arrays(dense, codes, ragged([row[2] for row in rows]) if self.texts else None)

    @cached_property
    def dense_width(self) -> int:
        """How many float columns the steps make."""
        return sum(step.width for step in self.dense)

    def columns(self, table: Mapping[str, Column], n: int) -> Arrays:
        """The arrays of a table of n rows; a column that is not there counts as missing throughout."""
        missing = Coded(np.full(n, -1, dtype=np.int32), [])
        if self.missing_as:
            said = self.missing_as
            table = {name: said_missing(own, said[name]) if name in said else own for name, own in table.items()}
        dense = [step.column(table.get(step.field, missing)) for step in self.dense]
        codes = [step.column(table.get(step.field, missing)) for step in self.codes]
        return Arrays(
            np.concatenate([np.empty((n, 0), dtype=np.float32), *dense], axis=1),
            np.concatenate([np.empty((n, 0), dtype=np.int32), *codes], axis=1),
            self._text_columns(table, missing) if self.texts else None,
        )

    def _text_columns(self, table: Mapping[str, Column], missing: Coded) -> Ragged:
        parts = [step.column(table.get(step.field, missing)) for step in self.texts]
        starts = np.cumsum([0, *(step.width for step in self.texts)])
        ids = np.concatenate([part.ids + start for part, start in zip(parts, starts, strict=False)])
        rows = np.concatenate([part.rows for part in parts])
        weights = np.concatenate([part.weights for part in parts])
        order = np.argsort(rows, kind="stable")
        return Ragged(ids[order], rows[order], weights[order])

    def as_json(self) -> list[dict[str, Any]]:
        """The fitted states, without the arrays of text steps."""
        said = {name: {"missing_as": sorted(values)} for name, values in self.missing_as.items()}
        return [{"step": _STEP_NAMES[type(step)], **state_of(step), **said.get(step.field, {})} for step in self.steps]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The plain arrays that belong to the fitted states, by name."""
        named: dict[str, NDArray[Any]] = {}
        for i, step in enumerate(self.texts):
            named[f"text{i}-terms"] = step.terms
            named[f"text{i}-idf"] = step.idf
        return named

    @classmethod
    def from_json(
        cls,
        documents: Iterable[dict[str, Any]],
        arrays: Mapping[str, NDArray[Any]],
        ignored: Iterable[str] = (),
    ) -> Encoder:
        """The encoder of `as_json` and `arrays`; raises KeyError, TypeError or ValueError on wrong ones."""
        steps: list[AnyStep] = []
        missing_as: dict[str, frozenset[str]] = {}
        n_texts = 0
        for document in documents:
            state = dict(document)
            if "missing_as" in state:
                missing_as[state["field"]] = frozenset(checked_texts(state.pop("missing_as")))
            step_type = STEP_TYPES[state.pop("step")]
            state = checked_state(step_type, state)
            if step_type is TextStep:
                terms, idf = arrays[f"text{n_texts}-terms"], arrays[f"text{n_texts}-idf"]
                state |= {"terms": terms, "idf": idf}
                n_texts += 1
            steps.append(step_type(**state))
        for step in steps:
            if isinstance(step, TextStep):
                step.check()
            if isinstance(step, NumberStep):
                step.reader.check()
            if isinstance(step, MomentStep) and not set(step.parts) <= set(PARTS):
                raise ValueError("a date has unknown parts")
            if isinstance(step, MomentStep) and not step.width:
                raise ValueError("nothing is left of a date")
        if len({step.field for step in steps}) < len(steps):
            raise ValueError("two steps read the same field")
        return cls(steps, frozenset(ignored), missing_as)


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
    steps = [_fit(field, table[field.name], ordered=field.name == ordered_by) for field in chosen if field.used]
    said = {step.field: missing_as[step.field] for step in steps if missing_as and missing_as.get(step.field)}
    return Encoder(steps, frozenset(field.name for field in chosen if not field.used), said)


def _fit(field: Field, column: Column, *, ordered: bool) -> AnyStep:
    if ordered and field.kind is Kind.NUMBER:
        return fit_number(field.name, column, open_ended=True)
    if ordered and field.kind is Kind.DATETIME:
        return fit_moment(field.name, column, open_ended=True)
    return _FIT[field.kind](field.name, column)


def fit_again(encoder: Encoder, fields: Iterable[Field], table: Mapping[str, Column]) -> Encoder:
    """The same steps, fitted on other rows of their table: how values are read stays, what is learned does not."""
    kinds = {field.name: field.kind for field in fields}
    steps = [_fit_again(step, kinds[step.field], table[step.field]) for step in encoder.steps]
    return replace(encoder, steps=steps)


def _fit_again(step: AnyStep, kind: Kind, column: Column) -> AnyStep:
    if isinstance(step, NumberStep):
        return fit_number(step.field, column, step.reader, open_ended=step.open_ended)
    if isinstance(step, MomentStep):
        return fit_moment(step.field, column, step.reader, open_ended=step.open_ended)
    return _FIT[kind](step.field, column)


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


def ragged(rows: Sequence[Sequence[tuple[int, float]]]) -> Ragged:
    """Text terms of some rows as one record."""
    lengths = [len(terms) for terms in rows]
    return Ragged(
        np.array([term for terms in rows for term, _ in terms], dtype=np.int64),
        np.repeat(np.arange(len(rows), dtype=np.int64), lengths),
        np.array([weight for terms in rows for _, weight in terms], dtype=np.float32),
    )


def at_row(notes: Notes, row: int | None) -> Iterable[Problem]:
    """The problems, each with the index of its row."""
    for p in notes:
        yield Problem(p.code, p.field, p.message, p.sent, p.known, p.nearest, row, p.fatal, p.among)
