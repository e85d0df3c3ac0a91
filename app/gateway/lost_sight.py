"""What was told of whom nobody knows any more: after the whole program was killed, apps' servers are told that those
who were there have gone, as far as they are not back.

The process that tells who comes and goes (`occupancy.py`) looks, a while after it began to, at what apps' servers were
told (`app_told.py`), once, and only in workspaces of which there is something. Who is not there then has gone; what
another process has told meanwhile is not told twice. A process that can't see whom others have tells of nobody.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque

import structlog

from app.database import Database
from app.gateway.app_told import LIST_WORKSPACES_TOLD, TOLD_AT_ONCE, list_told
from app.gateway.occupancy import Occupancy
from app.gateway.roster import Spot

# Within so long clients are back after a restart, and what a process that has ended was to tell is in rows.
BACK_WITHIN = 5.0
# So many are told of at once; the rest a moment later.
MOST_LOOKED_FOR = 1000

log = structlog.get_logger("gateway")


class LostSight:
    """This process's part in it: since when it tells, the workspaces that are still to be looked at (None: it is not
    known which), and who has gone and is still to be told of, with their workspace."""

    def __init__(self, database: Database, occupancy: Occupancy) -> None:
        self.database = database
        self.occupancy = occupancy
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.since: float | None = None
        self.workspaces: deque[int] | None = None
        self.missing: deque[tuple[int, Spot, str]] = deque()

    async def look(self) -> None:
        """Tell who has gone unseen, once after this process began to tell who comes and goes."""
        moment = asyncio.get_running_loop().time()
        if not self.tells(moment):
            self.forget()
            return
        self.since = moment if self.since is None else self.since
        if moment < self.since + BACK_WITHIN:
            return
        if self.workspaces is None:
            async with self.database.count() as transaction:
                self.workspaces = deque(await transaction.column(LIST_WORKSPACES_TOLD))
        while self.workspaces and len(self.missing) < MOST_LOOKED_FOR:
            self.missing += await self.list_missing_in(self.workspaces[0])
            self.workspaces.popleft()
        if self.missing and self.tells(asyncio.get_running_loop().time()):
            self.tell_of([self.missing.popleft() for _ in range(min(len(self.missing), MOST_LOOKED_FOR))])

    def tells(self, moment: float) -> bool:
        """Whether this process tells who comes and goes, and sees everybody who is there."""
        return self.occupancy.sees_all() and self.occupancy.tells(moment)

    def tell_of(self, missing: list[tuple[int, Spot, str]]) -> None:
        """Tell who has gone of those who were missing, and are still."""
        still = self.occupancy.list_missing((spot, user) for _, spot, user in missing)
        gone = [each for each in missing if each[1:] in still]
        for workspace, count in Counter(workspace for workspace, _, _ in gone).items():
            log.info("apps' servers are told who has gone unseen", workspace=workspace, count=count)
        for each in gone:
            self.occupancy.miss(*each)

    async def list_missing_in(self, workspace: int) -> list[tuple[int, Spot, str]]:
        """Of a workspace, who is not there, though its apps' servers were told so: users, then their channel."""
        told: list[tuple[Spot, str]] = []
        after: int | None = 0
        while after is not None:
            async with self.database.read(workspace) as transaction:
                rows = await list_told(transaction, after)
            told += [((app_id, channel), user) for _, app_id, channel, user in rows]
            after = rows[-1][0] if len(rows) == TOLD_AT_ONCE else None
        missing = sorted(self.occupancy.list_missing(told), key=lambda each: not each[1])
        return [(workspace, spot, user) for spot, user in missing]
