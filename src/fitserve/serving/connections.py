"""How worker and manager run uvicorn's protocol class: on which event loop, with which configuration."""

from __future__ import annotations

import asyncio

import uvicorn

from fitserve.serving.app import Application


def event_loop() -> asyncio.AbstractEventLoop:
    """The fastest loop there is."""
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
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
