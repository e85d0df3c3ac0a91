"""One open socket as the hub sees it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any

from app.live.frames import encode
from app.live.stream_frames import encode_chunk
from app.web.metrics import SOCKETS, STREAMS

# Over the soft limit signals such as presence are left out; over the hard one the socket is dropped, and its page
# comes back and resumes from the log. A frame that came when nothing waited counts for neither: a page that has much
# to catch up with may take its time, or it would be dropped and begin again for ever.
SOFT_LIMIT = 256 * 1024
HARD_LIMIT = 1024 * 1024
QUEUE_LIMIT = 200
# How often it is looked whether a reader has taken what was written last.
LOOK_WHETHER_TAKEN = 0.05
# What our server lends to the application with a socket, and what it says of one that is closed.
EXTENSION = "mutirao.write_frame"
CLOSED = -1
NUMBERS = itertools.count(1)


class Connection:
    """A socket, who it belongs to, what it follows, and up to which cursor it had read the log when it joined.

    `ending` is the close code and the reason once it must end; `on_end` is called then. `descriptor` is what the next
    frame may be written to as it is, -1 when it has to go through `write`. `number` tells it from the other sockets of
    this process in the log, two tabs of one person say; `workspace` is what its workspace is called there.
    """

    encode = staticmethod(encode)
    gauge = SOCKETS

    __slots__ = (
        "channels",
        "cursor",
        "descriptor",
        "ending",
        "expires_at",
        "granted",
        "member_id",
        "number",
        "on_end",
        "protocol",
        "queue",
        "session_id",
        "tenant_id",
        "token_id",
        "waiting",
        "workspace",
    )

    def __init__(self, scope: Any, tenant_id: int, on_end: Callable[[], None], workspace: str = "") -> None:
        self.tenant_id = tenant_id
        self.workspace = workspace
        self.number = next(NUMBERS)
        self.member_id = 0
        self.session_id = 0
        self.token_id = 0
        self.expires_at: datetime | None = None
        self.channels: tuple[str, ...] = ()
        self.cursor = 0
        self.waiting = 0
        self.granted = 0
        self.ending: tuple[int, str] | None = None
        self.on_end = on_end
        self.descriptor = -1
        self.protocol = self.find_protocol(scope)
        if self.protocol is not None:
            self.protocol.writer.outlet = self
        self.queue: asyncio.Queue[str] | None = None if self.protocol else asyncio.Queue()

    def find_protocol(self, scope: Any) -> Any:
        """What frames are written to as they are; None on a server that is not ours."""
        return scope["extensions"].get(EXTENSION) if scope.get("extensions") else None

    @property
    def slow(self) -> bool:
        """Whether the reader has fallen behind."""
        return self.waiting > SOFT_LIMIT

    def write(self, *texts: str, frame: bytes | None = None) -> bool:
        """Write a frame, or several as one (`frame` are they encoded, where the caller has that already).

        False when the socket is gone.
        """
        if self.ending is not None:
            return False
        if self.protocol is not None:
            frame = frame or b"".join(map(self.encode, texts))
            waiting = self.protocol.write_frame(frame)
            if waiting == CLOSED:
                return False
            self.granted = waiting if waiting <= len(frame) else min(self.granted, waiting)
            self.waiting = waiting - self.granted
        else:
            assert self.queue is not None  # noqa: S101
            for text in texts:
                self.queue.put_nowait(text)
            self.waiting = HARD_LIMIT + 1 if self.queue.qsize() > QUEUE_LIMIT else 0
        return True

    def abort(self) -> None:
        """Drop the socket at once: its reader is too slow to be told."""
        if self.protocol is not None:
            self.protocol.abort()
        self.close(1013, "slow")

    def close(self, code: int, reason: str) -> None:
        """End the socket. Not a frame follows."""
        self.descriptor = -1
        self.channels = ()
        if self.ending is None:
            self.ending = (code, reason)
            self.on_end()


class StreamConnection(Connection):
    """The stream of a program, which gets facts and not what is made for pages.

    `anew` says that it has to ask again what it may follow, and go on behind `cursor`; `on_end` is called then, too.
    One that `follows_all` has named no channels: what is made since is also for it.
    """

    __slots__ = ("anew", "follows_all")

    encode = staticmethod(encode_chunk)
    gauge = STREAMS

    def __init__(self, scope: Any, tenant_id: int, on_end: Callable[[], None], workspace: str = "") -> None:
        super().__init__(scope, tenant_id, on_end, workspace)
        self.anew = False
        self.follows_all = False

    def find_protocol(self, scope: Any) -> Any:
        """What chunks are written to as they are. An answer without chunks goes through the server's own ways."""
        protocol = super().find_protocol(scope)
        return protocol if protocol is not None and protocol.begin_stream() else None

    async def taken(self) -> None:
        """Wait until the reader has taken what was written, so that nothing of it waits in this process."""
        while self.protocol is not None and self.protocol.transport.get_write_buffer_size():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_WHETHER_TAKEN)

    def ask_anew(self, cursor: int) -> None:
        """The rights of its member have changed with the event at a cursor: everything before was written. What comes
        until it has asked is not: of several such events the first says where it goes on."""
        if not self.anew:
            self.cursor = max(self.cursor, cursor)
        self.anew = True
        self.on_end()
