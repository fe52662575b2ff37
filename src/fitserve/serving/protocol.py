"""uvicorn's HTTP protocol, with head and body of an answer in one write, and robust against odd clients.

uvicorn hands head and body to the transport one after the other, and each becomes a system call and a packet of
its own; for answers as small as a prediction that is a tenth of the whole work.

Odd clients: what is no HTTP gets a problem document like everything else, after the answers to the requests
before it; a head without end is refused; a client that has closed its own direction still gets its answers; one
that offers another protocol (Java's HTTP client offers HTTP/2 with its first request) is served by HTTP/1.1,
body and all; one that falls silent in the middle of a request, or stops reading in the middle of an answer,
does not keep its connection for ever; one that sends request after request without waiting is not read ahead of
its answers; and one that keeps its connection is told with an answer when the server is about to end.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from fitserve.serving.app import Application
from fitserve.serving.problems import CONTENT_TYPE, HttpProblem

# Bytes that may come without any of them being a body's: a request's head, or what stands between two chunks.
_HEAD_BYTES = 65_536
# Fields of a head; a field of three bytes takes some hundred bytes of memory.
_HEAD_FIELDS = 256
_LONG_HEAD = f"the head of the request has more than {_HEAD_BYTES} bytes; a row belongs into the body"
_MANY_FIELDS = f"the head of the request has more than {_HEAD_FIELDS} fields; send those that are needed"
# While so many requests of a connection wait behind the one that is answered, no more of it are read.
_MOST_WAITING = 16
# What has been read is parsed in pieces of so many bytes: the smaller the more requests may begin within them.
_PIECES = (65_536, 4_096, 256)
_END_OF_HEAD = b"\r\n\r\n"
# A client that is refused has so long to stop sending and read why, before its connection is closed.
_LAST_SECONDS = 2.0


class _JoinedTransport(asyncio.Transport):
    """A transport that keeps the head of an answer back until the first piece of its body is written."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._head = b""
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.set_protocol = transport.set_protocol  # type: ignore[method-assign]
        self.write_eof = transport.write_eof  # type: ignore[method-assign]
        self.get_write_buffer_size = transport.get_write_buffer_size  # type: ignore[method-assign]
        self.abort = transport.abort  # type: ignore[method-assign]

    def write(self, data: Any) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data[:9] == b"HTTP/1.1 " and data[9:12] != b"100":
            self._head = data
            return
        # Of several requests in a row uvicorn forgets to tell all but the last that the client has gone.
        if not self.is_closing():
            self._transport.write(data)

    def flush(self) -> None:
        """Write a head that no body follows."""
        if self._head:
            head, self._head = self._head, b""
            if not self.is_closing():
                self._transport.write(head)

    def close(self) -> None:
        self.flush()
        self._transport.close()


class Connections(ServerState):
    """What the connections of a worker share; while it is ``leaving``, no answer promises another one."""

    def __init__(self) -> None:
        super().__init__()
        self.leaving = False


class _Flow(FlowControl):
    """Flow control by which nothing is read while a request waits behind another."""

    held = False

    def resume_reading(self) -> None:
        if self.read_paused and not self.held:
            super().resume_reading()

    def hold(self, held: bool) -> None:
        """Stop reading, whoever asks for more; or read again."""
        self.held = held
        if held:
            self.pause_reading()
        else:
            self.resume_reading()


