"""The node: joins this process's hub to the log.

What this process commits is delivered at once. What others commit is found by looking at the workspaces' cursors
twice a second, so that nothing depends on being told.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from sqlalchemy import select

from app.database import Database, Tenant, Transaction
from app.live.hub import HEARTBEAT, Hub
from app.live.log import Event, read_after
from app.live.presence import Presence

LOOK_EVERY = 0.5

log = structlog.get_logger("live")


class Node:
    """This process's part in live delivery."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.hub = Hub()
        self.presence = Presence(self.hub)
        self.catching_up: dict[int, asyncio.Lock] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        database.on_commit.append(self.take)

    async def run(self) -> None:
        """Look at the log and beat the heart, until cancelled."""
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + HEARTBEAT
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except Exception as error:
                log.error("the log can't be read; delivery waits", reason=repr(error))
            if loop.time() >= beat_at:
                beat_at = loop.time() + HEARTBEAT
                self.hub.heartbeat()

    def take(self, transaction: Transaction) -> None:
        """Deliver what a transaction of this process has just committed."""
        events: list[Event] = transaction.info.get("committed", [])
        if not events:
            return
        tenant_id = transaction.tenant.id
        known = self.hub.cursors.get(tenant_id)
        if known is None:
            return
        if events[0].cursor == known + 1:
            self.hub.deliver(tenant_id, events)
        elif events[-1].cursor > known:
            task = asyncio.get_running_loop().create_task(self.catch_up(tenant_id))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def look(self) -> None:
        """Catch up with every workspace whose cursor is ahead of what was delivered here."""
        if not self.hub.cursors:
            return
        async with self.database.read() as transaction:
            statement = select(Tenant.id, Tenant.cursor).where(Tenant.id.in_(list(self.hub.cursors)))
            rows = (await transaction.execute(statement)).all()
        for tenant_id, cursor in rows:
            if cursor > self.hub.cursors.get(tenant_id, cursor):
                await self.catch_up(tenant_id)

    async def catch_up(self, tenant_id: int) -> None:
        """Deliver from the log what this process has not seen."""
        lock = self.catching_up.setdefault(tenant_id, asyncio.Lock())
        async with lock:
            known = self.hub.cursors.get(tenant_id)
            if known is None:
                return
            async with self.database.read(tenant_id) as transaction:
                events = await read_after(transaction, known)
            # Other deliveries may have happened while the log was read.
            known = self.hub.cursors.get(tenant_id)
            if known is not None:
                self.hub.deliver(tenant_id, [event for event in events if event.cursor > known])

    def drain(self) -> None:
        """Send every page away; it comes back to whoever serves then."""
        for sockets in list(self.hub.connections.values()):
            for connection in list(sockets):
                self.hub.end(connection, 1012, "restart")

    @contextlib.asynccontextmanager
    async def running(self):  # type: ignore[no-untyped-def]
        """Run while the block does."""
        task = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self.drain()
