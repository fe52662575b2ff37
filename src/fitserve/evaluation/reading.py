"""How a model reads the columns of a file or a frame: the same for bulk prediction, evaluation and comparison.

What training learned decides. What it left open, such as the order of day and month in dates, a file decides as a
whole, and what was decided is a finding; so is what is unusual about the file, in the words of the service's warnings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import polars as pl

from fitserve.data.reading.read import ReadOptions, is_location, read_batches, read_frame
from fitserve.data.reading.sources import local_files
from fitserve.data.understanding.series import column_of_series
from fitserve.features.category import CategoryStep
from fitserve.features.column import Column
from fitserve.features.missing import said_missing
from fitserve.features.moment import MomentStep, order_in
from fitserve.features.number import NumberStep
from fitserve.features.spelling import order_shown
from fitserve.features.tally import tally
from fitserve.features.text import TextStep
from fitserve.names import NearNames
from fitserve.prediction import Predictor
from fitserve.schema import MISSING_SPELLINGS, Kind

_MOST_COLUMNS = 6
# Characters of names, for all hints of one source: two tables of thousands of columns cost a second, not minutes.
_MOST_COMPARED = 1_000_000
_SAID = {
    "not_a_number": "hold no number; the value counts as missing",
    "not_a_boolean": "hold neither yes nor no; the value counts as missing",
    "not_a_datetime": "hold no date; the value counts as missing",
    "not_a_category": "hold no level; the value counts as unseen",
    "not_a_text": "hold no text; the value counts as missing",
    "unseen_category": "hold a level that was rare or unseen in training",
    "missing_value": "hold no value, and training had no such rows",
    "read_as_missing": "hold a text that is read as no value, and training had no such text",
    "infinite_value": "hold an infinite number; it counts as missing",
    "out_of_range": "hold a value outside the range of the training",
    "ambiguous_date": "hold a date whose day and month are in doubt",
}


def used_kinds(predictor: Predictor) -> dict[str, Kind]:
    """The columns that a model reads, with the kinds by which their values are to be read.

    Numbers with a spelling of their own are left to their step: "1.234" alone would look like a plain one.
    """
    own = {step.field for step in predictor.encoder.steps if isinstance(step, NumberStep) and not step.reader.is_plain}
    kinds = {field.name: field.kind for field in predictor.manifest.schema() if field.used}
    return {name: Kind.TEXT if name in own else kind for name, kind in kinds.items()}


@dataclass
class Reading:
    """Reads the columns of one source for one model. ``problems`` counts rows by field and code over all that was read.

    ``orders`` is what comes first in the dates of a column, where the source decides it.
    """

    predictor: Predictor
    orders: dict[str, str] = field(default_factory=dict)
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    rows: int = 0

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The columns that the model reads."""
        return used_kinds(self.predictor)

    @cached_property
    def _kept(self) -> dict[str, frozenset[str]]:
        """Levels that look like missing values."""
        steps = [step for step in self.predictor.encoder.steps if isinstance(step, CategoryStep)]
        return {
            step.field: frozenset(level for level in step.levels if level.casefold() in MISSING_SPELLINGS)
            for step in steps
        }

    def column(self, frame: pl.DataFrame, name: str) -> Column:
        """One column of some rows."""
        column = column_of_series(
            frame[name], self.kinds[name], self.orders.get(name, ""), self._kept.get(name, frozenset())
        )
        said = self.predictor.encoder.missing_as.get(name)
        return said_missing(column, said) if said else column

    def columns(self, frame: pl.DataFrame) -> dict[str, Column]:
        """The columns that the model reads of some rows."""
        there = set(frame.columns)
        return {name: self.column(frame, name) for name in self.kinds if name in there}

    def count(self, table: dict[str, Column], n: int) -> None:
        """Count what is unusual about n rows; of the first ones, whether their texts are like those of the training."""
        if not self.rows:
            for step in self.predictor.encoder.steps:
                if isinstance(step, TextStep) and step.field in table:
                    unlike = step.unlike_note(table[step.field])
                    if unlike:
                        self.findings.append(
                            f"the texts of column {step.field!r} look nothing like those of the training: {unlike}; "
                            "check the file and its --encoding"
                        )
        self.problems.update(tally(self.predictor.encoder, table))
        self.rows += n

    def asks_for_order(self, frame: pl.DataFrame) -> bool:
        """Whether some rows hold dates whose day and month only their order tells apart."""
        return any(_shown(frame, step) for step in _moments(self.predictor))

    def settle_orders(self, frames: Iterable[pl.DataFrame]) -> None:
        """Decide for all rows together what comes first in the dates of each column."""
        shown: dict[str, dict[str, str]] = {step.field: {} for step in _moments(self.predictor)}
        for frame in frames:
            for step in _moments(self.predictor):
                shown[step.field] = _shown(frame, step) | shown[step.field]
        for step in _moments(self.predictor):
            order = order_in(step, shown[step.field].values())
            if order.spelling:
                self.orders[step.field] = order.spelling
            if order.note:
                self.findings.append(f"column {step.field!r} holds {order.note}")


