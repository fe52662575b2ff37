"""A bundle as a folder: written whole or not at all, read only if every byte is the one that was written."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.bundle.archive import MEMBER_NAME
from fitserve.bundle.manifest import Manifest
from fitserve.errors import BundleError, in_a_line

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 << 20
# Arrays of so many bytes are mapped, not read.
_LARGE = 4 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle. ``sha256`` is that of its manifest, and so names its whole content."""

    folder: Path
    manifest: Manifest
    sha256: str
    _kept: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def read(self, member: str) -> bytes:
        """The bytes of a member; raises BundleError unless they are those of the manifest.

        What was read when the bundle was opened is given away: a member is read from the disk once.
        """
        kept = self._kept.pop(member, None)
        return self._checked(member) if kept is None else kept

    def array(self, name: str) -> NDArray[Any]:
        """A plain array by name, mapped into memory where it is large; raises BundleError if it is not one."""
        member = f"{name}.npy"
        large = self.manifest.members.get(member, {}).get("size", 0) >= _LARGE
        try:
            if large:  # its digest was compared when the bundle was opened
                array: NDArray[Any] = np.load(self.folder / member, mmap_mode="r", allow_pickle=False)
            else:
                array = np.load(io.BytesIO(self.read(member)), allow_pickle=False)
        except BundleError:
            raise
        except Exception as error:  # noqa: BLE001 - numpy reads the head as Python, which fails in many ways
            raise BundleError(f"{name}.npy is not a plain array ({in_a_line(error)}); export the model again") from None
        return array

    def check(self, member: str) -> None:
        """Raise BundleError unless a member is that of the manifest; it is kept for `read` unless it is large."""
        data = self._checked(member)
        if len(data) < _LARGE or not member.endswith(".npy"):
            self._kept[member] = data

    def _checked(self, member: str) -> bytes:
        entry = self.manifest.members.get(member)
        if entry is None:
            raise BundleError(f"the bundle has no member {member!r}; export the model again")
        try:
            data = (self.folder / member).read_bytes()
        except OSError as error:
            raise BundleError(f"{member} cannot be read ({error.strerror}); import the bundle again") from None
        if len(data) != entry.get("size") or hashlib.sha256(data).hexdigest() != entry.get("sha256"):
            raise BundleError(f"{member} was changed after export; import the bundle again")
        return data


def write_bundle(folder: Path, manifest: Manifest, members: Mapping[str, bytes]) -> str:
    """Write members and manifest into an empty folder; the identity (SHA-256 of the manifest) is returned."""
    for name, data in members.items():
        (folder / name).write_bytes(data)
    entries = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()}
    document = replace(manifest, members=entries).to_bytes()
    (folder / MANIFEST).write_bytes(document)
    return hashlib.sha256(document).hexdigest()


def open_bundle(folder: Path) -> Bundle:
    """Open a bundle folder after checking names, sizes and digests of every member.

    Raises BundleError, before any graph is opened, for a missing, changed or additional member, for
    anything that is not a plain file, and for a format from the future.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(f"the bundle {folder} is gone; restore it from a backup, or train or import the model again")
    if not path.is_file() or path.is_symlink():
        raise BundleError(f"{folder} holds no {MANIFEST}; this is not a fitserve bundle")
    if path.stat().st_size > LARGEST_MANIFEST:
        raise BundleError(f"{MANIFEST} has over {LARGEST_MANIFEST >> 20} MB; this is not a fitserve bundle")
    data = path.read_bytes()
    bundle = Bundle(folder, Manifest.from_bytes(data), hashlib.sha256(data).hexdigest())
    _check_members(bundle)
    return bundle


def _check_members(bundle: Bundle) -> None:
    listed = bundle.manifest.members
    for name, entry in listed.items():
        if not MEMBER_NAME.fullmatch(name) or name == MANIFEST or not isinstance(entry, dict):
            raise BundleError(f"the manifest lists an unsafe member {name[:80]!r}; this bundle is forged")
    for path in bundle.folder.iterdir():
        if path.is_symlink() or not path.is_file():
            raise BundleError(f"{path.name[:80]!r} is not a plain file; this bundle is forged")
        if path.name != MANIFEST and path.name not in listed:
            raise BundleError(f"{path.name[:80]!r} is not listed in the manifest; this bundle is forged")
    for name in listed:
        bundle.check(name)


def array_bytes(array: NDArray[Any]) -> bytes:
    """A plain array in the npy format."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
