"""Gathering of what apps' servers are to be told, until it is in rows, from where it is sent (`app_sending.py`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from app.database import Database
from app.gateway.app_told import note_told
from app.gateway.app_turns import add_hook_events
from app.gateway.app_webhooks import KIND_OF_EVENT, KnownHook, find_hook
from app.settings import Settings

# What is gathered before it is put into rows; and what is held of one app, should the database be away.
GATHERED_FOR = 0.05
MOST_GATHERED, MOST_GATHERED_TEXT = 1000, 2**20
PUT_AGAIN_AFTER = 1.0
# How long what is read of an app's webhook is taken for true.
HOOK_KNOWN_FOR = 2.0
MOST_KNOWN_HOOKS = 1000
# When the process stops, what is left is put into rows within so long.
HOOKS_GRACE = 3.0

log = structlog.get_logger("gateway")


@dataclass(slots=True)
class Gathered:
    """What has happened on an app's channels and is in no row yet: of each its number, kind, and the event as JSON; and
    up to which number it is known what became of it."""

    events: deque[tuple[int, str, str]] = field(default_factory=deque)
    size: int = 0
    count: int = 0
    upto: int = 0

    def add(self, kind: str, text: str) -> None:
        """One more; of too many the oldest are dropped."""
        self.count += 1
        self.events.append((self.count, kind, text))
        self.size += len(text)
        while len(self.events) > MOST_GATHERED or (self.size > MOST_GATHERED_TEXT and len(self.events) > 1):
            self.drop_first()

    def drop_first(self) -> None:
        """Drop the oldest."""
        self.size -= len(self.events.popleft()[2])

    def forget(self, upto: int) -> None:
        """Drop what is in rows now; some of it may have been dropped meanwhile."""
        while self.events and self.events[0][0] <= upto:
            self.drop_first()
        self.upto = upto

    def count_dropped(self) -> int:
        """How many were dropped, since it was asked last, that are in no rows."""
        first = self.events[0][0]
        dropped, self.upto = first - self.upto - 1, first - 1
        return dropped


class HookGatherer:
    """What has happened on apps' channels as this process tells it, and is in no row yet."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.known: dict[tuple[int, int], tuple[float, KnownHook | None]] = {}
        # By workspace and app; and of each workspace who puts it into rows.
        self.gathered: dict[int, dict[int, Gathered]] = {}
        self.putting: dict[int, asyncio.Task[None]] = {}

    def offer(self, workspace: int, app_id: int, event: dict[str, Any]) -> None:
        """Tell an app's server of an event, if it wants to be told."""
        kind = KIND_OF_EVENT[event["name"]]
        until, hook = self.known.get((workspace, app_id), (0.0, None))
        if until > time.monotonic() and (hook is None or kind not in hook.kinds):
            return
        self.gathered.setdefault(workspace, {}).setdefault(app_id, Gathered()).add(kind, write_hook_event(event))
        if workspace not in self.putting:
            self.putting[workspace] = asyncio.create_task(self.put_soon(workspace))

    async def put_soon(self, workspace: int) -> None:
        """Put what is gathered of a workspace's apps into rows, until nothing is left. Each workspace's is put beside
        the others', as the writers of one may be busy for long."""
        try:
            wait = GATHERED_FOR
            while workspace in self.gathered:
                await asyncio.sleep(wait)
                wait = GATHERED_FOR if await self.put_all(workspace) else PUT_AGAIN_AFTER
        finally:
            del self.putting[workspace]

    async def put_all(self, workspace: int) -> bool:
        """Put what is gathered of a workspace's apps into rows; whether that could be done for each."""
        done, apps = True, self.gathered[workspace]
        for app_id, gathered in list(apps.items()):
            try:
                await self.put(workspace, app_id, gathered)
            except Exception as error:
                log.error("what an app's server is to be told can't be kept yet", app=app_id, reason=repr(error))
                done = False
            if not gathered.events:
                del apps[app_id]
        if not apps:
            del self.gathered[workspace]
        return done

    async def put(self, workspace: int, app_id: int, gathered: Gathered) -> None:
        """Put what is gathered for an app into rows."""
        hook = await self.find(workspace, app_id)
        dropped, taken = gathered.count_dropped(), list(gathered.events)
        if dropped and hook is not None:
            log.warning("too much happens until it can be kept: the oldest is dropped", app=app_id, events=dropped)
        wanted = [(kind, text) for _, kind, text in taken if hook is not None and kind in hook.kinds]
        if wanted:
            async with self.database.write(workspace) as transaction:
                hook = await find_hook(transaction, app_id, self.settings.secret_key)  # as it is by now
                wanted = [each for each in wanted if hook is not None and each[0] in hook.kinds]
                await add_hook_events(transaction, app_id, await note_told(transaction, app_id, wanted))
        gathered.forget(taken[-1][0])

    async def find(self, workspace: int, app_id: int) -> KnownHook | None:
        """The webhook of an app, as it was read some seconds ago at most."""
        until, hook = self.known.get((workspace, app_id), (0.0, None))
        if until <= time.monotonic():
            async with self.database.read(workspace) as transaction:
                hook = await find_hook(transaction, app_id, self.settings.secret_key)
            if len(self.known) >= MOST_KNOWN_HOOKS:
                self.known.clear()
            self.known[workspace, app_id] = time.monotonic() + HOOK_KNOWN_FOR, hook
        return hook

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the block run; then put what is left into rows."""
        try:
            yield
        finally:
            if self.putting:
                await asyncio.wait(self.putting.values(), timeout=HOOKS_GRACE)
            for task in self.putting.values():
                task.cancel()


def write_hook_event(event: Any) -> str:
    """An event as JSON, in as many bytes as it has characters."""
    return json.dumps(event, separators=(",", ":"))
