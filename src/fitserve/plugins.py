"""What installed packages register: classes by group and name, as entry points."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from fitserve.errors import SpecError, in_a_line

_LOG = logging.getLogger(__name__)


def registered(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group by name, in the order of names."""
    found = _installed(tuple(sys.path)).select(group=group)
    return {entry.name: entry for entry in sorted(found, key=lambda entry: entry.name)}


@cache
def _installed(_path: Sequence[str]) -> Any:  # of a type that depends on the version of Python
    """All entry points, looked for once for a path: every look reads a file of every installed package."""
    return entry_points()


def make(group: str, name: str, what: str) -> Any:
    """An object of a registered class; raises KeyError where none is, SpecError where it cannot be loaded.

    ``what`` it is is said in the error: a package of others may fail with anything.
    """
    entry = registered(group)[name]
    try:
        return entry.load()()
    except Exception as error:  # noqa: BLE001 - see above
        _LOG.warning("the %s %s cannot be loaded", what, name, exc_info=error)
        message = f"the {what} {name!r} cannot be loaded ({in_a_line(error)}); mend or uninstall its package"
        raise SpecError(message) from None
