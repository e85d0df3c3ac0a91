"""The watch: ends the leases, turns and waits whose time is over, so that open pages are told.

Nothing is unsafe without it: every statement checks the clock itself. What is over is looked for in all workspaces at
once, so that it takes no longer for many.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from functools import cache

import structlog
from sqlalchemy import or_, select

from app.background import in_background
from app.database import Database, PreparedSelect
from app.database.clock import lease_clock
from app.editing import waiting
from app.editing.lock_statements import is_held
from app.editing.locks import lapse
from app.editing.pushes import push_standings
from app.editing.row_places import EDITABLE_KINDS
from app.editing.waiting_rows import ANSWER_WITHIN, Waiting
from app.live.node import Node

WATCH_EVERY = 0.5


@cache
def select_ended(kind_name: str) -> PreparedSelect[*tuple[int, int]]:
    """The select of the rows of a kind whose lock's lease has ended, in all workspaces."""
    model = EDITABLE_KINDS[kind_name].model
    return PreparedSelect(
        lambda: select(model.tenant_id, model.id).where(
            model.lock_member_id.is_not(None), or_(model.lock_until.is_(None), ~is_held(model))
        )
    )


# Of those who wait, and of what they have asked, what is over, in all workspaces.
LIST_OVER = PreparedSelect(
    lambda: (
        select(Waiting.tenant_id, Waiting.kind, Waiting.row_id)
        .where(
            or_(
                Waiting.until <= lease_clock(),
                (Waiting.asked_at <= lease_clock() - ANSWER_WITHIN * 1000) & ~Waiting.kept & ~Waiting.unanswered,
            )
        )
        .distinct()
    )
)

log = structlog.get_logger("editing")


class Watch:
    """Looks after the workspaces that have open pages on this node."""

    def __init__(self, database: Database, node: Node) -> None:
        self.database = database
        self.node = node

    async def run(self) -> None:
        """Look twice a second, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_EVERY)
            try:
                await self.look()
            except Exception as error:
                log.error("locks can't be looked after; they end without it", reason=repr(error))

    async def look(self) -> None:
        """End what is over in the workspaces that have open pages here."""
        if here := self.node.hub.list_workspaces():
            await self.look_at(here)

    async def look_at(self, workspaces: Collection[int]) -> None:
        """End what is over in some workspaces: it is looked for in all at once."""
        async with self.database.count() as transaction:
            over: set[tuple[int, str, int]] = {
                (tenant_id, kind.name, row_id)
                for kind in EDITABLE_KINDS.values()
                for tenant_id, row_id in await transaction.rows(select_ended(kind.name))
            }
            over.update(await transaction.rows(LIST_OVER))
        for tenant_id, name, row_id in sorted(over):
            if tenant_id in workspaces:
                await self.end(tenant_id, name, row_id)

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
