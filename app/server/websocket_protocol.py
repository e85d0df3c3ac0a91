"""uvicorn's WebSocket protocol with one addition, and hardened against what no browser sends.

The addition: a frame encoded once can be written as it is. The hub finds `write_frame` in the scope's extensions. On
any other ASGI server it is not there, and the standard `send` is used.
"""

from __future__ import annotations

import asyncio
from asyncio import BaseTransport
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, cast

import websockets.http11
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Close, Frame
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from app.gateway.names import MOST_SUBSCRIBED, is_gateway_socket
from app.live.connection import CLOSED, EXTENSION
from app.live.writer import SocketWriter
from app.server.descriptors import bound_waiting
from app.server.judging import HEADER_LIMIT
from app.web.plain import plain_answer, standing_headers

# A page sends a hello now and then, and pongs. So many frames in so many seconds are meant to keep us busy; bytes are
# looked at in pieces, so that it is noticed early.
FRAME_LIMIT = 1000
# A client of the gateway may follow as many channels as it is allowed at once, and say some more.
GATEWAY_FRAME_LIMIT = FRAME_LIMIT + MOST_SUBSCRIBED
FRAME_WINDOW = 10.0
RECEIVE_CHUNK = 4 * 1024
NOT_UTF8, NOT_ALLOWED = 1007, 1008
# A handshake may have the cookies that a page may have: a page is not to open and never be live. The gate judges both.
websockets.http11.MAX_LINE_LENGTH = HEADER_LIMIT

# How an application goes on that has rested.
GoingOn = Callable[[Any], Awaitable[None]]


class Messages:
    """What has come for the application: as much of `asyncio.Queue` as uvicorn uses, in a twentieth of its memory.

    `on_arrival` is called when something comes and nobody waits for it.
    """

    __slots__ = ("arrival", "kept", "on_arrival")

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.arrival: asyncio.Future[None] | None = None
        self.on_arrival: Callable[[], None] | None = None

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self.kept

    def put_nowait(self, message: Any) -> None:
        """Add a message."""
        self.kept.append(message)
        if self.arrival is not None and not self.arrival.done():
            self.arrival.set_result(None)
        elif self.on_arrival is not None:
            self.on_arrival()

    async def get(self) -> Any:
        """Take the next message, for the one reader that there is."""
        while not self.kept:
            self.arrival = asyncio.get_running_loop().create_future()
            try:
                await self.arrival
            finally:
                self.arrival = None
        return self.kept.pop(0)


class Writable:
    """Whether the transport takes more: as much of `asyncio.Event` as uvicorn uses, without its list of who waits."""

    __slots__ = ("blocked",)

    def __init__(self) -> None:
        self.blocked: asyncio.Event | None = None

    def set(self) -> None:
        """It takes more."""
        if self.blocked is not None:
            self.blocked.set()
            self.blocked = None

    def clear(self) -> None:
        """It takes no more."""
        self.blocked = self.blocked or asyncio.Event()

    async def wait(self) -> None:
        """Wait until it takes more."""
        if self.blocked is not None:
            await self.blocked.wait()


