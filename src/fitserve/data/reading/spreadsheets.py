"""Tables in spreadsheets: which sheet, which of its rows names the columns, and where the table ends."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from fitserve.data.reading.column_names import column_names
from fitserve.data.reading.delimited import ReadOptions
from fitserve.data.reading.footer import Row, footer_rows
from fitserve.data.reading.header import Record
from fitserve.data.reading.preamble import SAMPLE_LINES, title_records, titles_note
from fitserve.errors import DataError

if TYPE_CHECKING:
    import fastexcel

_MOST_SAMPLED = 1_000


def read_sheet(path: Path, options: ReadOptions, findings: list[str] | None = None) -> pl.DataFrame:
    """One sheet of a workbook: the named one, or the only one that holds anything.

    What was found out about it is added to ``findings``. Raises DataError for what is no spreadsheet.
    """
    import fastexcel  # only for spreadsheets

    logging.getLogger("fastexcel").setLevel(logging.ERROR)  # it tells users about types of columns
    notes_of: dict[str, list[str]] = {}
    try:
        book = fastexcel.read_excel(path)
        names = book.sheet_names
        if options.sheet is not None and options.sheet not in names:
            raise DataError(f"{path} has no sheet {options.sheet!r}; it has {', '.join(map(repr, names))}")
        chosen = [options.sheet] if options.sheet is not None else names
        frames = {name: _table(book, name, options, notes_of.setdefault(name, [])) for name in chosen}
    except fastexcel.FastExcelError:
        reason = "it is damaged, has a password or is none"
        raise DataError(f"{path} cannot be read as a spreadsheet ({reason}); save the table as CSV") from None
    filled = [name for name, frame in frames.items() if frame.width and frame.height]
    if len(filled) > 1:
        others = ", ".join(map(repr, filled[1:]))
        raise DataError(f"{path} has {len(filled)} sheets with tables; say --sheet {filled[0]!r} (or {others})")
    name = filled[0] if filled else chosen[0]
    if findings is not None:
        findings += [f"{path.name} {each}" for each in notes_of[name]]
    return frames[name]


def _table(book: fastexcel.ExcelReader, name: str, options: ReadOptions, notes: list[str]) -> pl.DataFrame:
    start = options.skip_rows or 0
    top = book.load_sheet(name, header_row=None, skip_rows=start, n_rows=SAMPLE_LINES, dtypes="string").to_polars()
    records = _records(_texts(top))
    if not records:
        return pl.DataFrame()
    first = title_records(records) if options.skip_rows is None else 0
    if first:
        notes.append(titles_note(records[first].line, records[0].text))
    header = records[first]
    body = start + header.line + 1
    frame = book.load_sheet(name, header_row=None, skip_rows=body, schema_sample_rows=None).to_polars()
    cut = _footer(frame, options, notes)
    if cut:  # the types are those of the rows that stay
        rows = frame.height - cut
        frame = book.load_sheet(name, header_row=None, skip_rows=body, n_rows=rows, schema_sample_rows=None).to_polars()
    if frame.width < len(header.cells):  # columns without a value
        return pl.DataFrame(schema=dict.fromkeys(column_names(header.cells, name), pl.Null))
    names = [cell.strip() for cell in header.cells] + [""] * (frame.width - len(header.cells))
    found: list[str] = []
    frame.columns = column_names(names, "", found)
    notes += [each.strip() for each in found]
    return frame


def _texts(frame: pl.DataFrame) -> list[list[str]]:
    return [["" if cell is None else str(cell) for cell in row] for row in frame.iter_rows()]


def _records(rows: Sequence[Sequence[str]]) -> list[Record]:
    """The rows that are not blank."""
    filled = [i for i, row in enumerate(rows) if any(cell.strip() for cell in row)]
    return [Record(i, list(rows[i]), i > 0 and i - 1 not in filled, ",".join(rows[i])) for i in filled]


def _footer(frame: pl.DataFrame, options: ReadOptions, notes: list[str]) -> int:
    """How many rows at the end are left out."""
    if options.skip_footer is not None:
        return min(options.skip_footer, frame.height)
    last = _texts(frame.tail(_MOST_SAMPLED))
    rows = [Row(i, cells, i > 0 and not any(last[i - 1])) for i, cells in enumerate(last)]
    cut, found = footer_rows(rows, frame.width, whole=frame.height <= _MOST_SAMPLED)
    notes += found
    return cut
