"""A table from a database: the rows of a query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import CursorResult, Row, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from fitserve.data.reading.column_names import column_names
from fitserve.errors import DataError, MissingExtraError

_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def read_query(url: str, query: str, findings: list[str] | None = None) -> pl.DataFrame:
    """All rows of a query; raises DataError, without the password of the URL, if it fails.

    Columns of one name get a suffix, which is added to ``findings``.
    """
    with _result(url, query) as result:
        return _frame(_names(result, findings), result.all())


def query_batches(url: str, query: str, rows: int, findings: list[str] | None = None) -> Iterator[pl.DataFrame]:
    """The rows of a query in batches; types are those of each batch."""
    with _result(url, query) as result:
        names = _names(result, findings)
        for part in result.partitions(rows):
            yield _frame(names, part)


def _names(result: CursorResult[Any], findings: list[str] | None) -> list[str]:
    return column_names(list(result.keys()), "the query", findings)


def _frame(names: list[str], rows: Sequence[Row[Any]]) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.Null))
    return pl.DataFrame(list(map(tuple, rows)), schema=names, orient="row", infer_schema_length=None)


def shown_url(url: str) -> str:
    """A URL as it may be shown and recorded: its password hidden."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "the database"


@contextmanager
def _result(url: str, query: str) -> Iterator[CursorResult[Any]]:
    """The result of a query on a connection on which nothing is ever committed."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DataError(
            "--sql needs the URL of a database as the source: sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from None
    if parsed.drivername == "sqlite" and not Path(parsed.database or "").is_file():
        raise DataError(f"there is no file {parsed.database}; give the URL of a database, such as sqlite:///houses.db")
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    try:
        engine = create_engine(parsed)
    except NoSuchModuleError:
        raise DataError(
            f"databases of the kind {parsed.drivername!r} cannot be read; sqlite and postgresql can"
        ) from None
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"this needs {error.name}; install it with: pip install 'fitserve[postgresql]'"
        ) from None
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            result = connection.execute(text(query))
            if not result.returns_rows:
                raise DataError("the query gives no rows, and what it changed is undone; give a select")
            yield result
    except (SQLAlchemyError, pl.exceptions.PolarsError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise DataError(f"the query to {shown_url(url)} failed ({reason}); check the query and the URL") from None
    finally:
        engine.dispose()