class LiveProtocol(WebSocketsSansIOProtocol):
    """Adds `write_frame` to the scope, and lets the kernel hold less of what a slow reader has not taken.

    What uvicorn keeps of a socket, and what we do, is in slots: with so many names a dictionary takes 2 KiB. And the
    application may rest until something comes (live/open_socket.py).
    """

    __slots__ = (
        *("app", "app_state", "asgi_version", "client", "close_sent", "close_timeout", "close_timer", "config", "conn"),
        *("connections", "counted_since", "curr_msg_data_type", "default_headers", "disconnected", "frames"),
        *("frames_counted", "going_on", "handshake_complete", "handshake_initiated", "initial_response"),
        *("last_ping_rtt", "logger", "loop", "most_frames", "pending_ping_payload", "ping_interval", "ping_sent_at"),
        *("ping_timeout", "ping_timer"),
        *("pong_timer", "queue", "read_paused", "request", "response", "root_path", "scheme", "scope", "server"),
        *("tasks", "transport", "writable", "writer"),
    )

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what the kernel buffers for this socket, and how long it waits for a dead peer."""
        self.writer = SocketWriter(cast(asyncio.Transport, transport))
        super().connection_made(self.writer)
        self.going_on: GoingOn | None = None
        self.queue = Messages()  # type: ignore[assignment]
        self.writable = Writable()  # type: ignore[assignment]
        self.conn.reject = self.reject  # type: ignore[method-assign]
        self.counted_since, self.frames_counted = self.loop.time(), 0
        self.most_frames = FRAME_LIMIT
        bound_waiting(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let nobody write to the descriptor: it is open until this returns."""
        self.writer.let_go()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take frames, but not too many."""
        for place in range(0, len(data), RECEIVE_CHUNK):
            super().data_received(data[place : place + RECEIVE_CHUNK])
            if self.conn.handshake_exc is not None and not self.handshake_complete:
                self.refuse_handshake()
            elif self.frames_counted > self.most_frames:
                self.fail(NOT_ALLOWED, "too many frames")
            if self.transport.is_closing():
                return

    def handle_events(self) -> None:
        """Count the frames that have come."""
        if self.loop.time() > self.counted_since + FRAME_WINDOW:
            self.counted_since, self.frames_counted = self.loop.time(), 0
        self.frames_counted += len(self.conn.events)
        super().handle_events()

    def reject(self, status: Any, text: str) -> Response:
        """An answer that refuses a handshake, with the headers of every answer."""
        response = ServerProtocol.reject(self.conn, status, text)
        for name, value in standing_headers(self.config):
            response.headers.setdefault(name.decode(), value.decode())
        return response

    def refuse_handshake(self) -> None:
        """Say what is wrong with a request that makes no sense. uvicorn would leave it without an answer."""
        self.transport.write(b"".join(self.conn.data_to_send()) or plain_answer(self.config, 400))
        self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Start the application with the extensions in its scope."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"][EXTENSION] = self
            if is_gateway_socket(scope["path"]):
                self.most_frames = GATEWAY_FRAME_LIMIT

    async def send(self, message: Any) -> None:
        """Send; what the handshake has said is not needed any more once it is accepted, and idle sockets are many."""
        await super().send(message)
        if message["type"] == "websocket.accept":
            del self.conn.reject
            del self.request, self.response

    def rest(self, going_on: GoingOn) -> bool:
        """Let the application return, and go on as `going_on` when something comes; False when something has."""
        if not self.queue.empty():
            return False
        self.going_on = going_on
        self.scope = None  # type: ignore[assignment]  # what goes on has taken of it what it needs
        cast(Messages, self.queue).on_arrival = self.go_on
        return True

    def go_on(self) -> None:
        """Let the application go on if it rests, on behalf of nobody else who may just be served."""
        if cast(Messages, self.queue).on_arrival is None:
            return
        cast(Messages, self.queue).on_arrival = None
        task = self.loop.create_task(self.run_asgi(), context=Context())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    async def run_asgi(self) -> None:
        """Run the application until it has ended, or rests."""
        try:
            if self.going_on is None:
                await self.app(self.scope, self.receive, self.send)
            else:
                await self.going_on(self.receive)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
            self.send_500_response()
        else:
            if cast(Messages, self.queue).on_arrival is not None:
                return
            if not self.handshake_complete:
                self.logger.error("ASGI callable returned without completing handshake.")
                self.send_500_response()
        if self.close_timer is None:
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        """Keep a fragment of a message, unless it is an empty one: of these there may be any number."""
        if event.data or event.fin:
            super().handle_cont(event)

    def handle_close(self, event: Frame) -> None:
        """Answer a close, or take it as the answer to ours."""
        if self.close_sent or self.transport.is_closing() or self.conn.close_rcvd is None:
            super().handle_close(event)
        else:
            self.end(self.conn.close_rcvd)

    def handle_parser_exception(self) -> None:
        """End the socket for a frame that nobody may send; why was found out already."""
        if not self.close_sent and self.conn.close_sent is not None:
            self.end(self.conn.close_sent)

    def fail(self, code: int, reason: str) -> None:
        """End the socket for what it has sent (RFC 6455, 7.1.7), at once if that has happened already."""
        if self.close_sent:
            self.abort()
        else:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def end(self, close: Close) -> None:
        """Send what ends the socket, and read on until the other side has hung up too (RFC 6455, 7.1.1).

        A connection that is closed with something unread is reset, and the code is lost: the page would come back.
        """
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.frames_counted = 0
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    def handle_ping(self) -> None:
        """Send the pong, unless the socket has ended."""
        if self.close_sent or self.transport.is_closing():
            self.conn.data_to_send()
        else:
            super().handle_ping()

    def keepalive_timeout(self) -> None:
        """Drop a peer that has not answered a ping: uvicorn would wait until it has taken what is on its way."""
        self.pong_timer = None
        self.pending_ping_payload = None
        self.abort()

    def send_receive_event_to_app(self) -> None:
        """Pass a message on. A text that is not UTF-8 ends the socket (RFC 6455, 8.1); uvicorn logs a traceback."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.fail(NOT_UTF8, "not UTF-8")
                return
        super().send_receive_event_to_app()

    def write_frame(self, frame: bytes) -> int:
        """Write an encoded frame; the bytes that now wait in this process, or CLOSED."""
        if not self.handshake_complete or self.close_sent or self.disconnected or self.writer.is_closing():
            return CLOSED
        return self.writer.write_frame(frame)

    def abort(self) -> None:
        """Drop the connection without waiting for the reader."""
        self.transport.abort()
