"""Bundle to Predictor: rows or columns in, answers out."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.bundle.manifest import Manifest
from fitserve.errors import DataError, InputError, Problem
from fitserve.features.base import Step, described
from fitserve.features.column import Coded, Column, column_of, take
from fitserve.features.encoder import EncodedRow, Encoder
from fitserve.features.moment import MomentStep, order_in
from fitserve.names import nearest
from fitserve.prediction.session import Session
from fitserve.tasks import Answer, Answerer

CHUNK_ROWS = 8192
_MOST_NAMES = 50


@dataclass(frozen=True)
class Predictor:
    """A loaded model. Immutable and safe to use from several threads.

    ``sha256`` is the identity of its bundle, ``example`` a typical row. Every way in (`answer`, `answers`,
    `predict`, `predict_columns`) gives the same bits for the same row.
    """

    manifest: Manifest
    sha256: str
    encoder: Encoder
    session: Session
    answerer: Answerer
    example: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, row: Mapping[str, object]) -> tuple[Answer, list[Problem]]:
        """The answer to one row and what is to be said about its values.

        A fatal problem (a value that no rule learned in training covers) leaves that value missing.
        """
        encoded, problems = self.read(row)
        return self.run([encoded])[0], problems

    def read(self, row: Mapping[str, object]) -> tuple[EncodedRow, list[Problem]]:
        """The first half of `answer`: what a model sees of one row."""
        problems: list[Problem] = []
        return self.encoder.row(row, problems), problems

    def run(self, rows: Sequence[EncodedRow]) -> list[Answer]:
        """The second half of `answer`, for any number of rows at once; a row's answer depends on no other."""
        session = self.session
        if not session.dense_alone or not rows:
            raw = session.run(self.encoder.stack(rows))
        elif len(rows) == 1:
            raw = session.run_row([*rows[0][0], *rows[0][1]])
        else:
            raw = session.run_matrix(np.array([[*row[0], *row[1]] for row in rows], dtype=np.float32))
        return self.answerer.decode(raw)

    def answers(self, rows: Sequence[Mapping[str, object]]) -> tuple[list[Answer], list[Problem]]:
        """The answers to some rows; each problem carries the index of its row."""
        problems: list[Problem] = []
        raw = self.session.run(self.encoder.rows(rows, problems))
        return self.answerer.decode(raw), problems

    def predict(self, rows: Any) -> Any:
        """Answers for people and notebooks.

        ``rows``: one mapping gives one answer, a sequence of mappings a list of answers, and anything with
        columns (a mapping of arrays is not one row: pass a pandas or polars DataFrame or an Arrow table)
        a list of answers. A pandas Series is one row. Raises InputError if a value cannot be used at all, DataError
        for a frame with none of the model's columns and for what is no row.
        """
        if hasattr(rows, "collect"):
            rows = rows.collect()
        if hasattr(rows, "columns") or hasattr(rows, "column_names"):
            table = columns_of_frame(rows, self.encoder.steps)
            self.check_columns(table)
            return self.answerer.decode(self.raw_columns(table, len(rows)))
        if hasattr(rows, "to_dict") and hasattr(rows, "index"):
            rows = rows.to_dict()
        if isinstance(rows, Mapping):
            answer, problems = self.answer(rows)
            _raise_fatal(problems)
            return answer
        rows = list(rows) if isinstance(rows, Iterable) and not isinstance(rows, str) else [rows]
        for row in rows:
            if not isinstance(row, Mapping):
                raise DataError(f"a row is a mapping from field to value, not {described(row)}")
        answers, problems = self.answers(rows)
        _raise_fatal(problems)
        return answers

    def check_columns(self, names: Collection[str]) -> None:
        """Raise DataError, with the names that may be meant, if none of the model's columns is among some names."""
        fields = [step.field for step in self.encoder.steps]
        if not fields or any(field in names for field in fields):
            return
        needed = ", ".join(fields[:8]) + (", …" if len(fields) > 8 else "")
        near = [(name, found) for name in list(names)[:_MOST_NAMES] if (found := nearest(name, fields[:_MOST_NAMES]))]
        meant = ", ".join(f"{found!r} for {name!r}" for name, found in near[:3])
        advice = f"rename its columns: {meant}" if near else "predict another one"
        raise DataError(f"the table has none of the model's columns ({needed}); {advice}")

    def raw_columns(self, table: Mapping[str, Column], n: int) -> NDArray[Any]:
        """Raw outputs of a table of n rows, computed in chunks on all cores."""
        outputs = list(self.chunks(table, n))
        return np.concatenate(outputs) if outputs else self.session.run(self.encoder.columns(table, 0))

    def chunks(self, table: Mapping[str, Column], n: int) -> Iterator[NDArray[Any]]:
        """Raw outputs chunk by chunk, in order; memory beside the table stays small."""

        def run(start: int) -> NDArray[Any]:
            rows = slice(start, min(start + CHUNK_ROWS, n))
            part = {step.field: take(table[step.field], rows) for step in self.encoder.steps if step.field in table}
            return self.session.run(self.encoder.columns(part, rows.stop - start))

        with ThreadPoolExecutor() as pool:
            yield from pool.map(run, range(0, n, CHUNK_ROWS))

    def predict_columns(self, table: Mapping[str, Column], n: int) -> dict[str, NDArray[Any]]:
        """Answers to a table of n rows as named columns."""
        return self.answerer.columns(self.raw_columns(table, n))


