"""An open socket as its application serves it: what waits for its messages, and what ends it before one comes."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar.types import Receive, Send
from structlog.contextvars import bound_contextvars

from app.database.fairness import FOR_WORKSPACE
from app.database.steps import take_steps
from app.web.request_ids import request_id_of


class OpenSocket:
    """One that is quiet has no task on our own server: a task that waits, with all that has called it, is a fifth of
    what an idle socket holds. On any other server it waits."""

    __slots__ = ("client", "connection", "request_id", "send", "slug", "waiting", "writer")

    # What the hub knows of it, None before the hub does.
    connection: Any

    def __init__(self, scope: Any, send: Send) -> None:
        self.send = send
        self.client: str = scope["client"][0] if scope.get("client") else ""
        self.slug: str = scope["state"]["slug"] or ""
        self.request_id = request_id_of(scope)
        self.connection = None
        self.waiting: asyncio.Task[Any] | None = None
        self.writer: asyncio.Task[None] | None = None

    async def serve(self, receive: Receive) -> None:
        """Answer messages until the socket ends, from either side, or rests."""
        raise NotImplementedError

    async def go_on(self, receive: Receive) -> None:
        """Serve on, as something has come or the socket has to end."""
        FOR_WORKSPACE.set(self.slug or None)
        with bound_contextvars(request_id=self.request_id):
            await take_steps(self.serve(receive))

    def rest(self) -> bool:
        """Let the server go on with this socket when something comes, if it is ours and nothing has come yet."""
        protocol = self.connection.protocol
        return protocol is not None and not self.has_to_end() and protocol.rest(self.go_on)

    async def next_message(self, receive: Receive) -> Any:
        """The next message; None when the socket must end before one comes. To end it, the wait is cancelled."""
        if self.has_to_end():
            return None
        task = self.waiting = asyncio.current_task()
        try:
            return await receive()
        except asyncio.CancelledError:
            if task is not None and self.has_to_end() and not task.uncancel():
                return None
            raise  # the server wants it
        finally:
            self.waiting = None

    def has_to_end(self) -> bool:
        """Whether the socket must end."""
        return self.connection.ending is not None

    def interrupt(self) -> None:
        """The socket must end: wait for no message."""
        if self.waiting is not None:
            self.waiting.cancel()
        elif self.connection.protocol is not None:
            self.connection.protocol.go_on()

    def start_writer(self) -> None:
        """On a server without our protocol: a task that sends what the hub has queued."""
        queue = self.connection.queue
        if queue is None:
            return

        async def write() -> None:
            while True:
                await self.send({"type": "websocket.send", "text": await queue.get(), "bytes": None})

        self.writer = asyncio.create_task(write())

    def stop_writer(self) -> None:
        """Send nothing more."""
        if self.writer is not None:
            self.writer.cancel()
