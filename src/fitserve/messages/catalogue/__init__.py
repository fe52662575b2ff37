"""The templates of all messages, by language and code; those of a task are found with the task."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

_LOG = logging.getLogger(__name__)
LANGUAGES = ("en", "zh")
FALLBACK = "en"
_TASKS = "fitserve.tasks"


def template_of(code: str, language: str) -> str | None:
    """The template of a message, or None; a code of a task begins with its name and a dot."""
    if language not in LANGUAGES:
        return None
    own = templates(language).get(code)
    return own if own is not None or "." not in code else _of_task(code.partition(".")[0], language).get(code)


@cache
def templates(language: str) -> Mapping[str, str]:
    """All templates of our own in a language, by code."""
    found: Mapping[str, str] = import_module(f"{__name__}.{language}").TEMPLATES
    return found


@cache
def _of_task(task: str, language: str) -> Mapping[str, str]:
    """What a task says in a language; nothing of one that is not installed or has no words of its own."""
    for entry in entry_points(group=_TASKS, name=task):
        try:
            found: Mapping[str, str] = entry.load().messages[language]
        except Exception as error:  # noqa: BLE001 - a package of others may fail with anything
            _LOG.warning("the task %s tells nothing in %s", task, language, exc_info=error)
        else:
            return found
    return {}
