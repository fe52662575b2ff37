"""The thin process that owns a service: its socket, its workers, the memory in which they count.

It imports neither onnxruntime nor a web framework, so that nothing in it can stop it from doing its duty.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import math
import mmap
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fitserve import settings
from fitserve.errors import SpecError, UserError
from fitserve.serving.orders import Orders, ServedVersion
from fitserve.serving.telemetry import Telemetry
from fitserve.serving.vitals import Vitals

_log = logging.getLogger("fitserve.serving")
_END = frozenset([signal.SIGTERM, signal.SIGINT])
# A worker that dies young is started again ever later, up to this.
_LONGEST_PAUSE = 30.0
_YOUNG = 10.0
# Long enough for a client that keeps a connection between two requests, and for a bad line in the middle of one.
_SILENT_SECONDS = 75
# A worker is taken to hang after so many looks without a new sign of life. Looks are counted and not seconds: a
# supervisor that was itself stopped, with the whole machine for instance, has not looked meanwhile.
_LOOKS = 10
# Workers give a sign of life twice a second, if they are not busy.
_SHORTEST_HANG = 2.0


@dataclass(frozen=True)
class ServiceSpec:
    """What to serve and where. ``keys`` holds SHA-256 of API keys; they are needed beyond loopback."""

    models: Sequence[ServedVersion]
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    keys: Sequence[str] = ()
    require_key: bool = False

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


@dataclass
class _Worker:
    """One worker process and the supervisor's end of its control socket."""

    slot: int
    process: subprocess.Popen[bytes]
    control: socket.socket
    started: float
    ready: bool = False
    said: bytes = b""
    beats: float = 0.0
    silent_looks: int = 0


