"""A process's end of its control socket: it says how it is, and hears what to do."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

from fitserve.serving.messages import BrokenMessageError, Heartbeat, Message, MessageReader, State, encode

_log = logging.getLogger("fitserve.serving")
_HEARTBEAT_SECONDS = 1.0


class Control:
    """The socket within a running loop."""

    def __init__(self, own_end: socket.socket) -> None:
        own_end.setblocking(False)
        self._socket = own_end
        self._unsent = b""
        self._telling = False

    async def tell(self, state: State) -> None:
        """Say how this process is; a supervisor that is gone does not hear it."""
        line, self._unsent = self._unsent + encode(state), b""
        self._telling = True
        with suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._socket, line)
        self._telling = False

    def beat(self) -> None:
        """Give a sign of life now and from now on. While nobody reads them, they are left out."""
        if not self._telling:
            line = self._unsent or encode(Heartbeat(os.getpid()))
            with suppress(OSError):
                self._unsent = line[self._socket.send(line) :]
        asyncio.get_running_loop().call_later(_HEARTBEAT_SECONDS, self.beat)

    async def messages(self) -> AsyncIterator[Message]:
        """What this process is told, until the supervisor is gone or cannot be understood."""
        loop = asyncio.get_running_loop()
        reader = MessageReader()
        try:
            while data := await loop.sock_recv(self._socket, 65_536):
                for message in reader.feed(data):
                    yield message
        except BrokenMessageError as error:
            _log.error("the supervisor cannot be understood (%s); this process ends", error)
        except OSError:
            return
