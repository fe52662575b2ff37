"""One table of settings: name, type, default, one line of help.

Each is read from the command line where a command has the flag, else from the environment as
``FITSERVE_<NAME>``, else it has its default.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitserve.errors import SpecError


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; ``type`` makes a value of the text found in the environment."""

    name: str
    type: type
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"FITSERVE_{self.name.upper()}"


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("workspace", Path, Path("~/.fitserve"), "the folder where models, runs and keys live"),
        Setting(
            "log", Path, None, "a file to which the log is appended: warnings, and the traces of what was left out"
        ),
        Setting("memory_limit", int, 0, "bytes that reading a table may take; 0: half of what is free"),
        Setting("datasets_limit", int, 5 << 30, "bytes that the tables kept in the workspace may take together"),
        Setting("servable_memory", int, 100 << 20, "resident bytes that a model may take when loaded"),
        Setting("servable_load_seconds", float, 0.5, "seconds that loading a model may take"),
        Setting("servable_row_seconds", float, 0.002, "seconds that predicting one row may take"),
        Setting("body_limit", int, None, "bytes of one request body; if not set, as many as the task allows"),
        Setting("rows_limit", int, 10_000, "rows of one request"),
        Setting("stop_seconds", float, 10.0, "seconds that open requests get at shutdown"),
        Setting("hang_seconds", float, 10.0, "seconds without a sign of life until a worker is replaced, at least 2"),
        Setting("manager", int, 1, "whether a server has a process for /api/: 1 or 0"),
    )
}


def get(name: str) -> Any:
    """The value of a setting; raises SpecError if the environment holds something else than its type."""
    setting = SETTINGS[name]
    text = os.environ.get(setting.variable)
    if text is None or text == "":
        value = setting.default
    else:
        try:
            value = setting.type(text)
        except ValueError:
            message = f"{setting.variable}={text!r} is not {setting.type.__name__}: {setting.help}"
            raise SpecError(message) from None
    return value.expanduser() if isinstance(value, Path) else value
