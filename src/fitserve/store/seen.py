"""Which rows a version has learned from: keyed hashes in the workspace, never in a bundle.

The document ``seen/<sha256 of the bundle>.npy`` holds them in order, eight bytes each; ``seen/key`` is this
workspace's own secret.
"""

from __future__ import annotations

import io
import secrets
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from fitserve.errors import WorkspaceError
from fitserve.store.ports import Documents

_KEY = "seen/key"
_KEY_BYTES = 32


def seen_key(documents: Documents) -> bytes | None:
    """The key of the hashes; None where there is none yet."""
    with suppress(WorkspaceError):
        return documents.read(_KEY)
    return None


def make_seen_key(documents: Documents) -> bytes:
    """The key of the hashes, made if there is none yet; called by the only writer."""
    key = documents.read(_KEY)
    if key is None:
        key = secrets.token_bytes(_KEY_BYTES)
        documents.write(_KEY, key, private=True)
    return key


def write_seen(documents: Documents, sha256: str, hashes: NDArray[np.uint64]) -> None:
    """Keep the hashes of a bundle's rows."""
    stream = io.BytesIO()
    np.save(stream, np.unique(hashes), allow_pickle=False)
    documents.write(_name(sha256), stream.getvalue())


def read_seen(documents: Documents, sha256: str) -> NDArray[np.uint64] | None:
    """The hashes of a bundle's rows, in order; None where they are not known, or damaged."""
    with suppress(WorkspaceError, ValueError, EOFError):
        found = np.load(io.BytesIO(documents.read(_name(sha256)) or b""), allow_pickle=False)
        return found if isinstance(found, np.ndarray) and found.dtype == np.uint64 and found.ndim == 1 else None
    return None


def forget_seen(documents: Documents, sha256: str) -> None:
    """Forget the hashes of a bundle's rows."""
    documents.remove(_name(sha256))


def _name(sha256: str) -> str:
    return f"seen/{sha256}.npy"
