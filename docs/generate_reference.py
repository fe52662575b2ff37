"""Writes ``reference/generated/*.md``: the part of the reference that the code itself can tell.

Sphinx runs it before every build; ``python docs/generate_reference.py`` does the same by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from fitserve import errors
from fitserve.cli import fitserve
from fitserve.errors import FitserveError, InputError, MissingExtraError, Problem, UserError
from fitserve.serving.problems import TITLES, problem_of
from fitserve.settings import SETTINGS
from fitserve.tasks import get_task, task_names

GENERATED = Path(__file__).parent / "reference" / "generated"
_WIDTH = 100


def main() -> None:
    """Write all pages."""
    GENERATED.mkdir(parents=True, exist_ok=True)
    pages = {"cli": cli(), "settings": settings(), "errors": error_tree(), "statuses": statuses(), "scores": scores()}
    for name, text in pages.items():
        (GENERATED / f"{name}.md").write_text(text, encoding="utf-8")


def cli() -> str:
    """What ``--help`` says, for every command."""
    parts = []
    for name, command in commands("fitserve", fitserve):
        context = click.Context(command, info_name=name, terminal_width=_WIDTH, max_content_width=_WIDTH)
        context.help_option_names = ["-h", "--help"]
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, each with its full name."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            assert child is not None
            yield from commands(f"{name} {child_name}", child)


def settings() -> str:
    """The table of settings."""
    rows = [(f"`{each.variable}`", each.type.__name__, f"`{each.default}`", each.help) for each in SETTINGS.values()]
    return table(("variable", "type", "default", "what it is"), rows)


def error_tree() -> str:
    """The drawn tree, and what each error becomes on the command line and over HTTP."""
    assert errors.__doc__ is not None
    drawn = errors.__doc__.split("\n\n")[1]
    rows = []
    for error in descendants(FitserveError):
        code = 2 if issubclass(error, (UserError, MissingExtraError)) else 1
        told = (error.__doc__ or "").split("\n")[0]
        rows.append((f"`{error.__name__}`", told, str(code), str(problem_of(sample(error)).status)))
    return f"```text\n{drawn}\n```\n\n" + table(("error", "meaning", "exit code", "HTTP status"), rows)


def descendants(error: type[FitserveError]) -> Iterator[type[FitserveError]]:
    """An error class and all below it, in the order of the file."""
    yield error
    for child in error.__subclasses__():
        yield from descendants(child)


def sample(error: type[FitserveError]) -> FitserveError:
    """One error of a class."""
    return InputError([Problem("code", "field", "message")]) if error is InputError else error("message")


def statuses() -> str:
    """The titles of problem documents by status."""
    rows = [
        (str(status), title, f"`urn:fitserve:problem:{title.lower().replace(' ', '-')}`")
        for status, title in TITLES.items()
    ]
    return table(("status", "title", "type"), rows)


def scores() -> str:
    """The table of scores."""
    rows = [
        (f"`{metric.name}`", name, metric.better, metric.summary)
        for name in task_names()
        for metric in get_task(name).metrics.values()
    ]
    return table(("score", "task", "better is", "what it says"), rows)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
