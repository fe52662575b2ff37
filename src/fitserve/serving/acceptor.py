"""Accepts the connections of a listening socket that several processes share.

The event loop's own server accepts one connection a turn. With a thousand busy connections a turn takes a tenth of a
second and more, and who comes new waits behind all who came before him. Here a turn accepts the more the longer the
turn before it took. Short turns accept few, so that workers which have nothing to do share a burst.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

_log = logging.getLogger("fitserve.serving")
# While connections wait, one is accepted for so many seconds that a turn takes; at least two, for the second one tells
# whether there are more.
_SECONDS_EACH = 0.0005
_FEWEST_IN_A_TURN = 2
_MOST_IN_A_TURN = 256
_MOST_AT_THE_END = 8192
# So long nothing is accepted after the process, or the machine, has run out of files or memory; how often it is logged.
_PAUSE_SECONDS = 0.5
_LOG_SECONDS = 60.0
_NO_ROOM = frozenset([errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
# Linux: include/uapi/asm-generic/socket.h
_SO_ATTACH_FILTER = 26
# A classic BPF program (code, jump if true, jump if false, operand) that a packet, from its TCP header on, is shown
# to: of the flags, in byte 13, it looks at SYN (0x02) and ACK (0x10), and drops what has the first one alone.
_NO_NEW_CONNECTION = (
    (0x30, 0, 0, 13),  # load byte 13
    (0x54, 0, 0, 0x12),  # and with 0x12
    (0x15, 0, 1, 0x02),  # equal to 0x02?
    (0x06, 0, 0, 0),  # yes: keep no byte
    (0x06, 0, 0, 0xFFFF_FFFF),  # no: keep all
)


class Acceptor:
    """Hands what it accepts to the running loop; begins at once."""

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._protocol = protocol
        self._more_since: float | None = None
        self._log_again_at = 0.0
        self._arriving: set[asyncio.Task[None]] = set()
        self.is_open = True
        listener.setblocking(False)
        self._loop.add_reader(listener.fileno(), self._accept_some)

    @property
    def is_done(self) -> bool:
        """Whether it is closed, and all that it has accepted is in the hands of its protocol."""
        return not (self.is_open or self._arriving)

    def turn_away(self) -> None:
        """Let nobody in any more; who is in the queue already is still accepted.

        A socket that is closed resets the connections in its queue, and between the last look into the queue and
        closing there is always time for one more. So the kernel is told to drop the packets that open a
        connection; their senders try again after a second, and then hear that nobody listens. This holds for all
        processes that share the socket.
        """
        program = b"".join(struct.pack("HBBI", *step) for step in _NO_NEW_CONNECTION)
        place = ctypes.create_string_buffer(program, len(program))
        header = struct.pack("HP", len(_NO_NEW_CONNECTION), ctypes.addressof(place))
        with suppress(OSError):  # a kernel that has no such filters: a connection may be lost
            self._listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)

    def close(self) -> None:
        """Accept what is still in the queue, and close this process's end of the socket."""
        self._loop.remove_reader(self._listener.fileno())
        self.is_open = False
        for _ in range(_MOST_AT_THE_END):
            if not self._accept():
                break
        self._listener.close()

    def _accept_some(self) -> None:
        now = time.monotonic()
        turn = now - self._more_since if self._more_since is not None else 0.0
        self._more_since = now
        for _ in range(min(max(_FEWEST_IN_A_TURN, int(turn / _SECONDS_EACH)), _MOST_IN_A_TURN)):
            if not self._accept():
                self._more_since = None
                return

    def _accept(self) -> bool:
        """Whether there may be more."""
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._wait_for_room(error)
                return False
            return True  # this one has gone before it was accepted
        connection.setblocking(False)
        task = self._loop.create_task(self._connect(connection))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)
        return True

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:  # it has gone meanwhile
            connection.close()

    def _wait_for_room(self, error: OSError) -> None:
        """Without a pause the loop would try again at every turn."""
        now = self._loop.time()
        if now >= self._log_again_at:
            self._log_again_at = now + _LOG_SECONDS
            _log.warning("no more connections can be accepted (%s); those that are open are served on", error.strerror)
        if self.is_open:
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if self.is_open:
            self._loop.add_reader(self._listener.fileno(), self._accept_some)
