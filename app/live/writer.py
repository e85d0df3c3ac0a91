"""The one that writes to a socket: past the transport, whose buffers and checks cost more than the kernel.

Earns: 4 of some 10 µs that a delivery costs, with 1,000 sockets in a room (docs/performance.md, bench/fanout.py).

Written against: uvicorn 0.54.0, uvloop 0.23.0.

Tested by: tests/live/test_writer.py, tests/live/test_outlet.py, tests/programs/test_streams.py.

Used by: server/http_protocol.py, server/websocket_protocol.py.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, Protocol


class Outlet(Protocol):
    """Whom a descriptor is lent: while it is not -1, frames may be written to it as they are."""

    descriptor: int


class SocketWriter(asyncio.Transport):
    """Stands before the transport of a connection and owns its descriptor: whatever is written comes through here.

    While nothing waits, a frame goes straight to the kernel, and the descriptor is lent to the outlet, which may write
    the next ones itself. Everything else that is written, by whichever part of the server, takes the descriptor back
    first: bytes that have to wait for the kernel wait in the transport, and a frame written past them would land inside
    of them. It is lent again with the next frame that finds nothing waiting.

    It is a transport itself, so that a protocol that knows nothing of this can't write around it; what a protocol asks
    for that is not here is an error and not a way past it.
    """

    __slots__ = ("descriptor", "outlet", "transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self.transport = transport
        self.outlet: Outlet | None = None
        self.descriptor = -1  # also where the kernel may not be given plain bytes: under TLS
        raw = transport.get_extra_info("socket")
        plain = transport.get_extra_info("sslcontext") is None
        if plain and raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            self.descriptor = raw.fileno()

    def write_frame(self, frame: bytes) -> int:
        """Write whole frames, and return how many bytes wait in this process.

        What the kernel does not take, and everything behind it, is the transport's, and so is noticing that the peer
        is gone.
        """
        self.take_back()
        if self.descriptor >= 0 and not self.transport.get_write_buffer_size():
            try:
                written = os.write(self.descriptor, frame)
            except OSError:
                written = 0
            if written == len(frame):
                if self.outlet is not None:
                    self.outlet.descriptor = self.descriptor
                return 0
            frame = frame[written:]
        self.transport.write(frame)
        return self.transport.get_write_buffer_size()

    def take_back(self) -> None:
        """Let nobody else write: from here on frames come through `write_frame`, which looks whether anything waits."""
        if self.outlet is not None:
            self.outlet.descriptor = -1

    def let_go(self) -> None:
        """The connection is lost: its descriptor is about to be closed, and then may be another connection's."""
        self.take_back()
        self.descriptor = -1

    def write(self, data: Any) -> None:
        """Write behind what was written before."""
        self.take_back()
        self.transport.write(data)

    def write_eof(self) -> None:
        """Write nothing more."""
        self.take_back()
        self.transport.write_eof()

    def close(self) -> None:
        """Close when what waits is written."""
        self.take_back()
        self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.take_back()
        self.transport.abort()

    def is_closing(self) -> bool:
        """Whether it closes, or has closed."""
        return self.transport.is_closing()

    def can_write_eof(self) -> bool:
        """Whether one direction can be closed alone."""
        return self.transport.can_write_eof()

    def get_write_buffer_size(self) -> int:
        """How many bytes wait in this process."""
        return self.transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection."""
        return self.transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Read nothing for now."""
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self.transport.resume_reading()
