"""What was told of whom nobody knows any more: after the whole program was killed, apps' servers are told that those
who were there have gone, as far as they are not back.

The process that tells who comes and goes (`occupancy.py`) looks when it begins to, at what apps' servers were told
(`app_told.py`). Who is not there then, and neither is a while later, has gone. What another process has told meanwhile
is in rows by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy import select

from app.database import Database, PreparedSelect, Tenant
from app.gateway.app_told import list_told
from app.gateway.occupancy import Occupancy
from app.gateway.roster import Spot

# Within so long clients are back after a restart, and what a process that has ended was to tell is in rows.
BACK_WITHIN = 5.0
# So many are told of at once; the rest after another look.
MOST_LOOKED_FOR = 1000

log = structlog.get_logger("gateway")

LIST_WORKSPACES = PreparedSelect(lambda: select(Tenant.id).order_by(Tenant.id))


class LostSight:
    """This process's part in it."""

    def __init__(self, database: Database, occupancy: Occupancy) -> None:
        self.database = database
        self.occupancy = occupancy
        self.looked = False

    async def look(self) -> None:
        """Tell who has gone unseen, once after this process began to tell who comes and goes."""
        if not self.occupancy.tells(asyncio.get_running_loop().time()):
            self.looked = False
        elif not self.looked:
            missing = await self.list_missing()
            if missing:
                await asyncio.sleep(BACK_WITHIN)
            self.looked = not missing or await self.tell_of(missing)

    async def tell_of(self, missing: dict[int, set[tuple[Spot, str]]]) -> bool:
        """Tell who has gone of those who were missing, and are still; whether that was all."""
        left = MOST_LOOKED_FOR
        for workspace, still in (await self.list_missing(list(missing))).items():
            gone = sorted(still & missing[workspace], key=lambda each: not each[1])[:left]  # users, then their channel
            left -= len(gone)
            log.info("apps' servers are told who has gone unseen", workspace=workspace, count=len(gone))
            for spot, user in gone:
                self.occupancy.miss(workspace, spot, user)
        return left > 0

    async def list_missing(self, workspaces: Sequence[int] | None = None) -> dict[int, set[tuple[Spot, str]]]:
        """Of each workspace, or of some, who is not there, though its apps' servers were told so."""
        if workspaces is None:
            async with self.database.read() as transaction:
                workspaces = await transaction.column(LIST_WORKSPACES)
        missing: dict[int, set[tuple[Spot, str]]] = {}
        for workspace in workspaces:
            if found := await self.list_missing_in(workspace):
                missing[workspace] = found
        return missing

    async def list_missing_in(self, workspace: int) -> set[tuple[Spot, str]]:
        """Likewise of one workspace."""
        missing, rows = set(), [(0, 0, "", "")]
        while rows:
            async with self.database.read(workspace) as transaction:
                rows = await list_told(transaction, rows[-1][0])
            for _, app_id, channel, user in rows:
                if self.occupancy.misses((app_id, channel), user):
                    missing.add(((app_id, channel), user))
        return missing
