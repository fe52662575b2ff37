"""Messages in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitserve.messages.catalogue import FALLBACK, LANGUAGES, template_of
from fitserve.messages.message import Message, as_message, is_message
from fitserve.messages.template import fill

__all__ = ["LANGUAGES", "render", "render_strictly"]

# Messages, lists and objects within each other; those of strangers may lie as deep as they like.
_DEEPEST = 40
_MISFITS = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


def render(value: Any, language: str = FALLBACK) -> str:
    """A message in words; a sentence stays as it is. Never raises, whatever a stranger's report holds.

    A code that is not known, such as one of a package that is not installed, is shown with its arguments, and so are
    arguments that do not fit their template.
    """
    if not isinstance(value, Message) and not is_message(value):
        return str(value)
    message = value if isinstance(value, Message) else Message.from_json(value)
    try:
        return render_strictly(message, language)
    except _MISFITS:
        shown = ", ".join(f"{name}={value!r:.100}" for name, value in message.arguments.items())
        return f"{message.code} ({shown})" if shown else message.code


def render_strictly(message: Message, language: str = FALLBACK, depth: int = 0) -> str:
    """The same; raises KeyError for an unknown code or an argument that is not given, and others for wrong ones.

    What a language has no words for is said in English, with all that is in it.
    """
    template = template_of(message.code, language)
    if template is None:
        language, template = FALLBACK, template_of(message.code, FALLBACK)
    if template is None:
        raise KeyError(message.code)
    return fill(template, _spoken(message.arguments, language, depth + 1), language)


def _spoken(value: Any, language: str, depth: int) -> Any:
    """A value with the messages in it as texts."""
    if depth > _DEEPEST:
        raise ValueError("too many messages within each other")
    if isinstance(value, Message) or is_message(value):
        message = as_message(value)
        return render_strictly(message, language, depth) if isinstance(message, Message) else message
    if isinstance(value, Mapping):
        return {name: _spoken(each, language, depth + 1) for name, each in value.items()}
    return [_spoken(each, language, depth + 1) for each in value] if isinstance(value, (list, tuple)) else value
