"""Which rows a version has learned from: keyed hashes in the workspace, never in a bundle.

``seen/<sha256 of the bundle>.npy`` holds them in order, eight bytes each; ``seen/key`` is this workspace's own secret.
"""

from __future__ import annotations

import io
import secrets
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitserve.store import snapshot

_KEY_BYTES = 32


def seen_key(workspace: Path, *, create: bool = False) -> bytes | None:
    """The key of the hashes; None where there is none yet and it is not to be made."""
    file = workspace / "seen" / "key"
    try:
        return file.read_bytes()
    except OSError:
        if not create:
            return None
    file.parent.mkdir(exist_ok=True)
    own = file.with_name(f".key.{secrets.token_hex(8)}")
    try:
        own.touch(mode=0o600)
        snapshot.write_durably(own, secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):  # another process may have been first
            file.hardlink_to(own)
    finally:
        own.unlink(missing_ok=True)
    return file.read_bytes()


def seen_file(workspace: Path, sha256: str) -> Path:
    """Where the hashes of a bundle's rows lie."""
    return workspace / "seen" / f"{sha256}.npy"


def write_seen(workspace: Path, sha256: str, hashes: NDArray[np.uint64]) -> None:
    """Keep the hashes of a bundle's rows."""
    stream = io.BytesIO()
    np.save(stream, np.unique(hashes), allow_pickle=False)
    with snapshot.replacing(seen_file(workspace, sha256)) as write:
        write(stream.getvalue())


def read_seen(workspace: Path, sha256: str) -> NDArray[np.uint64] | None:
    """The hashes of a bundle's rows, in order; None where they are not known, or damaged."""
    try:
        found = np.load(seen_file(workspace, sha256), allow_pickle=False)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, np.ndarray) and found.dtype == np.uint64 and found.ndim == 1 else None
