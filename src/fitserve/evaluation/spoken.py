"""Reports as they are kept, with codes, and as they are shown, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitserve.messages import is_any_message, render

_CODES = "codes"
_MESSAGES = ("on", "validation", "task_reason", "lead", "findings", "skipped", "asked_note", "learning_curve")
# Members of lists, of which only some are told: by the name of the list.
_MESSAGES_OF_EACH = {"columns": ("reason",), "charts": ("title", "note")}


def spoken(report: Mapping[str, Any], language: str = "en") -> dict[str, Any]:
    """A report in words, with its ``codes`` beside them: what people are shown, and programs that ask for JSON."""
    kept = as_kept(report)
    codes = {name: kept[name] for name in _MESSAGES if name in kept}
    codes |= {
        name: [{member: each[member] for member in members} for each in kept[name]]
        for name, members in _MESSAGES_OF_EACH.items()
        if name in kept
    }
    return {**_with(kept, _in_words(codes, language)), _CODES: codes}


def as_kept(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report with its codes where they are kept, whether it is in words or not."""
    kept = {name: value for name, value in report.items() if name != _CODES}
    return _with(kept, report.get(_CODES, {}))


def _with(report: Mapping[str, Any], messages: Mapping[str, Any]) -> dict[str, Any]:
    """A report with what it tells replaced."""
    members = {
        name: [{**each, **new} for each, new in zip(report[name], messages[name], strict=True)]
        for name in _MESSAGES_OF_EACH
        if name in messages
    }
    return {**report, **messages, **members}


def _in_words(value: Any, language: str) -> Any:
    if is_any_message(value):
        return render(value, language)
    if isinstance(value, Mapping):
        return {name: _in_words(each, language) for name, each in value.items()}
    return [_in_words(each, language) for each in value] if isinstance(value, list) else value
