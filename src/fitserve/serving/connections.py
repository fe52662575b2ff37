"""How worker and manager run uvicorn's protocol class: on which event loop, with which configuration."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.util import find_spec

import uvicorn

from fitserve.serving.app import Application


def event_loop() -> asyncio.AbstractEventLoop:
    """The fastest loop there is."""
    library = import_module("uvloop" if find_spec("uvloop") else "asyncio")  # it is not there on every platform
    loop: asyncio.AbstractEventLoop = library.new_event_loop()
    return loop


def protocol_config(application: Application, silent_seconds: int) -> uvicorn.Config:
    """How uvicorn's protocol class is to serve an application."""
    config = uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=silent_seconds,
    )
    config.load()
    return config
