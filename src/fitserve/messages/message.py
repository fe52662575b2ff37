"""What is told, as data: a code that says which sentence it is, and arguments that say of what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

_MEMBERS = frozenset(["code", "arguments"])


@dataclass(frozen=True, slots=True)
class Message:
    """A ``code`` of the catalogues and its ``arguments``, which are JSON values or messages themselves."""

    code: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The message as a JSON object."""
        return {"code": self.code, "arguments": {name: stored(value) for name, value in self.arguments.items()}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Message:
        """The message of a JSON object; raises TypeError for what is none."""
        if not is_message(document):
            raise TypeError("a message has a code, which is a text, and arguments, which are an object")
        return cls(document["code"], document["arguments"])


AnyMessage: TypeAlias = Message | str
"""A message, or a sentence as it is: one of a file's reader, of another library, or of a bundle of before."""


def is_message(value: Any) -> bool:
    """Whether a JSON value is a message."""
    if not isinstance(value, Mapping) or value.keys() != _MEMBERS:
        return False
    return isinstance(value["code"], str) and isinstance(value["arguments"], Mapping)


def is_any_message(value: Any) -> bool:
    """Whether a JSON value is a message or a sentence."""
    return isinstance(value, str) or is_message(value)


def as_message(value: Any) -> AnyMessage:
    """The message, or the sentence, that a JSON value holds; raises TypeError for what is neither."""
    return value if isinstance(value, (str, Message)) else Message.from_json(value)


def stored(value: Any) -> Any:
    """A value with the messages in it as JSON objects."""
    if isinstance(value, Message):
        return value.as_json()
    if isinstance(value, Mapping):
        return {name: stored(each) for name, each in value.items()}
    return [stored(each) for each in value] if isinstance(value, (list, tuple)) else value
