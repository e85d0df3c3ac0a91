"""uvicorn's HTTP protocol with bounds: how long a client may take to say what it wants, and how long that may be.

uvicorn waits forever for the rest of a request, and keeps of its header whatever comes. A handshake of `/live` begins
here too, as a request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.live.connection import CLOSED, EXTENSION
from app.live.writer import SocketWriter
from app.server.descriptors import bound_waiting
from app.server.gate import make_request_id
from app.web.cookies import CLEAR_COOKIES
from app.web.plain import plain_answer, read_path
from app.web.problems import is_for_programs
from app.web.request_ids import HEADER

# How long, in seconds, a header may take from the connection or its first byte on, and how large it may be. The gate
# refuses smaller ones with a page; beyond this nothing more is read.
HEADER_TIME = 10.0
HEADER_SIZE = 64 * 1024
# Nothing of a body may come for so many seconds. Who sends on has so many again, one for each so many bytes: what was
# sent fast before is no credit for silence.
BODY_TIME = 15.0
BODY_RATE = 500
# How long, in seconds, what still comes on a refused connection is read and dropped (RFC 9112, 9.6): closed with
# something unread, it would be reset, and the client might never see why.
LINGER = 2.0

log = structlog.get_logger("web")


def read_target(beginning: bytes) -> bytes:
    """What the first line of a request asks for, which is otherwise not understood; none where it can't be told."""
    words = beginning.partition(b"\r\n")[0].split(b" ")
    return words[1] if len(words) == 3 and words[2].startswith(b"HTTP/") else b""


