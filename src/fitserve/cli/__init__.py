"""The command line: one thin file for each verb, imported only when it is used."""

from __future__ import annotations

import atexit
import gc
import io
import logging
import os
import sys
import time
from importlib import import_module

import click

from fitserve import settings
from fitserve.errors import FitserveError, MissingExtraError, SpecError, UserError, printable

BEGUN = "fitserve.begun"
"""Where the context of a command keeps the time of `time.monotonic` at which it began."""
# Verb -> the module and function behind it, and its line in the list of commands.
_COMMANDS = {
    "data": ("fitserve.cli.data:data", "Look at a table: its columns, and what may be wrong."),
    "train": ("fitserve.cli.train:train", "Train a model on a table."),
    "models": ("fitserve.cli.models:models", "List, show, promote, delete, export and import models."),
    "evaluate": ("fitserve.cli.evaluate:evaluate", "Score a model on data that it has not seen."),
    "compare": ("fitserve.cli.compare:compare", "Say whether one model is better than another, and where."),
    "predict": ("fitserve.cli.predict:predict", "Predict every row of a file."),
    "serve": ("fitserve.cli.serve:serve", "Serve models over HTTP."),
    "runs": ("fitserve.cli.runs:runs", "List and show trainings."),
    "datasets": ("fitserve.cli.datasets:datasets", "List, show, delete and export the tables of trainings."),
    "keys": ("fitserve.cli.keys:keys", "Make, list and revoke API keys."),
}
_HEAVY = frozenset(["polars", "sklearn", "lightgbm", "xgboost", "catboost", "onnx", "scipy"])


class _Lazy(click.Group):
    """A group whose commands are imported when they are called, so that --help is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, note) for name, (_, note) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="fitserve")
@click.option("--workspace", metavar="FOLDER", help="Where models live (FITSERVE_WORKSPACE, default ~/.fitserve).")
@click.pass_context
def fitserve(ctx: click.Context, workspace: str | None) -> None:
    """Turn a data file into a prediction service that keeps getting better."""
    ctx.obj = workspace
    # A budget is for the whole command: the interpreter's own start counts, too.
    ctx.meta[BEGUN] = time.monotonic() - min(time.process_time(), 1.0)


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 an error of ours, 2 a mistake of the user's, 130 Ctrl-C."""
    # At its end the interpreter would look for cycles among all that was ever loaded: up to a second after a training.
    atexit.register(gc.freeze)
    _write_any_name()
    try:
        _keep_log()
        code = fitserve.main(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _complain(f"fitserve: {_message_of(error)}")
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted; nothing was changed")
        sys.exit(130)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _HEAVY:
            raise
        _fail(MissingExtraError(f"this needs {error.name}; install it with: pip install 'fitserve[train]'"))
    except FitserveError as error:
        _fail(error)
    except OSError as error:
        _fail_to_write(error)


def _write_any_name() -> None:
    """Names of files need not be UTF-8; show them as far as it goes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _keep_log() -> None:
    """Append the log to the file that the settings name, if they name one."""
    path = settings.get("log")
    if path is None:
        return
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise SpecError(f"FITSERVE_LOG: {path} cannot be written ({error.strerror}); name another file") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("fitserve").addHandler(handler)


def _fail_to_write(error: OSError) -> None:
    """What is left of OSError: the reader of a pipe is gone, or standard output cannot take any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter tries once more at its end
    if not isinstance(error, BrokenPipeError):
        _complain(f"fitserve: the output cannot be written ({error.strerror or error})")
    sys.exit(1)


def _message_of(error: click.ClickException) -> str:
    """A mistake on the command line in one line, with where to read more."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    return f"{message}{' See' if message.endswith('?') else '; see'} {context.command_path} --help"


def _fail(error: FitserveError) -> None:
    _complain(f"fitserve: {error}")
    sys.exit(2 if isinstance(error, (UserError, MissingExtraError)) else 1)


def _complain(line: str) -> None:
    click.echo(printable(line), err=True)
