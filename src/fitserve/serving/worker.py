"""A worker process: loads the models, answers requests on the supervisor's socket, ends when it is told to.

Started by the supervisor as ``python -m fitserve.serving.worker``; its orders come as one JSON line on standard
input. It writes one JSON line on the control socket when it is ready or cannot become so; the supervisor's
end of file there is the order to stop, or means that the supervisor is gone, and that the worker has to go, too.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import mmap
import os
import re
import resource
import signal
import socket
import sys
import time
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from typing import cast

import uvicorn

from fitserve.errors import BundleError, SpecError, UserError
from fitserve.prediction import load
from fitserve.serving.acceptor import Acceptor
from fitserve.serving.app import Limits, Service
from fitserve.serving.endpoint import Endpoint
from fitserve.serving.orders import Orders, ServedVersion
from fitserve.serving.pages import pages_of
from fitserve.serving.protocol import Connections, Protocol
from fitserve.serving.telemetry import Label, Telemetry

_PUBLISH_SECONDS = 0.5
_BACKLOG = 2048
# When the server ends, connections on which nothing happens are looked at so often, and closed after so many looks:
# so a client that is about to send a request is told with its answer that there will be no other.
_LOOK_SECONDS = 0.025
_LOOKS = 40
# A client that has been let in just before may be so far away that its word arrives only after so many seconds.
_FAR_AWAY_SECONDS = 0.25
_IDENTITY = re.compile("[0-9a-f]{64}")


def main() -> None:
    """Read the orders, load, serve."""
    # Ctrl-C in a terminal reaches the whole process group; only the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    said = sys.stdin.readline()
    if not said:  # the supervisor is gone already
        return
    orders = Orders.from_json(json.loads(said))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s worker %(process)d %(levelname)s %(message)s")
    control = socket.socket(fileno=orders.control_fd)
    # Every connection is an open file; what is usual (1024) is meant for programs that cannot count further.
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    try:
        service = assemble(orders)
        listener = _listening(orders.listener_fd)
    except UserError as error:
        with suppress(OSError):  # another worker's word may have ended the supervisor
            control.sendall(json.dumps({"event": "failed", "error": str(error)}).encode() + b"\n")
        sys.exit(2)
    _event_loop().run_until_complete(_serve(orders, service, control, listener))


def _event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def assemble(orders: Orders) -> Service:
    """Load every model and put the application together; raises BundleError if a bundle is not sound."""
    endpoints = [_endpoint(served, orders.rows_limit) for served in orders.models]
    labels = [Label("", 0)]
    routes: dict[str, tuple[Endpoint, int]] = {}
    for endpoint in endpoints:
        predictor = endpoint.predictor
        labels.append(Label(endpoint.model, endpoint.version, predictor.manifest.learner, predictor.sha256))
        place = (endpoint, len(labels) - 1)
        # Of two versions of a model, and of all models, the one that was named first answers where none is named.
        routes.setdefault(f"/models/{endpoint.model}/predict", place)
        routes[f"/models/{endpoint.model}/versions/{endpoint.version}/predict"] = place
        routes.setdefault("/predict", place)
    shared = mmap.mmap(orders.telemetry_fd, 0)
    telemetry = Telemetry(shared, orders.slot, orders.n_slots, labels)
    keys = frozenset(orders.keys) if orders.keys is not None else None
    pages = pages_of(endpoints, endpoints[0], needs_key=keys is not None)
    return Service(routes, pages, telemetry, Limits(orders.body_limit, keys))


def _endpoint(served: ServedVersion, rows_limit: int) -> Endpoint:
    folder = Path(served.folder)
    predictor = load(folder)
    # A workspace names the folder of a bundle by its identity: so even a forged whole, every digest of which is
    # right, is noticed.
    if _IDENTITY.fullmatch(folder.name) and folder.name != predictor.sha256:
        name = f"{served.model} version {served.version}"
        raise BundleError(f"the bundle of {name} is not the one that was registered; import or train it again")
    return Endpoint(served.model, served.version, predictor, rows_limit)


def _listening(descriptor: int) -> socket.socket:
    """The service's socket, listening: every worker says so, the first one opens the door."""
    listener = socket.socket(fileno=descriptor)
    try:
        listener.listen(_BACKLOG)
    except OSError as error:  # another server was bound to the same port at the same time, and was faster
        host, port = listener.getsockname()[:2]
        raise SpecError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from None
    return listener


async def _serve(orders: Orders, service: Service, control: socket.socket, listener: socket.socket) -> None:
    config = uvicorn.Config(
        service,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=orders.silent_seconds,
    )
    config.load()
    connections = Connections()
    _every_half_second(orders.slot, connections, service.telemetry)
    # uvicorn's protocol class serves; its own server does not fit: it stops accepting at SIGTERM by itself,
    # and nobody but a terminal can talk to it.
    acceptor = Acceptor(listener, lambda: Protocol(config=config, server_state=connections, app_state={}))
    # What is loaded stays: it need not be looked through for garbage again and again.
    gc.collect()
    gc.freeze()
    control.setblocking(False)
    loop = asyncio.get_running_loop()
    with suppress(OSError):  # an order to stop, or the supervisor's end; maybe before this worker was ready
        await loop.sock_sendall(control, json.dumps({"event": "ready", "pid": os.getpid()}).encode() + b"\n")
        await loop.sock_recv(control, 4096)
    await _drain(acceptor, connections, orders.stop_seconds)
    service.telemetry.publish()


def _every_half_second(slot: int, connections: Connections, telemetry: Telemetry) -> None:
    connections.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
    telemetry.publish()
    telemetry.vitals.beat(slot)
    loop = asyncio.get_running_loop()
    loop.call_later(_PUBLISH_SECONDS, _every_half_second, slot, connections, telemetry)


async def _drain(acceptor: Acceptor, connections: Connections, seconds: float) -> None:
    """Let nobody in any more, answer whoever is in, and end when all have gone or after so many seconds."""
    connections.leaving = True
    acceptor.turn_away()
    now = time.monotonic()
    deadline, all_here = now + seconds, now + min(_FAR_AWAY_SECONDS, seconds / 2)
    while now < deadline and (connections.connections or not acceptor.is_done):
        if acceptor.is_open and now >= all_here:
            acceptor.close()
        for connection in list(connections.connections):
            cast("Protocol", connection).leave(_LOOKS)
        await asyncio.sleep(_LOOK_SECONDS)
        now = time.monotonic()


if __name__ == "__main__":
    main()