class WatchedFlow(FlowControl):
    """uvicorn's flow of a connection, which tells when what the client sends is taken again."""

    def __init__(self, transport: asyncio.Transport, go_on: Callable[[], None]) -> None:
        super().__init__(transport)
        self.go_on = go_on

    def resume_reading(self) -> None:
        """Take what comes again."""
        if self.read_paused:
            self.go_on()
        super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request does not arrive in time, whatever it is that comes so slowly.

    A timer runs while the client is the one to go on: from the connection, or the first byte on a connection that was
    kept, to the end of the request. An answer that goes on, as a stream does, has no limit of time.

    Of such an answer in chunks, whoever writes it may write encoded ones as they are: the application finds
    `write_frame` in the scope's extensions, as with a WebSocket.
    """

    timer: asyncio.TimerHandle | None = None
    in_header = True
    since = 0.0
    until = 0.0
    received = 0
    refused = False
    url = b""  # nothing is asked for yet
    beginning = b""
    streaming: RequestResponseCycle | None = None
    answering: deque[RequestResponseCycle]
    writer: SocketWriter

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self.answering = deque()
        self.flow = WatchedFlow(transport, self.go_on)
        self.await_part(in_header=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more, and let nobody write to the descriptor: it is open until this returns."""
        self.stop_timer()
        if self.streaming is not None:
            self.writer.let_go()
        self.disconnect()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what comes, whether it is a part of a request or only keeps the connection busy."""
        if self.refused:
            return
        if self.timer is None:
            self.await_part(in_header=True)
        # How a request begins that the parser may not take: of one that comes behind another, nobody knows where.
        self.beginning = data if self.in_header and not self.received and not self.answering else b""
        self.received += len(data)
        self.until = min(self.loop.time() + BODY_TIME, self.until + len(data) / BODY_RATE)
        super().data_received(data)
        if self.in_header and self.received > HEADER_SIZE and not self.transport.is_closing():
            self.refuse(431)

    def on_message_begin(self) -> None:
        """A request begins, perhaps in the same data as the one before it has ended."""
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]
        if self.timer is None:
            self.await_part(in_header=True)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field of the header, and drop those that follow a body (RFC 9110, 6.5): we know none."""
        if self.in_header:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The body follows, if there is one."""
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self.answering.append(self.cycle)
            if self.parser.should_upgrade():
                self.cycle.keep_alive = False  # the parser reads no further
        self.await_part(in_header=False)

    def on_message_complete(self) -> None:
        """The request is there: now it is for us to answer."""
        self.stop_timer()
        self.beginning = b""
        super().on_message_complete()

    def begin_stream(self) -> bool:
        """Let chunks be written past the transport from here on, if what is answered now has any."""
        cycle = self.cycle
        if self.pipeline or not cycle.chunked_encoding or cycle.response_complete or self.transport.is_closing():
            return False
        self.streaming, self.writer = cycle, SocketWriter(self.transport)
        cycle.transport = self.writer
        bound_waiting(self.transport)
        return True

    def write_frame(self, frame: bytes) -> int:
        """Write an encoded chunk; the bytes that now wait in this process, or CLOSED."""
        cycle = self.streaming
        if cycle is None or cycle.response_complete or cycle.disconnected or self.writer.is_closing():
            return CLOSED
        return self.writer.write_frame(frame)

    def abort(self) -> None:
        """Drop the connection without waiting for the reader."""
        self.transport.abort()

    def on_response_complete(self) -> None:
        """A stream that has ended leaves the connection to what is asked for next."""
        if self.streaming is not None:
            self.streaming = None
            self.writer.let_go()
        self.answering.popleft()
        super().on_response_complete()

    def _should_upgrade(self) -> bool:
        """Whether the connection becomes a WebSocket: none is for programs, who get the answer to any request there."""
        return super()._should_upgrade() and not is_for_programs(read_path(self.url))

    def handle_websocket_upgrade(self) -> None:
        """The connection is the WebSocket protocol's from here on, which fails for an address that is not ASCII."""
        self.stop_timer()
        if self.url.isascii():
            super().handle_websocket_upgrade()
        else:
            self.send_400_response("Invalid HTTP request received.")

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, with the headers of every answer."""
        url = self.url or read_target(self.beginning)
        request_id = make_request_id()
        more = (HEADER, request_id.encode())
        self.transport.write(plain_answer(self.config, 400, msg, more, url=url, request_id=request_id))
        self.transport.close()

    def await_part(self, *, in_header: bool) -> None:
        """Begin to wait for a header, or for the body that follows it."""
        self.in_header = in_header
        self.since = self.loop.time()
        self.until = self.since + BODY_TIME
        self.received = 0
        if self.timer is None:
            self.timer = self.loop.call_at(self.due, self.look)

    @property
    def due(self) -> float:
        """When the part that is awaited has to be there."""
        return self.since + HEADER_TIME if self.in_header else self.until

    def go_on(self) -> None:
        """Give the client its time anew, as what it sends is taken again: until now it had to wait for us."""
        self.since = self.loop.time()
        self.until = self.since + BODY_TIME

    def look(self) -> None:
        """End the connection if what is awaited is overdue. While we don't read, nobody waits for the client."""
        if self.flow.read_paused:
            self.go_on()
        if self.loop.time() < self.due:
            self.timer = self.loop.call_at(self.due, self.look)
        else:
            self.refuse(408)

    @property
    def is_awaited(self) -> bool:
        """Whether what was asked last is the next to be answered, and is not yet: what is written is its answer."""
        if self.in_header:
            return self.received > 0 and not self.answering
        return bool(self.answering) and self.answering[0] is self.cycle and not self.cycle.response_started

    def refuse(self, status: int) -> None:
        """Say why, if something was asked and nothing answered yet, and end the connection."""
        self.stop_timer()
        self.refused = True
        if self.is_awaited:
            # One that has begun has an id already.
            request_id = "" if self.in_header else self.scope["state"].get("request_id", "")
            request_id = request_id or make_request_id()
            log.info(
                "request cut off",
                reason=status,
                client=self.client and self.client[0],
                received=self.received,
                request_id=request_id,
            )
            # Of what browsers send only addresses and cookies are ever large, and the address is there by then.
            cookies = status == 431 and 0 < len(self.url) < HEADER_SIZE // 2
            more = [(HEADER, request_id.encode()), *((CLEAR_COOKIES,) if cookies else ())]
            self.transport.write(plain_answer(self.config, status, "", *more, url=self.url, request_id=request_id))
        self.disconnect()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.timer = self.loop.call_later(LINGER, self.transport.close)

    def disconnect(self) -> None:
        """Tell what answers that nobody reads any more: also the answer that others wait behind, which came first."""
        for cycle in self.answering:
            cycle.disconnected = True
            cycle.message_event.set()

    def stop_timer(self) -> None:
        """Wait for nothing of the client."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
