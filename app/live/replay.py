"""Replays: what pages have missed, read from the log once for all that come back with the same cursor.

After a restart hundreds of pages come back within some seconds, and most of them show the same state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct
from msgspec.structs import replace

from app.database import Database, Transaction
from app.live.log import Event, read_after, read_reach

# Who has missed more than this is read for alone, by channels.
SHARED_LIMIT = 1000
REPLAY_KEPT_FOR = 1.0


class Replay(Struct, frozen=True):
    """The log of a workspace after a cursor, in one snapshot: of all channels, up to `cursor`.

    `reach` is the cursor after which the log is complete. `events` is None when there are too many to share.
    """

    cursor: int
    reach: int
    events: list[Event] | None

    def reaches(self, last: int) -> bool:
        """Whether a page that shows the state at a cursor can catch up by the log."""
        return self.reach <= last <= self.cursor


class Replays:
    """Reads replays, each once for all who ask for it at about the same time.

    A replay may be a second old, or go on beyond what was asked for. That is safe as long as each page takes from it
    only what came up to the cursor at which the member's rights were read: nothing is shown by a right that was lost
    before.

    `reach_of` and `rows_after` read the log: its partials, for pages, or its facts, for programs.
    """

    def __init__(
        self,
        database: Database,
        *,
        reach_of: Callable[[Transaction], Awaitable[int]] | None = None,
        rows_after: Callable[..., Awaitable[list[Event]]] | None = None,
    ) -> None:
        self.database = database
        self.reach_of = reach_of or read_reach
        self.rows_after = rows_after or read_after
        self.reading: dict[tuple[int, int], asyncio.Task[Replay]] = {}

    async def read(self, tenant_id: int, last: int, *, least: int) -> Replay:
        """The log of a workspace after a cursor, up to the cursor `least` or beyond: never one that ends before it."""
        key = (tenant_id, last)
        while True:
            task = self.reading.get(key)
            if task is None or (task.done() and task.result().cursor < least):
                task = self.reading[key] = asyncio.create_task(self.read_log(tenant_id, last))
                task.add_done_callback(lambda done: self.keep(key, done))
            # One who goes away does not take the others' replay along.
            replay = await asyncio.shield(task)
            # One that was being read already may have begun before the cursor that this page has to reach.
            if replay.cursor >= least:
                return replay

    def keep(self, key: tuple[int, int], task: asyncio.Task[Replay]) -> None:
        """Remember a replay for a moment, if it is one."""
        failed = task.cancelled() or task.exception() is not None
        if failed or task.result().events is None or not task.result().reaches(key[1]):
            self.forget(key, task)
        else:
            asyncio.get_running_loop().call_later(REPLAY_KEPT_FOR, self.forget, key, task)

    def forget(self, key: tuple[int, int], task: asyncio.Task[Replay]) -> None:
        """Remember a replay no longer."""
        if self.reading.get(key) is task:
            del self.reading[key]

    async def read_log(self, tenant_id: int, last: int) -> Replay:
        """Read a replay in one snapshot."""
        async with self.database.read(tenant_id) as transaction:
            replay = Replay(transaction.tenant.cursor, await self.reach_of(transaction), [])
            if not replay.reaches(last):
                return replay
            events = await self.rows_after(transaction, last, limit=SHARED_LIMIT + 1)
        return replace(replay, events=events if len(events) <= SHARED_LIMIT else None)
