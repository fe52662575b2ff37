"""Files as streams of bytes, unpacked where they are packed: what they are is read from their first bytes."""

from __future__ import annotations

import gzip
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from fitserve.errors import DataError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
# A window may ask for 128 MB of memory, whatever a file says of itself (that of zstd's --ultra -22).
_LARGEST_WINDOW_LOG = 27
# What reading a damaged file may raise.
DAMAGED = (EOFError, zlib.error, zipfile.BadZipFile, zstd.ZstdError, NotImplementedError)


def starts_with(path: Path, *marks: bytes) -> bool:
    """Whether a file begins with one of some marks."""
    with path.open("rb") as file:
        return file.read(16).startswith(marks)


def is_packed(path: Path) -> bool:
    """Whether a file says of itself that it is compressed."""
    return starts_with(path, _GZIP, _ZSTD, _ZIP)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, or of the one file in it; raises DataError for an archive of several."""
    if starts_with(path, _GZIP):
        with gzip.open(path, "rb") as unpacked:
            yield cast(BinaryIO, unpacked)
    elif starts_with(path, _ZSTD):
        with zstd.open(
            path, "rb", options={zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW_LOG}
        ) as unpacked:
            yield cast(BinaryIO, unpacked)
    elif starts_with(path, _ZIP):
        with zipfile.ZipFile(path) as archive, archive.open(_only_member(path, archive)) as member:
            yield cast(BinaryIO, member)
    else:
        with path.open("rb") as file:
            yield file


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    hidden = ("__MACOSX/", ".")
    members = [entry for entry in archive.infolist() if not entry.is_dir() and not entry.filename.startswith(hidden)]
    if len(members) != 1:
        names = ", ".join(repr(entry.filename) for entry in members[:5]) or "no file"
        raise DataError(f"{path} holds {names}: unpack it and name one table, or pack one alone")
    if members[0].flag_bits & 0x1:
        raise DataError(f"{path} is encrypted; unpack it first")
    return members[0]
