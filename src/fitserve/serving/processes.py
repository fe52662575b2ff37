"""A child process of the supervisor, and what the two say to each other."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from fitserve.serving.messages import BrokenMessageError, Heartbeat, Message, MessageReader, encode

_log = logging.getLogger("fitserve.serving")
# A process that has not heard earlier messages for so long does not hear another one.
_TELL_SECONDS = 1.0
SIGNALS = frozenset([signal.SIGTERM, signal.SIGINT])


@dataclass(eq=False)
class Process:
    """A running process and the supervisor's end of its control socket; ``name`` is worker or manager."""

    name: str
    slot: int
    process: subprocess.Popen[bytes]
    control: socket.socket
    started: float
    ready: bool = False
    silent_looks: int = 0
    _beats: int = 0
    _seen_beats: int = 0
    _reader: MessageReader = field(default_factory=MessageReader)

    def __str__(self) -> str:
        return f"{self.name} {self.process.pid}"

    def tell(self, message: Message) -> None:
        """Say something; a process that has gone does not hear it."""
        try:
            self.control.sendall(encode(message))
        except OSError:
            _log.debug("%s has not heard %r", self, message)

    def hear(self) -> Collection[Message] | None:
        """What it has said, except for signs of life; None if it has gone. What cannot be understood is its end."""
        try:
            data = self.control.recv(65_536)
        except ConnectionError:
            data = b""
        if not data:
            return None
        heard: list[Message] = []
        try:
            for message in self._reader.feed(data):
                if isinstance(message, Heartbeat):
                    self._beats += 1
                else:
                    heard.append(message)
        except BrokenMessageError as error:
            _log.error("%s cannot be understood (%s) and is killed", self, error)
            self.process.kill()
        return heard

    def look(self) -> None:
        """Look whether it has given a sign of life since the last look."""
        self.silent_looks = self.silent_looks + 1 if self._beats == self._seen_beats else 0
        self._seen_beats = self._beats

    def is_young(self, seconds: float) -> bool:
        """Whether it was started within the last seconds."""
        return time.monotonic() - self.started < seconds

    def wait(self, deadline: float) -> None:
        """Wait for its end, which comes at the deadline at the latest."""
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.control.close()


@dataclass(frozen=True)
class Program:
    """What a process runs: a module with a ``main``. It inherits some file descriptors."""

    name: str
    module: str
    inherited: Collection[int] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, slot: int, options: Callable[[int], Mapping[str, Any]]) -> Process:
        """Start it; ``options`` makes its options of the file descriptor of its control socket."""
        ours, theirs = socket.socketpair()
        ours.settimeout(_TELL_SECONDS)
        # Signals to the whole group, from a terminal or a service manager, are the supervisor's alone; blocked
        # before the process begins, so that none can meet it before it has said so itself.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            process = subprocess.Popen(  # noqa: S603 - a module of ours
                # -P: the folder in which somebody happens to stand holds no modules of ours.
                [sys.executable, "-P", "-m", self.module],
                stdin=subprocess.PIPE,
                pass_fds=(*self.inherited, theirs.fileno()),
                env={**os.environ, **self.environment},
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(options(theirs.fileno())).encode() + b"\n")
            process.stdin.close()
        except BrokenPipeError:
            _log.warning("%s %d died before it read its options", self.name, process.pid)
        theirs.close()
        return Process(self.name, slot, process, ours, time.monotonic())