def _moments(predictor: Predictor) -> list[MomentStep]:
    return [step for step in predictor.encoder.steps if isinstance(step, MomentStep)]


def _shown(frame: pl.DataFrame, step: MomentStep) -> dict[str, str]:
    """An example of each order of day and month in a column, the earliest in the alphabet."""
    if step.field not in frame.columns or frame[step.field].dtype != pl.String:
        return {}
    found: dict[str, str] = {}
    for text in frame[step.field].drop_nulls().unique().sort().to_list():
        order = order_shown(step.reader.without_prefix(text))
        if order is not None:
            found.setdefault(order, text)
    return found


@contextmanager
def opened(
    readings: Sequence[Reading], source: Any, options: ReadOptions | None, findings: list[str], *, whole: bool = False
) -> Iterator[Iterator[pl.DataFrame]]:
    """The rows of a source in batches, for one model or several; what was found out is added to ``findings``.

    ``whole`` gives all rows at once. A file is looked through again where only all of its rows can tell how its dates
    are meant. Of a query that is the first batch.
    """
    if not is_location(source):
        frame = read_frame(source, findings=findings)
        for reading in readings:
            reading.settle_orders([frame])
        yield iter([frame])
        return
    query = options is not None and options.sql is not None
    with ExitStack() as stack:
        read = source if query else stack.enter_context(local_files(source, options.fetch if options else False))
        batches = stack.enter_context(closing(read_batches(read, options, findings)))
        first = next(batches)  # a file without rows is refused by the reader
        for reading in readings:
            if reading.asks_for_order(first):
                reading.settle_orders([first] if query else read_batches(read, options, []))
        every = chain([first], batches)
        yield iter([pl.concat(every, how="diagonal_relaxed")]) if whole else every


def problem_notes(problems: Mapping[tuple[str, str], int], rows: int) -> list[str]:
    """A sentence for each kind of problem, with how many of how many rows have it in which columns."""
    by_code: dict[str, list[tuple[str, int]]] = {}
    for (name, code), n in sorted(problems.items()):
        by_code.setdefault(code, []).append((name, n))
    return [_problem_note(code, found, rows) for code, found in by_code.items()]


def _problem_note(code: str, found: list[tuple[str, int]], rows: int) -> str:
    said = _SAID.get(code, code)
    if len(found) == 1:
        name, n = found[0]
        return f"column {name!r}: {n:,} of {rows:,} rows {said}"
    shown = ", ".join(f"{name!r} ({n:,})" for name, n in found[:_MOST_COLUMNS])
    more = f" and {len(found) - _MOST_COLUMNS} more (--json lists them)" if len(found) > _MOST_COLUMNS else ""
    return f"columns {shown}{more}: so many of {rows:,} rows {said}"


def missing_notes(missing: Iterable[str], there: Iterable[str], read: Iterable[str]) -> list[str]:
    """A sentence for each column of a model that a table lacks, with the names there that may be meant."""
    own = set(read)
    others = [name for name in there if name not in own]
    found, names = [], NearNames(_MOST_COMPARED)
    for name in missing:
        near = names.nearest(name, others)
        hint = f"; is {near!r} meant?" if near else ""
        found.append(f"column {name!r} is not in the file; its values count as missing{hint}")
    return found
