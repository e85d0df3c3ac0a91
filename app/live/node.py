"""The node: joins this process's hub to the log, and to the other nodes.

What this process commits is delivered at once, and told to the others on the bus. What they commit is found by looking
at the workspaces' cursors twice a second, so that nothing depends on being told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import bindparam, select

from app.background import in_background
from app.database import Database, PreparedSelect, Tenant, Transaction, now
from app.live.bus import Bus, InProcessBus
from app.live.connection import Connection
from app.live.fact_log import read_facts_after, read_facts_reach
from app.live.hub import HEARTBEAT, Hub
from app.live.log import Batch, Event, read_after
from app.live.presence import Presence
from app.live.replay import Replays

LOG_POLL_SECONDS = 0.5
# How far before the last look something may have been logged that is committed only now, or by a clock that is slow.
LOOK_BACK = timedelta(seconds=20)
LOOK_AT_ALL_EVERY = 60.0
LOOKED_AT_ONCE = 500
LIST_GROWN = PreparedSelect(lambda: select(Tenant.id, Tenant.cursor).where(Tenant.logged_at > bindparam("since")))
LIST_CURSORS = PreparedSelect(lambda: select(Tenant.id, Tenant.cursor).where(Tenant.id.in_(bindparam("ids"))))
# Sockets that come back in a storm leave half of the database's readers to requests.
LOOKUPS_AT_ONCE = 4
# Pages are sent away over some seconds, so that they don't all come back in the same one.
AWAY_OVER = 5.0
AWAY_EVERY = 0.1
AWAY_AT_LEAST = 10

log = structlog.get_logger("live")


# What of a fact is told beside ids. Nothing of it is what people have written.
TOLD = ("kind", "what")


def cursor_of(event: Event) -> int:
    """Where an event stands in the log."""
    return event.cursor


def trace_facts(transaction: Transaction, batch: Batch | None) -> None:
    """With `--debug`, say what was done, by whom and by which way in: a line for each fact, with its cursor, if any."""
    if not log.is_enabled_for(logging.DEBUG):
        return
    cursors = batch.facts if batch else {}
    for fact in transaction.facts.noted:
        plain = {name: getattr(fact, name) for name in fact.__struct_fields__ if name in TOLD or name.endswith("_id")}
        log.debug(
            "done",
            fact=type(fact).__name__,
            about=" ".join(f"{name.removesuffix('_id')}={value}" for name, value in plain.items()),
            by=fact.by.member_id,
            way=fact.by.way,
            tenant=transaction.tenant.slug if batch else None,
            cursor=cursors.get(id(fact)),
        )


class Node:
    """This process's part in live delivery. A workspace may have `most_sockets` open pages here, and with 0 as many as
    come."""

    def __init__(self, database: Database, bus: Bus | None = None, *, most_sockets: int = 0) -> None:
        self.database = database
        self.most_sockets = most_sockets
        self.bus = bus or InProcessBus()
        self.hub = Hub(database)
        self.presence = Presence(self.hub, self.bus)
        self.replays = Replays(database)
        self.fact_replays = Replays(database, reach_of=read_facts_reach, rows_after=read_facts_after)
        self.lookups = asyncio.Semaphore(LOOKUPS_AT_ONCE)
        self.draining = False
        self.looked_at = now()
        self.look_at_all_at = 0.0
        # Of each workspace that is caught up with now.
        self.catching_up: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self.tasks: set[asyncio.Task[None]] = set()
        database.on_commit.append(self.take)
        self.bus.handlers["log"] = self.hear_batch
        self.bus.handlers["signal"] = self.hear_signal
        self.bus.handlers["signal to pages"] = lambda sender, content: self.hub.signal(*content)
        self.bus.on_join.append(lambda: self.start(self.look()))

    async def run(self) -> None:
        """Look at the log and beat the heart, until cancelled."""
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + HEARTBEAT
        while True:
            await asyncio.sleep(LOG_POLL_SECONDS)
            try:
                await self.look()
            except Exception as error:
                log.error("the log can't be read; delivery waits", reason=repr(error))
            self.presence.end_leases()
            if loop.time() >= beat_at:
                beat_at = loop.time() + HEARTBEAT
                self.hub.heartbeat()

    def take(self, transaction: Transaction) -> None:
        """Deliver what a transaction of this process has just committed, here and elsewhere."""
        batch: Batch | None = transaction.batch
        trace_facts(transaction, batch)
        if batch is None:
            return
        tenant_id = transaction.tenant.id
        if self.bus.reachable:
            told = [[event.cursor, event.channel, event.body, event.follow] for event in batch.events]
            facts = [[fact.cursor, fact.channel, fact.body, fact.kind] for fact in batch.tell()]
            self.bus.publish("log", [tenant_id, batch.after, batch.upto, told, facts], needed=True)
        self.take_batch(tenant_id, batch)

    def hear_batch(self, sender: str, content: Any) -> None:
        """Deliver what another node has committed."""
        tenant_id, after, upto, told, facts = content
        if tenant_id in self.hub.cursors:
            for_programs = [Event(cursor, place, body, kind=kind) for cursor, place, body, kind in facts]
            self.take_batch(tenant_id, Batch(after, upto, [Event(*each) for each in told], lambda: for_programs))

    def take_batch(self, tenant_id: int, batch: Batch) -> None:
        """Deliver what was committed if it follows on what was delivered; if there is a gap, read the log."""
        known = self.hub.cursors.get(tenant_id)
        if known is None:
            return
        if batch.after == known:
            events = batch.events
            if self.hub.wants_facts(tenant_id):
                events = sorted([*events, *batch.tell()], key=cursor_of)
            self.hub.deliver(tenant_id, events, upto=batch.upto)
        elif batch.upto > known:
            self.start(self.catch_up(tenant_id, batch.upto))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background; what goes wrong is done by the next look at the log."""

        async def try_it() -> None:
            try:
                await work
            except Exception as error:
                log.error("the log can't be read; delivery waits", reason=repr(error))

        task = asyncio.get_running_loop().create_task(try_it())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def signal(self, tenant_id: int, channel: str, html: str, kind: str, **data: Any) -> None:
        """Send what is not logged (typing) to those who follow a channel, here and elsewhere: `html` to pages, `data`
        to programs that ask for such signals."""
        self.hub.signal(tenant_id, channel, html)
        self.hub.signal_programs(tenant_id, channel, kind, **data)
        self.bus.publish("signal", [tenant_id, channel, html, kind, data])

    def signal_pages(self, tenant_id: int, channel: str, html: str) -> None:
        """Likewise to pages alone."""
        self.hub.signal(tenant_id, channel, html)
        self.bus.publish("signal to pages", [tenant_id, channel, html])

    def hear_signal(self, sender: str, content: Any) -> None:
        """Pass on another node's signal."""
        tenant_id, channel, html, kind, data = content
        self.hub.signal(tenant_id, channel, html)
        self.hub.signal_programs(tenant_id, channel, kind, **data)

    async def look(self) -> None:
        """Catch up with every workspace whose cursor is ahead of what was delivered here.

        Those are looked at whose log has grown since the last look, or some seconds before it, as a commit may take
        that long; now and then all, whatever the clocks of other machines say.
        """
        if not self.hub.cursors:
            return
        moment, loop = now(), asyncio.get_running_loop()
        async with self.database.read() as transaction:
            if looks_at_all := loop.time() >= self.look_at_all_at:
                every = list(self.hub.cursors)
                rows = [
                    row
                    for at in range(0, len(every), LOOKED_AT_ONCE)
                    for row in await transaction.rows(LIST_CURSORS, ids=every[at : at + LOOKED_AT_ONCE])
                ]
            else:
                rows = list(await transaction.rows(LIST_GROWN, since=self.looked_at - LOOK_BACK))
        self.looked_at = moment
        if looks_at_all:
            self.look_at_all_at = loop.time() + LOOK_AT_ALL_EVERY
        for tenant_id, cursor in rows:
            if cursor > self.hub.cursors.get(tenant_id, cursor):
                await self.catch_up(tenant_id, cursor)

    async def catch_up(self, tenant_id: int, cursor: int) -> None:
        """Deliver from the log what this process has not seen, up to a cursor or beyond."""
        lock = self.catching_up.setdefault(tenant_id, asyncio.Lock())
        async with lock:
            while True:
                known = self.hub.cursors.get(tenant_id)
                if known is None or known >= cursor:
                    return
                facts = self.hub.wants_facts(tenant_id)
                async with self.database.read(tenant_id) as transaction:
                    events = await read_after(transaction, known)
                    if facts:
                        events = sorted([*events, *await read_facts_after(transaction, known)], key=cursor_of)
                    upto = transaction.tenant.cursor
                if self.hub.wants_facts(tenant_id) and not facts:
                    continue  # the first who gets them has come meanwhile, and gets what was not read
                reached = self.hub.cursors.get(tenant_id)
                # While the log was read others may have delivered. Or everybody has left, and who came then is further
                # behind than what was read begins.
                if reached is not None and reached >= known:
                    missed = [event for event in events if event.cursor > reached]
                    self.hub.deliver(tenant_id, missed, upto=max(upto, reached))
                    return

    async def drain(self) -> None:
        """Take no new pages, and send the open ones away in batches; they come back to whoever serves then."""
        self.draining = True
        batch = max(AWAY_AT_LEAST, math.ceil(len(self.list_connections()) * AWAY_EVERY / AWAY_OVER))
        while pages := self.list_connections():
            for connection in pages[:batch]:
                self.hub.end(connection, 1012, "restart")
            if len(pages) <= batch:
                return
            await asyncio.sleep(AWAY_EVERY)

    def list_connections(self) -> list[Connection]:
        """The sockets that have not been told to end."""
        return [
            connection
            for sockets in self.hub.connections.values()
            for connection in sockets
            if connection.ending is None
        ]

    def end_all(self) -> None:
        """Send every page away at once."""
        self.draining = True
        for connection in self.list_connections():
            self.hub.end(connection, 1012, "restart")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        """Run while the block does."""
        async with self.bus.running():
            try:
                async with in_background(self.run()):
                    yield self
            finally:
                self.end_all()
