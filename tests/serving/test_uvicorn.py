"""What ``protocol.py`` and ``connections.py`` use of uvicorn beyond its documented surface.

A version that moves something of it fails here, with its name, before a server does something odd. Then look at
``protocol.py``, and raise the bound in ``pyproject.toml``.
"""

from __future__ import annotations

import inspect
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.server import ServerState

from fitserve.serving import protocol

Protocol = httptools_impl.HttpToolsProtocol
METHODS = {
    Protocol.__init__: ["self", "config", "server_state", "app_state", "_loop"],
    Protocol.connection_made: ["self", "transport"],
    Protocol.connection_lost: ["self", "exc"],
    Protocol.data_received: ["self", "data"],
    Protocol.eof_received: ["self"],
    Protocol.on_message_begin: ["self"],
    Protocol.on_url: ["self", "url"],
    Protocol.on_header: ["self", "name", "value"],
    Protocol.on_headers_complete: ["self"],
    Protocol.on_body: ["self", "body"],
    Protocol.on_message_complete: ["self"],
    Protocol.on_response_complete: ["self"],
    Protocol.pause_writing: ["self"],
    Protocol.resume_writing: ["self"],
    Protocol.shutdown: ["self"],
    Protocol.timeout_keep_alive_handler: ["self"],
    Protocol._unset_keepalive_if_required: ["self"],
    flow_control.FlowControl.__init__: ["self", "transport"],
    flow_control.FlowControl.pause_reading: ["self"],
    flow_control.FlowControl.resume_reading: ["self"],
}
ATTRIBUTES = [
    "app", "config", "cycle", "expect_100_continue", "flow", "headers", "loop", "parser", "pipeline", "scope",
    "server_state", "timeout_keep_alive", "timeout_keep_alive_task", "transport",
]  # fmt: skip
CYCLE = ["disconnected", "keep_alive", "message_event", "more_body", "response_complete", "response_started"]
CONFIG = [
    "http", "ws", "lifespan", "interface", "log_config", "access_log", "proxy_headers", "server_header",
    "timeout_keep_alive",
]  # fmt: skip


def assigned(kind: type) -> set[str]:
    """The attributes that the constructor of a class sets."""
    return set(re.findall(r"self\.(\w+)(?:: [^=\n]+)? = ", inspect.getsource(vars(kind)["__init__"])))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__qualname__)
def test_signatures(method: Any) -> None:
    assert list(inspect.signature(method).parameters) == METHODS[method]


def test_attributes() -> None:
    assert set(ATTRIBUTES) <= assigned(Protocol)
    assert set(CYCLE) <= assigned(httptools_impl.RequestResponseCycle)
    assert {"read_paused", "write_paused"} <= assigned(flow_control.FlowControl)
    assert {"connections", "default_headers"} <= assigned(ServerState)
    assert set(CONFIG) <= set(inspect.signature(uvicorn.Config).parameters)
    assert httptools_impl.STATUS_LINE[404] == b"HTTP/1.1 404 Not Found\r\n"


def test_everything_that_is_used_is_listed() -> None:
    source = Path(protocol.__file__).read_text(encoding="utf-8")
    used = set(re.findall(r"\b(?:self|connection|_connection)\.(\w+)", source))
    listed = {method.__name__ for method in METHODS} | set(ATTRIBUTES)
    assert used & (set(vars(Protocol)) | assigned(Protocol)) <= listed


def test_a_head_and_its_body_are_what_the_transport_expects() -> None:
    """The head is one write that begins like this, the body another: the protocol joins the two."""
    source = inspect.getsource(httptools_impl.RequestResponseCycle.send)
    assert source.count("self.transport.write(") == 3
    assert "content = [STATUS_LINE[status_code]]" in source
    assert "headers = self.default_headers + list(" in source


def test_the_bound_in_pyproject_holds_the_installed_version() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    [(low, high)] = re.findall(r'"uvicorn>=0\.(\d+),<0\.(\d+)"', project)
    major, minor = map(int, metadata.version("uvicorn").split(".")[:2])
    assert (major, int(low) <= minor < int(high)) == (0, True)