class _TooMuch(Exception):  # noqa: N818 - raised through the parser
    """A head has more fields or bytes than anybody needs."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    server_state: Connections
    flow: _Flow

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._out = _JoinedTransport(transport)
        self._unframed = self._head = 0
        self._unparsed = b""
        self._deaf = False
        self._last_words = b""
        self._unread = 0
        self._quiet: tuple[asyncio.TimerHandle | None, int] = (None, 0)
        super().connection_made(self._out)
        self.flow = _Flow(self._out)
        self._await_client()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        if self._unparsed or len(data) > _PIECES[0] or data.count(_END_OF_HEAD) > 1:
            self._unparsed += data
            self._parse_on()
        else:
            self._parse(data)
            if self.pipeline:
                self.flow.hold(True)
        if self._deaf:
            return
        if self.server_state.leaving:
            self.shutdown()
        cycle = self.cycle
        # A client that sends on without reading its answer is waited for like one that is silent.
        if cycle is None or cycle.more_body or cycle.response_complete or self.flow.write_paused:
            self._await_client()

    def _parse_on(self) -> None:
        """Parse what has been read, but no more of it while many requests wait for their turn."""
        data, self._unparsed = self._unparsed, b""
        parsed = 0
        while parsed < len(data):
            if len(self.pipeline) >= _MOST_WAITING:
                self._unparsed = data[parsed:]
                break
            end = parsed + _piece(data, parsed)
            self._parse(data[parsed:end])
            if self._deaf:
                return
            parsed = end
        if self.flow.held or self.pipeline:
            self.flow.hold(bool(self.pipeline))

    def _parse(self, data: bytes) -> None:
        self._unframed += len(data)
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                self._decline(data, offer)
        except httptools.HttpParserError as error:
            self._refuse(_unreadable(error))
            return
        if self._unframed > _HEAD_BYTES:
            self._refuse(HttpProblem(431, _LONG_HEAD))

    def _decline(self, data: bytes, offer: httptools.HttpParserUpgrade) -> None:
        """Read on after a request that offers another protocol: to the parser it ended with its head."""
        rest = memoryview(data)
        while True:
            rest = rest[offer.args[0] :]
            if self.framing():
                self.parser = _body_parser(self)
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as another:
                offer = another
            else:
                return

    def framing(self) -> list[tuple[bytes, bytes]]:
        """The headers that say how long the body of the request is."""
        lengths = (b"content-length", b"transfer-encoding")
        return [(name, value) for name, value in self.headers if name in lengths and value.strip(b"0")]

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) == _HEAD_FIELDS:
            raise _TooMuch(_MANY_FIELDS)
        self._head += len(name) + len(value)
        if self._head > _HEAD_BYTES:
            raise _TooMuch(_LONG_HEAD)
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._unframed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unframed = 0
        # Of a request that offers another protocol, only the head has been read: see `_decline`.
        if not (self.parser.should_upgrade() and self.framing()):
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self._out.flush()
        self._unread = 0
        if self._last_words and not self.pipeline:
            self._say_last_words()
            return
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_client()
            return
        if self.flow.held and not self.pipeline:
            self._parse_on()
            if self.server_state.leaving:
                self.shutdown()
        if self.flow.write_paused and not self._deaf:
            self._await_client()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_client()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays: until the answer to a client that has said all it had to say."""
        if self._last_words:
            return True
        if not self._is_answering():
            return False
        self.cycle.keep_alive = False
        return True

    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not (cycle.response_complete or cycle.more_body or cycle.disconnected)

    def shutdown(self) -> None:
        """Have the answer to the last request that has been read say that it is the last one."""
        cycle = self.cycle
        if cycle is not None and not (self._unparsed or self._deaf or cycle.response_started):
            cycle.keep_alive = False

    def leave(self, patience: int) -> None:
        """Called again and again while the server ends: closes if that often in a row nothing has happened here.

        A client whose connection is closed at once may have sent a request already, which would be lost.
        """
        self.shutdown()
        if self._deaf or self.transport.is_closing() or self.pipeline:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            return
        timer, times = self._quiet
        # Whatever happens on a connection that waits for its client sets a timer of its own.
        self._quiet = (self.timeout_keep_alive_task, times + 1 if timer is self.timeout_keep_alive_task else 0)
        if self._quiet[1] >= patience:
            self._out.close()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection on which nothing was heard, unless its client waits for an answer or reads it, slowly."""
        unread = self._out.get_write_buffer_size()
        if 0 < self._unread <= unread:
            self._out.abort()  # closing would wait until all is read
        elif unread or self._is_answering():
            self._unread = unread
            self._await_client()
        else:
            self._out.close()

    def _await_client(self) -> None:
        self._unset_keepalive_if_required()
        handler = self.timeout_keep_alive_handler
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, handler)

    def _refuse(self, problem: HttpProblem) -> None:
        """Answer what is no request, after the answers to all that came before it; hear nothing more."""
        cast("Application", self.app).unrouted.count(problem.status, 0.0)
        self._deaf = True
        body = problem.body()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", CONTENT_TYPE),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        lines = (b"%s: %s\r\n" % header for header in headers)
        self._last_words = b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body])
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._say_last_words()
        elif cycle.more_body:
            self._give_up_reading()

    def _give_up_reading(self) -> None:
        """It is the request that is being read that breaks off; it gets no other answer."""
        cycle = self.cycle
        if self.pipeline:
            self.pipeline.popleft()
            return
        cycle.disconnected = True
        cycle.message_event.set()
        if cycle.response_started:
            self.transport.close()
        else:
            self._say_last_words()

    def _say_last_words(self) -> None:
        if self.transport.is_closing():
            return
        words, self._last_words = self._last_words, b""
        self.transport.write(words)
        self._out.flush()
        # Closing while the client still sends would reset the connection, and the answer would be lost.
        self.transport.write_eof()
        self.flow.hold(False)
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(_LAST_SECONDS, self.timeout_keep_alive_handler)


def _piece(data: bytes, start: int) -> int:
    """How many bytes to parse at once, so that few requests begin within them."""
    for size in _PIECES:
        if data.count(_END_OF_HEAD, start, start + size) <= _MOST_WAITING:
            return size
    return _PIECES[-1]


def _unreadable(error: httptools.HttpParserError) -> HttpProblem:
    """What to say about bytes that are no request."""
    if isinstance(error.__context__, _TooMuch):
        return HttpProblem(431, str(error.__context__))
    unreadable = isinstance(error, httptools.HttpParserCallbackError)
    reason = "its target cannot be read" if unreadable else str(error)
    return HttpProblem(400, f"this is no HTTP/1.1 request ({reason})")


class _AfterHead:
    """What a second parser tells of a request whose head a first one has read: its body, and all that follows."""

    def __init__(self, connection: Protocol) -> None:
        self._connection = connection
        self._in_first_head = True
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        if not self._in_first_head:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._in_first_head:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_first_head:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self._in_first_head:
            self._connection.on_headers_complete()
        self._in_first_head = False


def _body_parser(connection: Protocol) -> httptools.HttpRequestParser:
    """A parser for the rest of a connection, from the body of the request whose head has just ended."""
    parser = httptools.HttpRequestParser(_AfterHead(connection))
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    lines = (b"%s: %s\r\n" % header for header in connection.framing())
    parser.feed_data(b"".join([b"POST / HTTP/1.1\r\n", *lines, b"\r\n"]))
    return parser
