"""A worker process: loads the models, answers requests on the supervisor's socket, ends when it is told to.

Started by the supervisor as ``python -m fitserve.serving.worker``; its options come as one JSON line on standard
input. From then on both talk by messages on the control socket; its end of file means that the supervisor is gone,
and that the worker has to go, too.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
import time
from contextlib import suppress
from email.utils import formatdate
from typing import cast

from fitserve.errors import SpecError, UserError
from fitserve.serving import messages
from fitserve.serving.acceptor import Acceptor
from fitserve.serving.access import Access
from fitserve.serving.app import Application
from fitserve.serving.connections import event_loop, protocol_config
from fitserve.serving.control import Control
from fitserve.serving.deployment import Deployment, Limits
from fitserve.serving.handover import HandOver
from fitserve.serving.options import WorkerOptions
from fitserve.serving.protocol import Connections, Protocol
from fitserve.serving.shared_document import SharedDocument
from fitserve.serving.telemetry import Label, Telemetry

_PUBLISH_SECONDS = 0.5
_BACKLOG = 2048
# When the server ends, connections on which nothing happens are looked at so often, and closed after so many looks:
# so a client that is about to send a request is told with its answer that there will be no other.
_LOOK_SECONDS = 0.025
_LOOKS = 40
# A client that has been let in just before may be so far away that its word arrives only after so many seconds.
_FAR_AWAY_SECONDS = 0.25
_log = logging.getLogger("fitserve.serving")


def main() -> None:
    """Read the options, load, serve."""
    # Ctrl-C in a terminal reaches the whole process group; only the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    said = sys.stdin.readline()
    if not said:  # the supervisor is gone already
        return
    options = WorkerOptions.from_json(json.loads(said))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s worker %(process)d %(levelname)s %(message)s")
    control = socket.socket(fileno=options.control_fd)
    # Every connection is an open file; what is usual (1024) is meant for programs that cannot count further.
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    try:
        deployment = assemble(options)
        listener = _listening(options.listener_fd)
    except UserError as error:
        with suppress(OSError):  # another worker's word may have ended the supervisor
            control.sendall(messages.encode(messages.State(os.getpid(), ready=False, error=str(error))))
        sys.exit(2)
    event_loop().run_until_complete(_serve(options, deployment, control, listener))


def assemble(options: WorkerOptions) -> Deployment:
    """Load every model; raises BundleError if a bundle is not sound."""
    counters = [SharedDocument(descriptor) for descriptor in options.counters_fds]
    telemetry = Telemetry(counters, options.slot, SharedDocument(options.replaced_fd))
    management = HandOver(options.manager_socket) if options.manager_socket else None
    limits = Limits(options.body_limit, options.rows_limit)
    deployment = Deployment(limits, telemetry, management, needs_key=options.keys is not None)
    for served in options.models:
        deployment.add(deployment.endpoint(served))
    return deployment


def _listening(descriptor: int) -> socket.socket:
    """The service's socket, listening: every worker says so, the first one opens the door."""
    listener = socket.socket(fileno=descriptor)
    try:
        listener.listen(_BACKLOG)
    except OSError as error:  # another server was bound to the same port at the same time, and was faster
        host, port = listener.getsockname()[:2]
        raise SpecError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from None
    return listener


async def _serve(
    options: WorkerOptions, deployment: Deployment, own_end: socket.socket, listener: socket.socket
) -> None:
    telemetry = deployment.telemetry
    access = Access(frozenset(options.keys) if options.keys is not None else None)
    application = Application(deployment.routes(), access, telemetry.counter(Label("none")))
    application.missing = lambda path: deployment.missing(application.routes, path)
    config = protocol_config(application, options.silent_seconds)
    connections = Connections()
    _every_half_second(connections, telemetry)
    # uvicorn's protocol class serves; its own server does not fit: it stops accepting at SIGTERM by itself,
    # and nobody but a terminal can talk to it.
    acceptor = Acceptor(listener, lambda: Protocol(config=config, server_state=connections, app_state={}))
    # What is loaded stays: it need not be looked through for garbage again and again.
    gc.collect()
    gc.freeze()
    control = Control(own_end)
    await control.tell(messages.State(os.getpid(), ready=True, served=deployment.served))
    control.beat()
    seconds = await _obey(control, deployment, application, options.stop_seconds)
    await _drain(acceptor, connections, seconds)
    telemetry.publish()


def _every_half_second(connections: Connections, telemetry: Telemetry) -> None:
    connections.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
    telemetry.publish()
    asyncio.get_running_loop().call_later(_PUBLISH_SECONDS, _every_half_second, connections, telemetry)


async def _obey(control: Control, deployment: Deployment, application: Application, stop_seconds: float) -> float:
    """Do what the supervisor says until it says that this worker has to end, or is gone; how long that may take."""
    async for message in control.messages():
        if isinstance(message, messages.Drain):
            return message.seconds
        error = ""
        try:
            await _change(message, deployment, application.access)
            application.routes = deployment.routes()
        except UserError as wrong:
            error = str(wrong)
            _log.error("%s", error)
        await control.tell(messages.State(os.getpid(), ready=True, served=deployment.served, error=error))
    return stop_seconds


async def _change(message: messages.Message, deployment: Deployment, access: Access) -> None:
    """Change what is served, and to whom."""
    if isinstance(message, messages.Load):
        deployment.add(await asyncio.to_thread(deployment.endpoint, message))
    elif isinstance(message, messages.Unload):
        deployment.remove(message)
    elif isinstance(message, messages.Route):
        deployment.route(message)
    elif isinstance(message, messages.Keys):
        access.keys = None if message.sha256 is None else frozenset(message.sha256)
        deployment.needs_key = access.keys is not None


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
