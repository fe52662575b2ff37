"""What is known of one prediction, before anybody renders it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fitserve.errors import Problem
from fitserve.tasks import Answer


class Prediction(NamedTuple):
    """The answer of one version of a model to one row.

    ``row`` holds the values of fields as they were sent, ``problems`` what is to be said about them. ``time`` is in
    seconds since 1970. A named tuple, for every request makes one, and a frozen dataclass takes five times as long.
    """

    id: str
    model: str
    version: int
    row: Mapping[str, object]
    answer: Answer
    problems: Sequence[Problem]
    time: float


# Is told of every prediction when it has been made, in whatever thread made it; it has to be quick.
Subscriber = Callable[[Prediction], None]
