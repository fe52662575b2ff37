"""What commands print: one JSON document, or text for people."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import orjson

from fitserve.errors import SpecError, printable, steers
from fitserve.formatting import number

F = TypeVar("F", bound=Callable[..., Any])
_LONGEST_CELL = 200


def json_option(command: F) -> F:
    """The flag ``--json``; it may stand before a subcommand, too."""

    def chosen(ctx: click.Context, _parameter: click.Parameter, value: bool) -> bool:
        return value or bool(ctx.parent is not None and ctx.parent.params.get("as_json"))

    note = "Print one JSON document and nothing else."
    return click.option("--json", "as_json", is_flag=True, callback=chosen, help=note)(command)


def read_options(command: F) -> F:
    """The arguments and options for reading a table; the command gets a ``source`` and a ``reading`` record."""

    @wraps(command)
    def with_record(*, sources: tuple[str, ...], delimiter: str | None, **options: Any) -> Any:
        from fitserve.data.reading.delimited import ReadOptions

        delimiter = {"\\t": "\t", "tab": "\t", "blanks": r"\s+"}.get(delimiter or "", delimiter)
        names = ("encoding", "header", "sheet", "sql", "fetch", "skip_rows", "skip_footer", "comment")
        chosen = {name: options.pop(name) for name in names}
        if chosen["sql"] is not None and len(sources) != 1:
            raise SpecError("--sql needs one source, the URL of the database, such as sqlite:///houses.db")
        source = sources[0] if len(sources) == 1 else list(sources) or None
        return command(source=source, reading=ReadOptions(delimiter, **chosen), **options)

    option: Any = with_record
    header = "Whether the first line of a CSV file names the columns; default: found out."
    for decorator in (
        click.option("--fetch", is_flag=True, help="Allow SOURCE to be an address, http:// or https://."),
        click.option("--sql", metavar="QUERY", help="Take the rows of a query; SOURCE is the URL of a database."),
        click.option("--sheet", help="The sheet of a spreadsheet; default: the only one with a table."),
        click.option("--header/--no-header", default=None, help=header),
        click.option("--comment", metavar="SIGN", help="What comment lines begin with; default: found out at the top."),
        click.option("--skip-footer", metavar="N", type=int, help="Rows at the end that are none; default: found out."),
        click.option("--skip-rows", metavar="N", type=int, help="Lines before the header; default: found out."),
        click.option("--encoding", help="Of a text file, such as gb18030; default: found out."),
        click.option("--delimiter", help="Of a CSV file, or 'blanks' for one or several; default: found out."),
    ):
        option = decorator(option)
    return cast(F, option)


def workspace_option(command: F) -> F:
    """The option ``--workspace``, also after the verb; given there it wins."""

    def chosen(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
        return value or ctx.find_root().obj

    note = "Where models live (FITSERVE_WORKSPACE, default ~/.fitserve)."
    return click.option("--workspace", metavar="FOLDER", callback=chosen, help=note)(command)


def say(*lines: str, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Print lines for people.

    Names come from files and bundles, and may hold anything: nothing in them steers the terminal or makes a line of
    its own. All commands write by this function.
    """
    text = "\n".join(map(printable, lines))
    click.echo(click.style(text, **style) if style else text, err=err, nl=nl)


def clear_line() -> None:
    """Empty the current line of standard error, which is a terminal."""
    click.echo("\r\033[K", nl=False, err=True)


def print_json(document: Any) -> None:
    """One JSON document on standard output; NaN and infinity become null."""
    click.echo(json_text(document, indent=True))


def json_text(document: Any, *, indent: bool = False) -> str:
    """A document as JSON in which nothing steers a terminal: such characters are spelled as JSON spells them."""
    option = orjson.OPT_SERIALIZE_NUMPY | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        text = orjson.dumps(document, option=option, default=str).decode()
    except TypeError:  # a file's name that is no UTF-8
        text = json.dumps(document, indent=2 if indent else None, default=str)
    if text.isprintable():
        return text
    return "".join(json.dumps(sign)[1:-1] if steers(sign) and sign != "\n" else sign for sign in text)


def print_table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A plain table, columns aligned, numbers to the right."""
    cells = [[shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    numeric = [all(isinstance(row[i], (int, float)) or row[i] is None for row in rows) for i in range(len(heads))]
    for line in [list(heads), *cells]:
        parts = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        say("  ".join(parts).rstrip())


def shown_interval(interval: Sequence[float] | None) -> str:
    """An interval as a cell."""
    return f"{shown(float(interval[0]))} to {shown(float(interval[1]))}" if interval else "-"


def shown(value: Any) -> str:
    """A cell: floats in four digits, nothing for None."""
    if value is None:
        return "-"
    text = number(value) if isinstance(value, float) else printable(str(value))
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def write_whole(path: Path, text: str) -> None:
    """Write a text to a file that appears under its name only when it is whole."""
    with whole_file(path, "--html") as unfinished:
        unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextmanager
def whole_file(path: Path, option: str) -> Iterator[Path]:
    """A name beside ``path`` to write to, which becomes ``path`` at the end of the block.

    Raises SpecError, naming the ``option`` that chose it, if it cannot be written.
    """
    if path.is_dir():
        raise SpecError(f"{path} is a folder; name a file in it with {option}")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise SpecError(f"{path} cannot be written ({error.strerror or error}); choose another {option}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
