"""What a supervisor and its processes say to each other while they run: one JSON line each, over their control socket.

A process is told by `Load`, `Unload`, `Route`, `Keys` and `Drain`, and tells by `State` and `Heartbeat`. The end of
the socket's file means that the other side is gone.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

_log = logging.getLogger("fitserve.serving")
# Keys of 64 characters are the longest there is to tell.
_LONGEST_LINE = 16 << 20


class BrokenMessageError(Exception):
    """The other side has said something that is no message."""


@dataclass(frozen=True, slots=True)
class Load:
    """Serve one more version; ``folder`` holds its bundle."""

    model: str
    version: int
    folder: str


@dataclass(frozen=True, slots=True)
class Unload:
    """Serve a version no more."""

    model: str
    version: int


@dataclass(frozen=True, slots=True)
class Route:
    """Have a version answer at ``/models/NAME/predict``, at ``/predict`` where ``name`` is empty."""

    name: str
    model: str
    version: int


@dataclass(frozen=True, slots=True)
class Keys:
    """Answer whoever has one of these keys from now on; None: everybody. ``sha256`` holds their digests."""

    sha256: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Drain:
    """Let nobody in any more, answer who is in, and end, after so many seconds at the latest."""

    seconds: float


@dataclass(frozen=True, slots=True)
class State:
    """How a process is: whether it answers, and which versions, as ``NAME:VERSION``. ``error`` is what went wrong."""

    pid: int
    ready: bool
    served: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The event loop of a process turns."""

    pid: int


Message = Load | Unload | Route | Keys | Drain | State | Heartbeat
_KINDS: dict[str, type[Message]] = {
    kind.__name__.lower(): kind for kind in (Load, Unload, Route, Keys, Drain, State, Heartbeat)
}
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (int, float),
    "tuple[str, ...]": (list,),
    "tuple[str, ...] | None": (list, type(None)),
}


def encode(message: Message) -> bytes:
    """One line."""
    return json.dumps({"message": type(message).__name__.lower(), **asdict(message)}).encode() + b"\n"


def decode(line: bytes) -> Message | None:
    """The message of a line; None for a kind that is not known here, from a newer fitserve for instance.

    Raises BrokenMessageError for what is no message. Fields that are not known are left out.
    """
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise BrokenMessageError(f"no JSON: {line[:80]!r}") from None
    if not isinstance(document, dict) or not isinstance(document.get("message"), str):
        raise BrokenMessageError(f"no message: {line[:80]!r}")
    kind = _KINDS.get(document["message"])
    if kind is None:
        _log.warning("a message of the unknown kind %.80r is ignored", document["message"])
        return None
    return kind(**dict(_values(kind, document)))


def _values(kind: type[Message], document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for each in fields(kind):
        if each.name not in document:
            if each.default is each.default_factory:  # both are missing: there is none
                raise BrokenMessageError(f"{kind.__name__} without {each.name!r}")
            continue
        value = document[each.name]
        wrong = not isinstance(value, _TYPES[str(each.type)]) or (isinstance(value, bool) and each.type != "bool")
        if wrong or (isinstance(value, list) and not all(isinstance(item, str) for item in value)):
            raise BrokenMessageError(f"{kind.__name__} with a wrong {each.name!r}: {value!r:.80}")
        yield each.name, tuple(value) if isinstance(value, list) else value


class MessageReader:
    """Puts the messages of a stream of bytes together."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that end within some more bytes; raises BrokenMessageError at one that cannot be read."""
        *lines, self._begun = (self._begun + data).split(b"\n")
        if len(self._begun) > _LONGEST_LINE:
            raise BrokenMessageError(f"a line of more than {_LONGEST_LINE} bytes")
        for line in lines:
            message = decode(line)
            if message is not None:
                yield message
