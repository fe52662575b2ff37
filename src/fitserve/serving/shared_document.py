"""A document that one process writes and others read, in memory that they share; it may grow.

The memory begins with one number that says where the document lies; a new one is written beside the last, and then
the number is. A process that is killed in the middle of it leaves the last one as it was. A checksum tells readers that
were overtaken by two writes to read again.
"""

from __future__ import annotations

import os
import struct
import zlib

_PLACE = struct.Struct("<II")  # offset and length, which are written and read as one
_CHECKSUM = struct.Struct("<I")
_MOST_TRIES = 100


def create(name: str) -> int:
    """The file descriptor of an empty document, which child processes may inherit."""
    return os.memfd_create(name)


class SharedDocument:
    """The document behind a file descriptor; only one process writes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, content: bytes) -> None:
        """Replace the document."""
        offset, length = self._place()
        content = _CHECKSUM.pack(zlib.crc32(content)) + content
        # Before the last one, where there is room, else behind it.
        beside = _PLACE.size if offset >= _PLACE.size + len(content) else max(offset + length, _PLACE.size)
        os.pwrite(self._descriptor, content, beside)
        os.pwrite(self._descriptor, _PLACE.pack(beside, len(content)), 0)

    def read(self) -> bytes:
        """The document; b"" before the first one is written, and where it cannot be had."""
        for _ in range(_MOST_TRIES):
            offset, length = self._place()
            if not length:
                return b""
            content = os.pread(self._descriptor, length, offset)
            if len(content) == length and _CHECKSUM.unpack_from(content)[0] == zlib.crc32(content[_CHECKSUM.size :]):
                return content[_CHECKSUM.size :]
        return b""

    def _place(self) -> tuple[int, int]:
        found = os.pread(self._descriptor, _PLACE.size, 0)
        offset, length = _PLACE.unpack(found) if len(found) == _PLACE.size else (0, 0)
        return offset, length
