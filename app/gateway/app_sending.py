"""Sending of what apps' servers are told: in packets, as Pusher's webhooks have them, from the memory of this process.

Each app's are sent one packet after another, and wait for no other app's; what fails is tried again, later each time,
for as long as Pusher's own is kept, and longer: an hour. What is held is bounded, and the oldest of it is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from app.database import Database
from app.gateway.app_webhooks import KIND_OF_EVENT, KnownHook, find_hook
from app.gateway.secrets import sign_text
from app.settings import Settings
from app.web.outgoing import Outgoing
from app.web.outgoing_addresses import NotSent

# Of one app: events that wait, and their bytes; and the bytes of all apps.
MOST_HOOK_EVENTS, MOST_HOOK_BYTES, MOST_HOOK_BYTES_OF_ALL = 1000, 2**20, 2**25
# In one packet; its bytes are those of at least one event.
MOST_IN_PACKET, PACKET_BYTES = 100, 128 * 1024
# How long what is read of an app's webhook is taken for true, how long an event is tried, and pauses between the tries.
HOOK_KNOWN_FOR = 2.0
TRIED_FOR = 3600.0
FIRST_HOOK_PAUSE, LONGEST_HOOK_PAUSE = 1.0, 300.0
MOST_HOOKS_AT_ONCE = 32
# When the process stops, what is left is sent for so long.
HOOKS_GRACE = 3.0
MOST_KNOWN_HOOKS = 1000

log = structlog.get_logger("gateway")


@dataclass(slots=True)
class HookEvent:
    """An event that is to be sent, as JSON, and when it was."""

    number: int
    at: float
    kind: str
    text: str


@dataclass(slots=True)
class HookLine:
    """What one app's server has still to be told."""

    workspace: int
    app_id: int
    events: deque[HookEvent] = field(default_factory=deque)
    size: int = 0
    count: int = 0
    failures: int = 0
    task: asyncio.Task[None] | None = None

    def drop_first(self, count: int) -> int:
        """Drop so many; how many bytes that were."""
        dropped = sum(len(self.events.popleft().text) for _ in range(count))
        self.size -= dropped
        return dropped


class HookSender:
    """This process's part in telling apps' servers."""

    def __init__(self, database: Database, settings: Settings, outgoing: Outgoing) -> None:
        self.database = database
        self.settings = settings
        self.outgoing = outgoing
        self.lines: dict[int, HookLine] = {}
        self.known: dict[int, tuple[float, KnownHook | None]] = {}
        self.turns = asyncio.Semaphore(MOST_HOOKS_AT_ONCE)
        self.size = 0

    def offer(self, workspace: int, app_id: int, event: dict[str, Any]) -> None:
        """Send an event to an app's server, if it wants to be told."""
        until, hook = self.known.get(app_id, (0.0, None))
        if until > time.monotonic() and hook is None:
            return
        kind = KIND_OF_EVENT[event["name"]]
        if hook is not None and until > time.monotonic() and kind not in hook.kinds:
            return
        line = self.lines.get(app_id)
        if line is None:
            line = self.lines[app_id] = HookLine(workspace, app_id)
        line.count += 1
        told = HookEvent(line.count, time.monotonic(), kind, json.dumps(event, separators=(",", ":")))
        line.events.append(told)
        line.size += len(told.text)
        self.size += len(told.text)
        if len(line.events) > MOST_HOOK_EVENTS or line.size > MOST_HOOK_BYTES or self.size > MOST_HOOK_BYTES_OF_ALL:
            if line.failures:
                log.warning("what an app's server is not told is too much: the oldest is dropped", app=app_id)
            self.size -= line.drop_first(max(1, len(line.events) // 10))
        if line.task is None:
            line.task = asyncio.create_task(self.empty(line))

    async def empty(self, line: HookLine) -> None:
        """Send what waits for one app, until nothing does."""
        try:
            while line.events:
                try:
                    async with self.turns:
                        sent = await self.send_some(line)
                except Exception as error:
                    log.error("an app's server can't be told; it is tried again", app=line.app_id, reason=repr(error))
                    sent = False
                if not sent:
                    line.failures += 1
                    pause = min(FIRST_HOOK_PAUSE * 2 ** min(line.failures - 1, 20), LONGEST_HOOK_PAUSE)
                    await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311
                    self.drop(line, sum(each.at < time.monotonic() - TRIED_FOR for each in line.events))
        finally:
            line.task = None
            if not line.events:
                self.lines.pop(line.app_id, None)

    def drop(self, line: HookLine, count: int) -> None:
        """Drop the first that wait for an app."""
        self.size -= line.drop_first(min(count, len(line.events)))

    async def find(self, line: HookLine) -> KnownHook | None:
        """The webhook of an app, as it was read some seconds ago at most."""
        until, hook = self.known.get(line.app_id, (0.0, None))
        if until <= time.monotonic():
            async with self.database.read(line.workspace) as transaction:
                hook = await find_hook(transaction, line.app_id, self.settings.secret_key)
            if len(self.known) >= MOST_KNOWN_HOOKS:
                self.known.clear()
            self.known[line.app_id] = time.monotonic() + HOOK_KNOWN_FOR, hook
        return hook

    async def send_some(self, line: HookLine) -> bool:
        """Send a packet; whether nothing has to be tried again."""
        hook = await self.find(line)
        if hook is None:
            self.drop(line, len(line.events))
            return True
        taken: list[HookEvent] = []
        size = 0
        for told in line.events:
            if taken and (len(taken) >= MOST_IN_PACKET or size + len(told.text) > PACKET_BYTES):
                break
            taken.append(told)
            size += len(told.text)
        wanted = [told.text for told in taken if told.kind in hook.kinds]
        last = taken[-1]
        if wanted and not await self.post(line, hook, wanted):
            return False
        while line.events and line.events[0].number <= last.number:  # some may have been dropped meanwhile
            self.drop(line, 1)
        line.failures = 0
        return True

    async def post(self, line: HookLine, hook: KnownHook, events: list[str]) -> bool:
        """Send a packet, and say whether it was taken. While there are two secrets, a server that refuses what one has
        signed may know the other."""
        body = f'{{"time_ms":{round(time.time() * 1000)},"events":[{",".join(events)}]}}'
        why = ""
        for secret in hook.secrets.secrets:
            signed = {"x-pusher-key": hook.key, "x-pusher-signature": sign_text(secret, body)}
            try:
                said = await self.outgoing.post(
                    hook.address, {"content-type": "application/json", **signed}, body.encode()
                )
            except NotSent as error:
                why = str(error)
                break
            if 200 <= said.status < 300:
                return True
            why = f"the receiver answers {said.status}"
            if not 400 <= said.status < 500:
                break
        log.warning("an app's server can't be told; it is tried again", app=line.app_id, reason=why)
        return False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send while the block runs, and what is left then for a moment more."""
        try:
            yield
        finally:
            tasks = [line.task for line in self.lines.values() if line.task is not None and not line.failures]
            if tasks:
                await asyncio.wait(tasks, timeout=HOOKS_GRACE)
            tasks = [line.task for line in self.lines.values() if line.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.outgoing.close()