def columns_of_frame(frame: Any, steps: Iterable[Step]) -> dict[str, Column]:
    """The columns that some steps read of a pandas or polars DataFrame or an Arrow table.

    Names are read as in training: without blanks around them, and members of objects by their path.
    """
    names = frame.column_names if hasattr(frame, "column_names") else list(frame.columns)
    own: dict[str, Any] = {}
    for name in sorted(names, key=lambda name: str(name) != str(name).strip()):  # exact names come first, as in rows
        own.setdefault(str(name).strip(), name)
    found: dict[str, Column] = {}
    for step in steps:
        if step.field in own:
            # Where spellings count, moments must not become seconds.
            found[step.field] = column_of(_plain(frame[own[step.field]], spelled=step.block != "dense"))
        else:
            parents = [step.field[:i] for i, sign in enumerate(step.field) if sign == "." and step.field[:i] in own]
            if parents:
                path = step.field[len(parents[-1]) + 1 :].split(".")
                objects = list(_plain(frame[own[parents[-1]]], spelled=True))
                found[step.field] = column_of([_member(each, path) for each in objects])
    return {step.field: _in_one_order(step, found[step.field]) for step in steps if step.field in found}


def _member(value: object, path: Sequence[str]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _in_one_order(step: Step, column: Column) -> Column:
    """A column whose dates are read as a whole where training does not say whether the day or the month comes first."""
    if not isinstance(step, MomentStep) or not isinstance(column, Coded):
        return column
    order = order_in(step, column.levels)
    if order.note:
        warnings.warn(f"column {step.field!r} holds {order.note}", UserWarning, stacklevel=4)
    return replace(column, spelling=order.spelling) if order.spelling else column


def _plain(series: Any, *, spelled: bool) -> Any:
    """A frame's column as an array or list; categories and nullable types as Python values."""
    if hasattr(series, "to_pylist"):
        return series.to_pylist()
    kind = getattr(series.dtype, "kind", None)
    if kind is None:  # polars
        numeric = (series.dtype.is_integer() or series.dtype.is_float()) and "128" not in str(series.dtype)
        moments = str(series.dtype).startswith("Date") and not spelled
        return series.to_numpy() if numeric or moments else series.to_list()
    own = type(series.dtype).__module__.startswith("numpy")
    return series.to_numpy() if own and (kind in "iuf" or (kind == "M" and not spelled)) else series.tolist()


def _raise_fatal(problems: Sequence[Problem]) -> None:
    fatal = [problem for problem in problems if problem.fatal]
    if fatal:
        raise InputError(fatal)
