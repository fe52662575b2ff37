"""API keys: made once, kept as a hash only.

A key carries 256 random bits, so that a plain SHA-256 is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from fitserve.errors import NotFoundError, SpecError, UserError
from fitserve.store.records import KeyRecord

START = "fs_"
"""How every key begins, so that scanners for leaked secrets can know it."""


def check_label(label: str) -> None:
    """Refuse what cannot label a key.

    Raises:
        SpecError: the label is empty, too long, not printable, or looks like a key.

    """
    if not (0 < len(label) <= 64 and label.isprintable() and label.strip() == label):
        raise SpecError(f"key label {label[:80]!r} must be 1 to 64 printable characters: choose another")
    if label.startswith(START):
        # Whoever gives a key as its label would have it kept in plain text; it is not repeated here either.
        raise SpecError(f"a key label must not begin with {START!r}, it looks like a key: choose another")


def make_key() -> str:
    """Make a new key: ``fs_`` and 43 characters that may stand in a URL."""
    return START + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """SHA-256 of the key in hexadecimal digits, the only form in which it is kept."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def key_prefix(key: str) -> str:
    """The first 8 characters: enough to tell keys apart in a list, useless for guessing one."""
    return key[:8]


def find_key(keys: Iterable[KeyRecord], prefix_or_label: str) -> KeyRecord:
    """The key with this label or prefix.

    Raises:
        NotFoundError: there is no such key.
        UserError: several keys begin so.

    """
    known = list(keys)
    found = [key for key in known if prefix_or_label in {key.label, key.prefix}]
    if not found:
        labels = ", ".join(key.label for key in known)
        there = f"the keys are {labels}" if labels else "there is none yet"
        # Eight characters: it may be a whole key, given by mistake.
        raise NotFoundError(f"there is no key {prefix_or_label[:8]!r}: {there}")
    if len(found) > 1:
        raise UserError(f"{len(found)} keys begin with {prefix_or_label!r}: give the label of one")
    return found[0]
