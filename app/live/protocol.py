"""uvicorn's WebSocket protocol with one addition: a frame encoded once can be written as it is.

The hub finds `write_frame` in the scope's extensions. On any other ASGI server it is not there, and the standard
`send` is used.
"""

from __future__ import annotations

import os
import socket
from asyncio import BaseTransport
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "mutirao.write_frame"
CLOSED = -1
UNSENT_LIMIT = 128 * 1024
USER_TIMEOUT = 20_000


class LiveProtocol(WebSocketsSansIOProtocol):
    """Adds `write_frame` to the scope, and lets the kernel hold less of what a slow reader has not taken."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what the kernel buffers for this socket, and how long it waits for a dead peer."""
        super().connection_made(transport)
        self.descriptor = -1
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_LIMIT)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)
            if transport.get_extra_info("sslcontext") is None:
                self.descriptor = raw.fileno()

    def handle_connect(self, event: Request) -> None:
        """Start the application with the extensions in its scope."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope["extensions"][EXTENSION] = self

    def write_frame(self, frame: bytes) -> int:
        """Write an encoded frame; the bytes that now wait in this process, or CLOSED.

        While nothing waits it goes straight to the kernel, which takes a third off what a frame costs. What the kernel
        does not take, and everything behind it, is the transport's, and so is noticing that the peer is gone.
        """
        transport = self.transport
        if not self.handshake_complete or self.close_sent or self.disconnected or transport.is_closing():
            return CLOSED
        if self.descriptor >= 0 and not transport.get_write_buffer_size():
            try:
                written = os.write(self.descriptor, frame)
            except OSError:
                written = 0
            if written == len(frame):
                return 0
            frame = frame[written:]
        transport.write(frame)
        return transport.get_write_buffer_size()

    def abort(self) -> None:
        """Drop the connection without waiting for the reader."""
        self.transport.abort()