@dataclass
class Supervisor:
    """Runs a service until a signal ends it. ``on_ready`` is called once, with the URL, when all workers answer."""

    spec: ServiceSpec
    on_ready: Callable[[str], None]
    _workers: list[_Worker] = field(default_factory=list)
    _due: list[tuple[float, int]] = field(default_factory=list)
    _pause: float = 0.5
    _was_ready: bool = False

    def run(self) -> None:
        """Serve; raises UserError if the address is taken or a model cannot be loaded."""
        self.spec.check()
        self._look_seconds = _hang_seconds() / _LOOKS
        self._listener = listen(self.spec.host, self.spec.port)
        try:
            self._keys = self.spec.needed_keys(self._listener.getsockname()[0])
            self._supervise()
        finally:
            self._listener.close()

    def _supervise(self) -> None:
        self._telemetry_fd = _shared_memory(Telemetry.size(self.spec.workers, 1 + len(self.spec.models)))
        shared = mmap.mmap(self._telemetry_fd, 0)
        self._vitals = Vitals(shared, self.spec.workers)
        self._selector = selectors.DefaultSelector()
        signals_in, signals_out = socket.socketpair()
        signals_out.setblocking(False)
        self._selector.register(signals_in, selectors.EVENT_READ)
        before = signal.set_wakeup_fd(signals_out.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, _ignore) for number in _END}
        try:
            for slot in range(self.spec.workers):
                self._start(slot)
            self._watch(signals_in)
        finally:
            self._stop_all()
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            for opened in (self._selector, signals_in, signals_out):
                opened.close()
            shared.close()
            os.close(self._telemetry_fd)

    @property
    def url(self) -> str:
        """Where the service answers."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def _start(self, slot: int) -> None:
        ours, theirs = socket.socketpair()
        orders = Orders(
            self.spec.models,
            self._listener.fileno(),
            theirs.fileno(),
            self._telemetry_fd,
            slot,
            self.spec.workers,
            self._keys,
            int(settings.get("body_limit")),
            int(settings.get("rows_limit")),
            float(settings.get("stop_seconds")),
            _SILENT_SECONDS,
        )
        # Signals to the whole group, from a terminal or a service manager, are the supervisor's alone; blocked
        # before the worker begins, so that none can meet it before it has said so itself.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _END)
        try:
            process = subprocess.Popen(
                # -P: the folder in which somebody happens to stand holds no modules of ours.
                [sys.executable, "-P", "-m", "fitserve.serving.worker"],
                stdin=subprocess.PIPE,
                pass_fds=(self._listener.fileno(), theirs.fileno(), self._telemetry_fd),
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(orders.as_json()).encode() + b"\n")
            process.stdin.close()
        except BrokenPipeError:
            _log.warning("worker %d died before it read its orders", process.pid)
        worker = _Worker(slot, process, ours, time.monotonic())
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _watch(self, signals: socket.socket) -> None:
        """Wait for signals and workers; return when a signal asks for the end."""
        look_at = time.monotonic() + self._look_seconds
        while True:
            wake_at = min([look_at, *(due for due, _ in self._due)])
            for key, _ in self._selector.select(max(0.0, wake_at - time.monotonic())):
                if key.fileobj is signals:
                    if _END & set(signals.recv(64)):
                        return
                else:
                    self._hear(key.data)
            now = time.monotonic()
            for due, slot in [entry for entry in self._due if entry[0] <= now]:
                self._due.remove((due, slot))
                self._start(slot)
            if now >= look_at:
                self._look()
                look_at = time.monotonic() + self._look_seconds

    def _look(self) -> None:
        """End every worker that has given no sign of life for too long; one that loads its models gives none."""
        for worker, beats in [(worker, self._vitals.beats()[worker.slot]) for worker in self._workers if worker.ready]:
            worker.silent_looks = worker.silent_looks + 1 if beats == worker.beats else 0
            worker.beats = beats
            if worker.silent_looks == _LOOKS:
                worker.process.kill()  # the end of file on its control socket tells when it has gone

    def _hear(self, worker: _Worker) -> None:
        said = worker.control.recv(65_536)
        if not said:
            self._bury(worker)
            return
        worker.said += said
        if not worker.said.endswith(b"\n"):
            return
        message = json.loads(worker.said)
        worker.said = b""
        if message["event"] == "failed":
            if not self._was_ready:
                raise UserError(message["error"])
            _log.error("worker %d: %s", worker.process.pid, message["error"])
        else:
            worker.ready = True
            if not self._was_ready and all(each.ready for each in self._workers):
                self._was_ready = True
                self.on_ready(self.url)

    def _bury(self, worker: _Worker) -> None:
        """A worker has ended: start another in its place, ever later if they die young."""
        self._selector.unregister(worker.control)
        worker.control.close()
        code = worker.process.wait()
        self._workers.remove(worker)
        if not self._was_ready:
            raise UserError(f"a worker ended with code {code} before it was ready; its message stands above")
        young = time.monotonic() - worker.started < _YOUNG
        self._pause = min(self._pause * 2, _LONGEST_PAUSE) if young else 0.5
        hung = worker.silent_looks >= _LOOKS
        seconds = _LOOKS * self._look_seconds
        what = f"hung for {seconds:g} s and was killed" if hung else f"ended with code {code}"
        _log.error("worker %d %s; another starts in %.1f s", worker.process.pid, what, self._pause)
        self._vitals.count_restart("hung" if hung else "ended")
        self._due.append((time.monotonic() + self._pause, worker.slot))

    def _stop_all(self) -> None:
        for worker in self._workers:
            worker.control.close()  # its end of file is the order to stop
        # The socket goes with the last end of it, and that is a worker's: by then its queue is empty.
        self._listener.close()
        deadline = time.monotonic() + float(settings.get("stop_seconds")) + 2
        for worker in self._workers:
            try:
                worker.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()


def _ignore(_number: int, _frame: object) -> None:
    """Signals arrive on the wake-up socket; a handler must exist for that."""


def _hang_seconds() -> float:
    seconds = float(settings.get("hang_seconds"))
    if not _SHORTEST_HANG <= seconds < math.inf:
        variable = settings.SETTINGS["hang_seconds"].variable
        raise SpecError(f"{variable}={seconds:g}: a busy worker may be silent so long; give {_SHORTEST_HANG:g} or more")
    return seconds


def _shared_memory(size: int) -> int:
    """A file descriptor of so many bytes of zeros that child processes may map."""
    size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    descriptor = os.memfd_create("fitserve-telemetry")
    os.ftruncate(descriptor, size)
    return descriptor


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
