"""Delimiter and header of a CSV file, found out from its first records."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

from fitserve import schema
from fitserve.data.reading.whitespace_delimited import BLANKS, SEPARATOR, separated
from fitserve.errors import DataError

_DELIMITERS = ",;\t|"
# A record may be as long as four blocks of sixteen megabytes.
LONGEST_CELL = 64 << 20
_NUMBER = re.compile(rf"\s*(?:{schema.NUMBER_PATTERN})\s*\Z")
_YEARS = range(1800, 2201)
# From this share of blank names on, a first line may be the upper one of two.
_BLANK_SHARE = 0.3
_FEWEST_RECORDS = 3
# Such a share of a column makes it one of numbers, or of years.
_MOSTLY = 0.8

Records = Sequence[Sequence[str]]


@contextmanager
def wide_fields() -> Iterator[None]:
    """Let Python's csv reader take cells of any length; its limit is global."""
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def check_delimiter(delimiter: str | None) -> None:
    """Raise DataError for what cannot separate fields."""
    if delimiter is None or delimiter == BLANKS:
        return
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter.isalnum() or delimiter in '"\r\n\0':
        raise DataError(f"a delimiter is one ASCII character such as , ; | or a tab, not {delimiter!r}")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a text file: the number of lines before it, its cells, and whether a blank line is among them."""

    line: int
    cells: list[str]
    gap: bool
    text: str


def records_of(lines: Sequence[str], delimiter: str) -> list[Record]:
    """The records of some lines, the first ones before a quote that never closes."""
    if delimiter == BLANKS:
        lines, delimiter = separated("".join(lines).encode()).decode().splitlines(keepends=True), SEPARATOR
    records: list[Record] = []
    with wide_fields(), suppress(csv.Error):
        reader = csv.reader(lines, delimiter=delimiter)
        line, gap = 0, False
        for row in reader:
            blank = len(row) < 2 and not "".join(row).strip()
            if not blank:
                records.append(Record(line, row, gap, lines[line]))
            gap = blank
            line = reader.line_num
    return records


def best_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that cuts the first lines into the most columns, equally many in each."""
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths = [len(record.cells) for record in records_of(lines, delimiter)]
        common = max(set(widths), key=lambda width: (widths.count(width), width)) if widths else 1
        score = (widths.count(common) / len(widths), common) if common > 1 else (0.0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def header_lines(records: Records) -> int:
    """How many records at the beginning name the columns: none, one or two.

    None where the first record holds numbers above columns of numbers, as no header does but one of years or of
    a count from 0 or 1. Two where many names of the first are blank and the second has texts for them, above
    columns of which at least one holds something else.
    """
    if len(records) < _FEWEST_RECORDS:
        return 1
    first, second, rest = records[0], records[1], records[1:]
    if are_values(first, rest):
        return 0
    return 2 if _continues(first, second, records[2:]) else 1


def are_values(first: Sequence[str], rest: Records) -> bool:
    """Whether a record holds values, as those below it do, and no names."""
    places = [i for i, cell in enumerate(first) if _NUMBER.match(cell) and _mostly_numbers(rest, i)]
    if not places or len({cell.strip() for cell in first}) < len(first):
        return bool(places)
    numbers = [float(first[i]) for i in places]
    years = all(number in _YEARS for number in numbers) and not any(_mostly(_is_year, rest, i) for i in places)
    if len(places) > 1:
        counted = numbers == [numbers[0] + i for i in range(len(numbers))] and numbers[0] in (0.0, 1.0)
        counted = counted and len(numbers) > 1 + numbers[0]  # "1,2" alone may well be values
        return not (years or (counted and all(first[i].strip().isdecimal() for i in places)))
    return not (years and len(first) > 1)


def _is_year(cell: str) -> bool:
    return _NUMBER.match(cell) is not None and float(cell) in _YEARS


def are_names(record: Sequence[str]) -> bool:
    """Whether cells may be names of columns: none is a number but for years, or blank, and no two are equal."""
    return len({cell.strip() for cell in record}) == len(record) and _may_name(record)


def _may_name(cells: Sequence[str]) -> bool:
    names = [cell.strip() for cell in cells]
    numbers = [name for name in names if _NUMBER.match(name)]
    return all(names) and len(names) > len(numbers) and all(map(_is_year, numbers))


def names_columns(record: Sequence[str], rest: Records) -> bool:
    """Whether a record holds names, at least one above a column of numbers; the first and the last may be blank."""
    names = record[not record[0].strip() : len(record) - (len(record) > 1 and not record[-1].strip())]
    if not _may_name(names) or any(name.strip().casefold() in schema.MISSING_WHERE_TYPED for name in names):
        return False
    if are_values(record, rest):
        return False
    return any(record[place].strip() and _mostly_numbers(rest, place) for place in range(len(record)))


def _mostly_numbers(rest: Records, place: int) -> bool:
    return _mostly(_is_number, rest, place)


def _is_number(cell: str) -> bool:
    return _NUMBER.match(cell) is not None


def _mostly(holds: Callable[[str], bool], rest: Records, place: int) -> bool:
    cells = [row[place] for row in rest if place < len(row) and row[place].strip()]
    return bool(cells) and sum(map(holds, cells)) >= _MOSTLY * len(cells)


def _continues(first: Sequence[str], second: Sequence[str], rest: Records) -> bool:
    """Whether the second record goes on where the first has blank names."""
    blank = [i for i, name in enumerate(first) if not name.strip()]
    if len(blank) < max(2, _BLANK_SHARE * len(first)) or len(second) != len(first) or not rest:
        return False
    names_in_second = [second[i].strip() for i in blank]
    if sum(map(bool, names_in_second)) < 0.8 * len(names_in_second) or any(_NUMBER.match(cell) for cell in second):
        return False
    columns = [[row[i] for row in rest if i < len(row)] for i in range(len(first))]
    return any(second[i].strip() not in map(str.strip, column) for i, column in enumerate(columns) if second[i].strip())


def joined_names(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """The names of two header lines as one.

    A blank upper name is that of the column before it; where an upper name stands above one column alone, it is
    the column's.
    """
    names = []
    starts = [i for i, name in enumerate(upper) if name.strip()]
    for start, end in pairwise([*starts, len(upper)]):
        group = upper[start].strip()
        parts = [name.strip() for name in lower[start:end]]
        names += [group] if end - start == 1 else [f"{group}: {part}" if part else group for part in parts]
    return _distinct([name.strip() for name in lower[: starts[0] if starts else None]] + names)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that occur more than once, with their number behind them."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 or not name else f"{name} ({seen[name]})")
    return found
