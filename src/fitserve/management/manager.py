"""The manager process: answers what workers hand over to it, on a Unix socket in a private folder.

Started by the supervisor as ``python -m fitserve.management.manager``; its options come as one JSON line on standard
input, all else as messages on its control socket. Predictions do not depend on it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import cast

from fitserve.management.api import api_routes
from fitserve.serving import messages
from fitserve.serving.access import Access
from fitserve.serving.app import Application
from fitserve.serving.connections import event_loop, protocol_config
from fitserve.serving.control import Control
from fitserve.serving.options import ManagerOptions
from fitserve.serving.protocol import Connections, Protocol
from fitserve.serving.telemetry import Counter

# Workers close their connections as soon as they have an answer.
_SILENT_SECONDS = 75
_LOOK_SECONDS, _LOOKS = 0.025, 4


def main() -> None:
    """Read the options, serve."""
    # Ctrl-C in a terminal reaches the whole process group; only the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    said = sys.stdin.readline()
    if not said:  # the supervisor is gone already
        return
    options = ManagerOptions(**json.loads(said))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s manager %(process)d %(levelname)s %(message)s")
    event_loop().run_until_complete(_serve(options, Path(options.socket)))


async def _serve(options: ManagerOptions, path: Path) -> None:
    # Whether a request has a key, the workers have seen; counting is theirs, too.
    application = Application(api_routes(), Access(), Counter())
    config = protocol_config(application, _SILENT_SECONDS)
    connections = Connections()
    path.unlink(missing_ok=True)  # that of a manager that was killed
    server = await asyncio.get_running_loop().create_unix_server(
        lambda: Protocol(config=config, server_state=connections, app_state={}), str(path)
    )
    control = Control(socket.socket(fileno=options.control_fd))
    await control.tell(messages.State(os.getpid(), ready=True))
    control.beat()
    seconds = options.stop_seconds
    async for message in control.messages():
        if isinstance(message, messages.Drain):
            seconds = message.seconds
            break
    server.close()
    await _drain(connections, seconds)
    path.unlink(missing_ok=True)
    with suppress(OSError):  # the supervisor removes its folder itself, if it can still do so
        path.parent.rmdir()


async def _drain(connections: Connections, seconds: float) -> None:
    """Answer whoever is in, and end when all have gone or after so many seconds."""
    connections.leaving = True
    deadline = time.monotonic() + seconds
    while connections.connections and time.monotonic() < deadline:
        for connection in list(connections.connections):
            cast("Protocol", connection).leave(_LOOKS)
        await asyncio.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
