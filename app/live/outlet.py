"""The one way out of a socket: what owns its transport and its descriptor."""

from __future__ import annotations

import os
from asyncio import Transport
from collections.abc import Iterable
from typing import Any, Protocol

CLOSED = -1


class Holder(Protocol):
    """Who may write frames to the descriptor as they are; it is -1 while they have to go another way."""

    descriptor: int


class Outlet:
    """Stands in for the transport before the server's protocol, so that nobody can write past it.

    The holder (a connection, as the hub sees it) writes to the descriptor only while nothing waits in the transport.
    Whatever the server writes by itself (a ping, a pong, a close, the end of the process) goes through here, and takes
    the descriptor back first: it may be left waiting in the transport, and a frame must not overtake it.
    """

    __slots__ = ("descriptor", "holder", "transport")

    def __init__(self, transport: Transport, descriptor: int = -1) -> None:
        self.transport = transport
        self.descriptor = descriptor
        self.holder: Holder | None = None

    def __getattr__(self, name: str) -> Any:
        """What does not write is the transport's own affair."""
        return getattr(self.transport, name)

    def take_back(self) -> None:
        """From here on frames come through `write_frame`, which looks how things stand."""
        if self.holder is not None:
            self.holder.descriptor = -1

    def write(self, data: Any) -> None:
        """Write what is not a frame of the hub's."""
        self.take_back()
        self.transport.write(data)

    def writelines(self, pieces: Iterable[Any]) -> None:
        """Write several pieces."""
        self.write(b"".join(pieces))

    def write_eof(self) -> None:
        """Say that nothing follows."""
        self.let_go()
        self.transport.write_eof()

    def close(self) -> None:
        """Close when what waits is written."""
        self.let_go()
        self.transport.close()

    def abort(self) -> None:
        """Drop the connection without waiting for the reader."""
        self.let_go()
        self.transport.abort()

    def let_go(self) -> None:
        """Write to the descriptor no more: soon it is closed, and then may be another connection's."""
        self.take_back()
        self.descriptor = -1

    def write_frame(self, frame: bytes) -> int:
        """Write an encoded frame; the bytes that now wait in this process.

        While nothing waits it goes straight to the kernel, which takes a third off what a frame costs, and the holder
        may write the next ones itself. What the kernel does not take, and everything behind it, is the transport's,
        and so is noticing that the peer is gone.
        """
        if self.descriptor >= 0 and not self.transport.get_write_buffer_size():
            try:
                written = os.write(self.descriptor, frame)
            except OSError:
                written = 0
            if written == len(frame):
                if self.holder is not None:
                    self.holder.descriptor = self.descriptor
                return 0
            frame = frame[written:]
        self.write(frame)
        return self.transport.get_write_buffer_size()
