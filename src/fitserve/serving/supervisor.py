"""The thin process that owns a service: its socket, its workers, its manager, the memory in which they count.

It imports neither onnxruntime nor a web framework, so that nothing in it can stop it from doing its duty.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import math
import os
import selectors
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fitserve import settings
from fitserve.errors import SpecError, UserError
from fitserve.serving import shared_document
from fitserve.serving.messages import Drain, Load, State
from fitserve.serving.options import ManagerOptions, WorkerOptions
from fitserve.serving.processes import SIGNALS, Process, Program
from fitserve.serving.shared_document import SharedDocument

_log = logging.getLogger("fitserve.serving")
_WORKER, _MANAGER = "worker", "manager"
# A process that dies young is started again ever later, up to this.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_YOUNG = 10.0
# Long enough for a client that keeps a connection between two requests, and for a bad line in the middle of one.
_SILENT_SECONDS = 75
# The path of a Unix socket has at most 107 bytes.
_LONGEST_PATH = 80
# A process is taken to hang after so many looks without a new sign of life. Looks are counted and not seconds: a
# supervisor that was itself stopped, with the whole machine for instance, has not looked meanwhile.
_LOOKS = 10
# Processes give a sign of life each second, if they are not busy.
_SHORTEST_HANG = 2.0


@dataclass(frozen=True)
class ServiceSpec:
    """What to serve and where. ``keys`` holds SHA-256 of API keys; they are needed beyond loopback.

    ``manager``: whether there is a process for ``/api/``.
    """

    models: Sequence[Load]
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    keys: Sequence[str] = ()
    require_key: bool = False
    manager: bool = True

    def check(self) -> None:
        """Raise SpecError for what cannot be served."""
        if not self.models:
            raise SpecError("name at least one model to serve")
        if self.workers < 1:
            raise SpecError(f"{self.workers} workers cannot answer; give 1 or more")
        if not 0 <= self.port <= 65535:
            raise SpecError(f"{self.port} is no port; give 0 (any free one) to 65535")
        named = [(served.model, served.version) for served in self.models]
        for model, version in named:
            if named.count((model, version)) > 1:
                twice = f"{model!r} version {version} is named twice"
                raise SpecError(f"{twice}; name it once, or rename one of two files with the same name")

    def needed_keys(self, address: str) -> list[str] | None:
        """The keys of which requests must carry one, None if they need none; ``address`` is the one listened on.

        Raises SpecError if a key is needed and there is none. A host's name tells nothing about who reaches it.
        """
        beyond = not ipaddress.ip_address(address).is_loopback
        if not beyond and not self.require_key:
            return None
        if not self.keys:
            make = "make one with 'fitserve keys create LABEL'"
            if self.require_key:
                raise SpecError(f"there is no API key that requests could carry; {make}, or leave --require-key out")
            raise SpecError(
                f"listening on {self.host} needs an API key, for others may reach it; {make}, or listen on 127.0.0.1"
            )
        return list(self.keys)


class Supervisor:
    """Runs a service until a signal ends it. ``on_ready`` is called once, with the URL, when all workers answer."""

    def __init__(self, spec: ServiceSpec, on_ready: Callable[[str], None]) -> None:
        self._spec = spec
        self._on_ready = on_ready
        self._processes: list[Process] = []
        self._due: list[tuple[float, str, int]] = []
        self._pauses = dict.fromkeys((_WORKER, _MANAGER), _SHORTEST_PAUSE)
        self._replaced = {name: dict.fromkeys(("ended", "hung"), 0) for name in (_WORKER, _MANAGER)}
        self._was_ready = False

    def run(self) -> None:
        """Serve; raises UserError if the address is taken or a model cannot be loaded."""
        self._spec.check()
        self._look_seconds = _hang_seconds() / _LOOKS
        self._listener = listen(self._spec.host, self._spec.port)
        try:
            self._keys = self._spec.needed_keys(self._listener.getsockname()[0])
            with private_folder() as folder:
                self._socket = str(folder / "manager.sock") if self._spec.manager else ""
                self._supervise()
        finally:
            self._listener.close()

    def _supervise(self) -> None:
        self._counters = [shared_document.create(f"fitserve-{slot}") for slot in range(self._spec.workers)]
        self._replaced_fd = shared_document.create("fitserve-replaced")
        self._publish_replaced()
        self._selector = selectors.DefaultSelector()
        signals_in, signals_out = socket.socketpair()
        signals_out.setblocking(False)
        self._selector.register(signals_in, selectors.EVENT_READ)
        before = signal.set_wakeup_fd(signals_out.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, _ignore) for number in SIGNALS}
        try:
            for slot in range(self._spec.workers):
                self._start(_WORKER, slot)
            self._watch(signals_in)
        finally:
            self._stop_all()
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            for opened in (self._selector, signals_in, signals_out):
                opened.close()
            for descriptor in (*self._counters, self._replaced_fd):
                os.close(descriptor)

    @property
    def url(self) -> str:
        """Where the service answers."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def _start(self, name: str, slot: int) -> None:
        process = self._start_worker(slot) if name == _WORKER else self._start_manager()
        self._processes.append(process)
        self._selector.register(process.control, selectors.EVENT_READ, process)

    def _start_worker(self, slot: int) -> Process:
        limit = settings.get("body_limit")

        def options(control_fd: int) -> dict[str, Any]:
            return WorkerOptions(
                self._spec.models,
                self._listener.fileno(),
                control_fd,
                self._counters,
                self._replaced_fd,
                slot,
                self._keys,
                None if limit is None else int(limit),
                int(settings.get("rows_limit")),
                float(settings.get("stop_seconds")),
                _SILENT_SECONDS,
                self._socket,
            ).as_json()

        inherited = (self._listener.fileno(), *self._counters, self._replaced_fd)
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return Program(_WORKER, "fitserve.serving.worker", inherited, threads).start(slot, options)

    def _start_manager(self) -> Process:
        def options(control_fd: int) -> dict[str, Any]:
            return asdict(ManagerOptions(self._socket, control_fd, float(settings.get("stop_seconds"))))

        return Program(_MANAGER, "fitserve.management.manager").start(0, options)

    def _watch(self, signals: socket.socket) -> None:
        """Wait for signals and processes; return when a signal asks for the end."""
        look_at = time.monotonic() + self._look_seconds
        while True:
            wake_at = min([look_at, *(due for due, _, _ in self._due)])
            for key, _ in self._selector.select(max(0.0, wake_at - time.monotonic())):
                if key.fileobj is signals:
                    if SIGNALS & set(signals.recv(64)):
                        return
                else:
                    self._hear(key.data)
            now = time.monotonic()
            for entry in [entry for entry in self._due if entry[0] <= now]:
                self._due.remove(entry)
                self._start(*entry[1:])
            if now >= look_at:
                self._look()
                look_at = time.monotonic() + self._look_seconds

    def _look(self) -> None:
        """End every process that has given no sign of life for too long; one that is not ready gives none."""
        for process in self._processes:
            if process.ready:
                process.look()
                if process.silent_looks == _LOOKS:
                    process.process.kill()  # the end of file on its control socket tells when it has gone

    def _hear(self, process: Process) -> None:
        heard = process.hear()
        if heard is None:
            self._bury(process)
            return
        for message in heard:
            if not isinstance(message, State):
                _log.warning("%s says what only a supervisor says: %r", process, message)
                continue
            if message.error and not (message.ready or self._was_ready):
                raise UserError(message.error)
            if message.error:
                _log.error("%s: %s", process, message.error)
            process.ready = message.ready
            if not self._was_ready and all(each.ready for each in self._processes):
                self._was_ready = True
                self._on_ready(self.url)
                if self._socket:  # only now, for it must not delay the workers
                    self._start(_MANAGER, 0)

    def _bury(self, process: Process) -> None:
        """A process has ended: start another in its place, ever later if they die young."""
        self._selector.unregister(process.control)
        process.control.close()
        code = process.process.wait()
        self._processes.remove(process)
        if not self._was_ready:
            raise UserError(f"a worker ended with code {code} before it was ready; its message stands above")
        name = process.name
        pause = min(self._pauses[name] * 2, _LONGEST_PAUSE) if process.is_young(_YOUNG) else _SHORTEST_PAUSE
        self._pauses[name] = pause
        hung = process.silent_looks >= _LOOKS
        seconds = _LOOKS * self._look_seconds
        what = f"hung for {seconds:g} s and was killed" if hung else f"ended with code {code}"
        _log.error("%s %s; another starts in %.1f s", process, what, pause)
        self._replaced[name]["hung" if hung else "ended"] += 1
        self._publish_replaced()
        self._due.append((time.monotonic() + pause, name, process.slot))

    def _publish_replaced(self) -> None:
        SharedDocument(self._replaced_fd).write(json.dumps(self._replaced).encode())

    def _stop_all(self) -> None:
        seconds = float(settings.get("stop_seconds"))
        for process in self._processes:
            process.tell(Drain(seconds))
        # The socket goes with the last end of it, and that is a worker's: by then its queue is empty.
        self._listener.close()
        deadline = time.monotonic() + seconds + 2
        for process in self._processes:
            process.wait(deadline)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that nobody else can look into, whose path is short enough for a socket; it is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="fitserve-"))
    if len(os.fsencode(folder)) > _LONGEST_PATH:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="fitserve-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ignore(_number: int, _frame: object) -> None:
    """Signals arrive on the wake-up socket; a handler must exist for that."""


def _hang_seconds() -> float:
    seconds = float(settings.get("hang_seconds"))
    if not _SHORTEST_HANG <= seconds < math.inf:
        variable = settings.SETTINGS["hang_seconds"].variable
        raise SpecError(f"{variable}={seconds:g}: a busy worker may be silent so long; give {_SHORTEST_HANG:g} or more")
    return seconds


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; workers listen on it once they are ready, so that nobody waits before a closed door."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise _cannot_listen(host, port, reason or str(error)) from None
    return listener


def _cannot_listen(host: str, port: int, reason: str) -> SpecError:
    return SpecError(f"cannot listen on {host[:100]}:{port} ({reason}); choose another --port or --host")
