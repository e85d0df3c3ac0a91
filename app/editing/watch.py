"""The watch: ends the leases, turns and waits whose time is over, so that open pages are told.

Nothing is unsafe without it: every statement checks the clock itself. A workspace in which nothing is locked costs
nothing, as its locks are looked at again only after its log has grown.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from sqlalchemy import or_, select

from app.background import in_background
from app.database import Database
from app.database.clock import lease_clock
from app.editing import waiting
from app.editing.lock_statements import is_held
from app.editing.locks import lapse
from app.editing.pushes import push_standings
from app.editing.rows import EDITABLE_KINDS
from app.editing.waiting import ANSWER_WITHIN, Waiting
from app.live.node import Node

WATCH_EVERY = 0.5

log = structlog.get_logger("editing")


class Watch:
    """Looks after the workspaces that have open pages on this node."""

    def __init__(self, database: Database, node: Node) -> None:
        self.database = database
        self.node = node
        self.quiet: dict[int, int] = {}

    async def run(self) -> None:
        """Look twice a second, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_EVERY)
            try:
                await self.look()
            except Exception as error:
                log.error("locks can't be looked after; they end without it", reason=repr(error))

    async def look(self) -> None:
        """End what is over in each workspace that is not known to be quiet."""
        for tenant_id in self.node.hub.list_workspaces():
            if self.quiet.get(tenant_id) != self.node.hub.cursors.get(tenant_id):
                await self.look_at(tenant_id)

    async def look_at(self, tenant_id: int) -> None:
        """End what is over in one workspace."""
        due: set[tuple[str, int]] = set()
        busy = False
        clock = lease_clock()
        async with self.database.read(tenant_id) as transaction:
            cursor = transaction.tenant.cursor
            for kind in EDITABLE_KINDS.values():
                held = select(kind.model.id, is_held(kind.model)).where(kind.model.lock_member_id.is_not(None))
                for row_id, runs in await transaction.execute(held):
                    busy = True
                    if not runs:
                        due.add((kind.name, row_id))
            over = or_(
                Waiting.until <= clock,
                (Waiting.asked_at <= clock - ANSWER_WITHIN * 1000) & ~Waiting.kept & ~Waiting.unanswered,
            )
            for name, row_id, is_over in await transaction.execute(select(Waiting.kind, Waiting.row_id, over)):
                busy = True
                if is_over:
                    due.add((name, row_id))
        for name, row_id in sorted(due):
            await self.end(tenant_id, name, row_id)
        if not busy:
            self.quiet[tenant_id] = cursor

    async def end(self, tenant_id: int, name: str, row_id: int) -> None:
        """End what is over of one row, and tell those who see it."""
        async with self.database.write(tenant_id) as transaction:
            row = await transaction.get(EDITABLE_KINDS[name].model, row_id)
            if row is None:
                await waiting.leave_all(transaction, [(name, row_id)])
                return
            gone = [each.member_id for each in await waiting.list_queue(transaction, row)]
            if await lapse(transaction, row):
                log.info("lease ended", tenant=tenant_id, row=f"{name} {row_id}", next=row.lock_member_id)
                return
            dropped = await waiting.drop_gone(transaction, row)
            noted = await waiting.note_unanswered(transaction, row)
            if dropped or noted:
                push_standings(transaction, row, *gone)

    def running(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Run while the block does."""
        return in_background(self.run())
