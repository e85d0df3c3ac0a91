"""Serving: one process of the program, which serves on a listening socket until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import signal
import socket
import struct
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

import uvicorn

from app.background import in_background
from app.server.gate import Gate
from app.server.http_protocol import BoundedProtocol
from app.server.websocket_protocol import LiveProtocol
from app.server.workers import BACKLOG, READY
from app.settings import Settings
from app.web.freed_memory import share_one_heap

# After the pages were sent away: how long connections in use may be used once more, to be told that they end; how long
# pages may take to say goodbye; and how long requests may take to finish: longer than they wait inside, 10 s for a
# connection and 10 s for their turn. One that is cut off even so gets a page that says so (app/server/gate.py).
LAST_USE = 1.0
GOODBYE = 1.5
FINISH = 22
# Who takes nothing for so many seconds of what was written is dropped, as it is with proxies, and at the end of the
# process sooner; and how often that is looked at. The other side's kernel asks for more only when a good part of what
# it holds has been read, and until then nothing seems to be taken: who reads so many bytes a second has the time for
# what was taken before, of which a kernel holds so much at most.
UNREAD, UNREAD_EVERY = 60.0, 10.0
SLOWEST_READER, MOST_UNSEEN = 1024, 512 * 1024
UNREAD_AT_END, UNREAD_AT_END_EVERY = 4.0, 0.5
# Where TCP_INFO of Linux has how many bytes the other side has taken.
TAKEN = struct.Struct("120xQ")
# How long an idle connection is kept: longer than proxies keep theirs (Caddy 120 s, nginx 60 s), so that it is the
# proxy that ends one, and no request meets a connection that the program has just closed.
KEEP_ALIVE = 130
# How long, in seconds, a thread that has written to SQLite waits for the loop to let it say so: Python's own 5 ms are
# as long as all that a post does.
SWITCH_INTERVAL = 0.0005


class Server(uvicorn.Server):
    """uvicorn with an end that loses nothing: it listens no more, sends pages away in batches, finishes requests.

    uvicorn itself closes all sockets at once, and waits for clients that don't read. `supervisor` is told when the
    process is ready; when it is gone, so is the reason to serve.
    """

    def __init__(self, config: uvicorn.Config, gate: Gate, supervisor: socket.socket | None = None) -> None:
        super().__init__(config)
        self.gate = gate
        self.supervisor = supervisor
        self.hurried = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order; at Ctrl+C at once."""
        self.hurried = self.hurried or sig == signal.SIGINT
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, and tell the supervisor."""
        await super().startup(sockets)
        if self.supervisor is not None:
            self.supervisor.setblocking(False)
            self.supervisor.send(READY)
            asyncio.get_running_loop().add_reader(self.supervisor, self.lose_supervisor)

    def lose_supervisor(self) -> None:
        """The supervisor has died, and nobody would stop or restart this process: end in order."""
        if self.supervisor is not None:
            asyncio.get_running_loop().remove_reader(self.supervisor)
        self.should_exit = True

    async def main_loop(self) -> None:
        """Serve until told to end, and keep nothing for long for who does not read it."""
        async with in_background(self.drop_who_does_not_read(Unread(UNREAD, SLOWEST_READER), UNREAD_EVERY)):
            await super().main_loop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End within 30 s, whatever clients do."""
        for listener in sockets or []:
            await self.take_waiting(listener)
        for server in self.servers:
            server.close()
        async with in_background(self.drop_who_does_not_read(Unread(UNREAD_AT_END), UNREAD_AT_END_EVERY)):
            if not self.hurried:
                await self.drain()
            await super().shutdown(sockets)

    async def take_waiting(self, listener: socket.socket) -> None:
        """Take the connections that wait at a listening socket: when the last process closes it, they are reset."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # nobody waits
                return
            await loop.connect_accepted_socket(self.make_protocol, connection)

    def make_protocol(self) -> BoundedProtocol:
        """The protocol of a new connection, as uvicorn makes it."""
        return BoundedProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def drain(self) -> None:
        """Send everybody elsewhere, and drop who does not go."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self.gate.drain()
        last_use, goodbye = began + LAST_USE, loop.time() + GOODBYE
        while self.server_state.connections and not self.hurried and loop.time() < max(last_use, goodbye):
            if loop.time() >= last_use and not self.list_sockets():
                break
            await asyncio.sleep(0.05)
        for protocol in self.list_sockets():
            protocol.abort()

    async def drop_who_does_not_read(self, unread: Unread, every: float) -> None:
        """Drop each connection on which something waits to be written, and whose client takes nothing of it."""
        loop = asyncio.get_running_loop()
        while True:
            connected = [protocol.transport for protocol in self.server_state.connections]
            for transport in unread.look(connected, loop.time()):
                transport.abort()
            await asyncio.sleep(every)

    def list_sockets(self) -> list[LiveProtocol]:
        """The WebSockets that are still open."""
        return [protocol for protocol in self.server_state.connections if isinstance(protocol, LiveProtocol)]


class Unread:
    """On which connections something waits to be written, and since when nothing of it was taken: for some seconds it
    need not be, and for longer by who may read as slowly as `slowest` says, in bytes a second, if that is given."""

    def __init__(self, patience: float, slowest: float = math.inf) -> None:
        self.patience = patience
        self.slowest = slowest
        self.seen: dict[Any, tuple[int, float]] = {}

    def look(self, connected: Iterable[Any], moment: float) -> list[Any]:
        """The connections of whose clients is known by now that they take nothing."""
        before, self.seen = self.seen, {}
        stuck = []
        for transport in connected:
            with contextlib.suppress(OSError, RuntimeError):  # its descriptor is closed already
                if not transport.get_write_buffer_size():
                    continue
                taken = count_taken(transport)
                known, since = before.get(transport, (taken, moment))
                since = since if known == taken else moment
                self.seen[transport] = taken, since
                if moment - since >= self.patience + self.count_unseen(taken) / self.slowest:
                    stuck.append(transport)
        return stuck

    def count_unseen(self, taken: int) -> int:
        """How many bytes may be read of what was taken before it shows here."""
        return min(taken, MOST_UNSEEN) if taken >= 0 else MOST_UNSEEN


def count_taken(transport: asyncio.Transport) -> int:
    """How many bytes the other side of a connection has taken; where the system does not tell, how many fewer wait, as
    a number below 0."""
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_INFO"):
        told = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TAKEN.size)
        if len(told) == TAKEN.size:
            return int(TAKEN.unpack(told)[0])
    return -transport.get_write_buffer_size()


def rarely_collect() -> None:
    """Spare the program's own objects from garbage collection, and look through young ones less often.

    A full collection looked through the whole program, for a tenth of a second in which nothing is delivered, and a
    request makes enough objects for several small ones. A start makes hardly anything that is garbage.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def serve_on(settings: Settings, listener: socket.socket, supervisor: socket.socket | None = None) -> None:
    """Serve on a listening socket until told to stop."""
    from app.server.asgi import create_app  # the supervisor, which only listens, does without the program

    share_one_heap()
    sys.setswitchinterval(SWITCH_INTERVAL)
    gate = create_app(settings)
    rarely_collect()
    config = uvicorn.Config(
        gate,
        proxy_headers=False,  # the gate reads them
        http=BoundedProtocol,
        ws=LiveProtocol,
        ws_max_size=64 * 1024,
        ws_ping_interval=30,
        ws_ping_timeout=10,
        ws_per_message_deflate=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=FINISH,
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
    )
    Server(config, gate, supervisor).run(sockets=[listener])
