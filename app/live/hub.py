"""The hub: the open sockets of this process, what they follow, and the delivery of events to them.

An event is encoded once for all sockets that get the same frame, and written at once; what comes within the next
moment is joined into one frame, as a system call for each socket is what fan-out costs (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog

from app.database import now
from app.live.connection import HARD_LIMIT, Connection, StreamConnection
from app.live.frames import encode, encode_events, numbered, share
from app.live.log import Event
from app.live.orders import ORDERS
from app.live.places import place_of_signals
from app.live.stream_frames import STREAM_BEAT, encode_chunk, stream_event, stream_mark
from app.web.metrics import DELIVERIES, EVENTS, PUBLISH_TO_WRITTEN, SLOW_CLOSES

TICK = 0.005
# While others are about to commit, what is due waits for them: this many times as long as writing it took the last
# time, and not longer than that many seconds.
PATIENCE, LONGEST_PATIENCE = 3, 0.05
HEARTBEAT = 10.0
# The central host's sockets, in the place of a workspace's number, which is 1 or more. It has no log.
CENTRAL = 0

Listen = Callable[[int, Event], None]

log = structlog.get_logger("live")


class Writers(Protocol):
    """What knows how many transactions write now, or wait until they may, as the database does."""

    writing: int


class Hub:
    """Knows every socket of this process, and serves the events of a workspace in the order of its cursor."""

    def __init__(self, writers: Writers | None = None) -> None:
        self.writers = writers
        self.streams: dict[int, set[StreamConnection]] = defaultdict(set)
        # What gets each event of a workspace in its order, facts among them, beside those who follow its channel.
        self.listeners: dict[int, Listen] = {}
        self.connections: dict[int, set[Connection]] = defaultdict(set)
        self.followers: dict[tuple[int, str], set[Connection]] = defaultdict(set)
        self.cursors: dict[int, int] = {}
        self.names: dict[int, str] = {}
        self.due: dict[int, list[tuple[Event, set[Connection]]]] = defaultdict(list)
        self.ahead: dict[int, set[Connection]] = defaultdict(set)
        self.due_since = 0.0
        self.flushed_at = 0.0
        self.flush_took = 0.0
        self.flush_planned: asyncio.TimerHandle | None = None

    def wants_facts(self, tenant_id: int) -> bool:
        """Whether anybody here gets facts of a workspace."""
        return tenant_id in self.streams or tenant_id in self.listeners

    def list_workspaces(self) -> list[int]:
        """The workspaces that have a socket here."""
        return [tenant_id for tenant_id in self.connections if tenant_id != CENTRAL]

    def add(self, connection: Connection) -> None:
        """A socket was accepted. It gets nothing until it follows a channel."""
        self.connections[connection.tenant_id].add(connection)
        self.names[connection.tenant_id] = connection.workspace
        if isinstance(connection, StreamConnection):
            self.streams[connection.tenant_id].add(connection)
        connection.gauge.inc()

    def remove(self, connection: Connection) -> None:
        """A socket is gone."""
        self.unfollow(connection)
        sockets = self.connections[connection.tenant_id]
        if connection in sockets:
            sockets.discard(connection)
            connection.gauge.dec()
        if isinstance(connection, StreamConnection):
            self.streams[connection.tenant_id].discard(connection)
        if not self.streams.get(connection.tenant_id):
            self.streams.pop(connection.tenant_id, None)
        if not sockets:
            del self.connections[connection.tenant_id]
            self.cursors.pop(connection.tenant_id, None)
            self.names.pop(connection.tenant_id, None)

    def follow(self, connection: Connection, channels: Iterable[str], cursor: int) -> None:
        """From now on, serve a socket the events after a cursor on these channels."""
        self.unfollow(connection)
        connection.channels = tuple(channels)
        connection.cursor = cursor
        for channel in connection.channels:
            self.followers[connection.tenant_id, channel].add(connection)
        if cursor > self.cursors.setdefault(connection.tenant_id, cursor):
            self.ahead[connection.tenant_id].add(connection)

    def follow_more(self, tenant_id: int, channel: str, sockets: set[Connection]) -> None:
        """From now on, serve some sockets a channel beside those that they follow."""
        followers = self.followers[tenant_id, channel]
        for connection in sockets - followers:
            connection.channels = (*connection.channels, channel)
        followers |= sockets

    def unfollow(self, connection: Connection) -> None:
        """Serve a socket nothing for now; what is due to it is in the log."""
        for channel in connection.channels:
            followers = self.followers.get((connection.tenant_id, channel))
            if followers:
                followers.discard(connection)
                if not followers:
                    del self.followers[connection.tenant_id, channel]
        connection.channels = ()
        for _, sockets in self.due.get(connection.tenant_id, ()):
            sockets.discard(connection)
        if ahead := self.ahead.get(connection.tenant_id):
            ahead.discard(connection)

    def is_level(self, tenant_id: int, cursor: int) -> bool:
        """Whether nothing after this cursor was delivered yet: a socket that has read so far can join."""
        return self.cursors.get(tenant_id, 0) <= cursor

    def deliver(self, tenant_id: int, events: list[Event], *, upto: int = 0) -> None:
        """Serve the next events of a workspace, of whose log pages get nothing else up to the cursor `upto`.

        The caller has made sure that there is no gap.
        """
        if not self.due:
            self.due_since = time.perf_counter()
        for event in events:
            self.cursors[tenant_id] = event.cursor
            EVENTS.inc()
            if tenant_id in self.listeners:
                self.listeners[tenant_id](tenant_id, event)
            if order := ORDERS.get(event.channel):
                order(self, tenant_id, event)
                continue
            followers = self.followers.get((tenant_id, event.channel), set())
            if sockets := followers - self.find_ahead(tenant_id, event.cursor):
                self.due[tenant_id].append((event, sockets))
                for name in event.follow.split():
                    self.follow_more(tenant_id, name, sockets)
            log.debug(
                "delivered",
                tenant=self.names.get(tenant_id),
                channel=event.channel,
                cursor=event.cursor,
                sockets=len(followers),
                bytes=len(event.body),
            )
        if tenant_id in self.cursors:
            self.cursors[tenant_id] = max(self.cursors[tenant_id], upto)
        if self.due:
            self.plan_flush()

    def find_ahead(self, tenant_id: int, cursor: int) -> set[Connection]:
        """The sockets that had read the log up to a cursor, or beyond, when they joined."""
        ahead = self.ahead.get(tenant_id)
        if not ahead:
            return set()
        still = self.ahead[tenant_id] = {connection for connection in ahead if connection.cursor >= cursor}
        if not still:
            del self.ahead[tenant_id]
        return still

    def plan_flush(self) -> None:
        """Write at once, or in a moment when something was just written, or is about to be committed."""
        loop = asyncio.get_running_loop()
        wait = self.flushed_at + TICK - loop.time()
        if self.writers and self.writers.writing:
            wait = max(wait, min(self.flush_took * PATIENCE, LONGEST_PATIENCE))
            if self.flush_planned:
                return
        elif self.flush_planned:
            self.flush_planned.cancel()
            self.flush_planned = None
        if wait <= 0:
            self.flush()
        else:
            self.flush_planned = loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Write what is due: one frame a socket, encoded once for all sockets with the same events."""
        if self.flush_planned:
            self.flush_planned.cancel()
            self.flush_planned = None
        self.flushed_at = asyncio.get_running_loop().time()
        due, self.due = self.due, defaultdict(list)
        for pending in due.values():
            for events, sockets in share(pending):
                for text, frame in encode_events(events):
                    self.write_to_all(sockets, text, frame)
                DELIVERIES.inc(len(sockets))
        self.flush_took = asyncio.get_running_loop().time() - self.flushed_at
        PUBLISH_TO_WRITTEN.observe(time.perf_counter() - self.due_since)

    def write_to_all(self, sockets: Iterable[Connection], text: str, frame: bytes) -> None:
        """Write the same to many sockets. Nearly always that is one system call each, and little beside it.

        `frame` is `text`, encoded.
        """
        size, write = len(frame), os.write
        for connection in sockets:
            left = frame
            if (descriptor := connection.descriptor) >= 0:
                try:
                    written = write(descriptor, frame)
                except OSError:
                    written = 0
                if written == size:
                    continue
                connection.descriptor = -1
                left = frame[written:]
            self.write(connection, text, left)

    def write(self, connection: Connection, text: str, frame: bytes) -> None:
        """Write to one socket, and drop it when its reader is too slow."""
        if connection.write(text, frame=frame) and connection.waiting > HARD_LIMIT:
            SLOW_CLOSES.inc()
            log.info(
                "dropped",
                why="slow reader",
                tenant=connection.workspace,
                member=connection.member_id,
                socket=connection.number,
            )
            connection.abort()

    def signal(self, tenant_id: int, channel: str, html: str) -> None:
        """Send what is not logged (presence, typing) to those who follow a channel and keep up."""
        followers = self.followers.get((tenant_id, channel))
        if followers:
            self.write_to_all([each for each in followers if not each.slow], html, encode(html))
            name, size = self.names.get(tenant_id), len(html)
            log.debug("signalled", tenant=name, channel=channel, sockets=len(followers), bytes=size)

    def signal_programs(self, tenant_id: int, channel: str, kind: str, **data: Any) -> None:
        """Tell the streams that ask for it what is not logged, if they keep up."""
        followers = self.followers.get((tenant_id, place_of_signals(channel)))
        if followers:
            text = stream_event("signal", {"kind": kind, "channel": channel, "data": data})
            self.write_to_all([each for each in followers if not each.slow], text, encode_chunk(text))

    def end(self, connection: Connection, code: int, reason: str) -> None:
        """End one socket with a code and a reason; not a frame follows."""
        self.unfollow(connection)
        connection.close(code, reason)

    def heartbeat(self) -> None:
        """Tell every page that it is connected, and how far the log has gone without concerning it."""
        if self.due:
            self.flush()
        moment = now()
        for tenant_id, sockets in self.connections.items():
            cursor = self.cursors.get(tenant_id, 0)
            for connection in list(sockets):
                if connection.expires_at is not None and connection.expires_at <= moment:
                    self.end(connection, 4401, "expired")
            text = numbered(cursor, ())
            pages = [each for each in sockets if each.channels and not isinstance(each, StreamConnection)]
            self.write_to_all(pages, text, encode(text))
            self.beat_streams(tenant_id, cursor)

    def beat_streams(self, tenant_id: int, cursor: int) -> None:
        """Tell the streams of a workspace likewise. One that has read further than the hub learns only that it lives:
        it would go on from too early."""
        streams = [each for each in self.streams.get(tenant_id, ()) if each.channels]
        for text, ahead in ((stream_mark(cursor), False), (STREAM_BEAT, True)):
            if there := [each for each in streams if (each.cursor > cursor) is ahead]:
                self.write_to_all(there, text, encode_chunk(text))
