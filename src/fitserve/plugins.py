"""What installed packages register: classes by group and name, as entry points."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from fitserve.errors import SpecError, in_a_line

_LOG = logging.getLogger(__name__)


def registered(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group by name, in the order of names."""
    return {entry.name: entry for entry in sorted(entry_points(group=group), key=lambda entry: entry.name)}


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
