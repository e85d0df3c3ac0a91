"""Sending of what apps' servers are told: in packets, as Pusher's webhooks have them, from the memory of this process.

Each app's are sent one packet after another, and wait for no other app's; what fails is tried again, later each time,
for as long as Pusher's own is kept, and longer: an hour; and at once when the app's webhook is another one by then.
What is held is bounded, and the oldest of it is dropped. What was sent, and what was answered, is kept for the app's
page (`app_deliveries.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import random
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from app.database import Database
from app.gateway.app_deliveries import keep_app_delivery
from app.gateway.app_webhooks import KIND_OF_EVENT, KnownHook, find_hook
from app.gateway.secrets import sign_text
from app.settings import Settings
from app.tenants.channels import push_deliveries
from app.tenants.deliveries import CameBack, send_to
from app.web.outgoing import Outgoing

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
NO_HOOK = "the app has no webhook any more"

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
        self.asked: set[asyncio.Task[None]] = set()

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
                    await self.wait(line, pause * random.uniform(0.8, 1.2))  # noqa: S311
                    self.drop(line, sum(each.at < time.monotonic() - TRIED_FOR for each in line.events))
        finally:
            line.task = None
            if not line.events:
                self.lines.pop(line.app_id, None)

    async def wait(self, line: HookLine, pause: float) -> None:
        """Wait until something is tried again: for a while, or until the app's webhook is another one."""
        until, failing = time.monotonic() + pause, self.known.get(line.app_id, (0.0, None))[1]
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, HOOK_KNOWN_FOR))
            with contextlib.suppress(Exception):  # which the next try tells of
                if await self.find(line) != failing:
                    line.failures = 0
                    return

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
        if wanted:
            moment = round(time.time() * 1000)
            body = f'{{"time_ms":{moment},"events":[{",".join(wanted)}]}}'
            came = await self.post(hook, body)
            await self.keep(line, body, came)
            if not came.taken:
                log.warning("an app's server can't be told; it is tried again", app=line.app_id, reason=came.why)
                return False
        while line.events and line.events[0].number <= last.number:  # some may have been dropped meanwhile
            self.drop(line, 1)
        line.failures = 0
        return True

    async def post(self, hook: KnownHook, body: str) -> CameBack:
        """Send a packet; what came of it. While there are two secrets, a server that refuses what one has signed may
        know the other."""
        came = CameBack()
        for secret in hook.secrets.secrets:
            signed = {"x-pusher-key": hook.key, "x-pusher-signature": sign_text(secret, body)}
            headers = {"content-type": "application/json", **signed}
            came = await send_to(self.outgoing, hook.address, headers, body.encode())
            if came.taken or came.status is None or not 400 <= came.status < 500:
                break
        return came

    async def keep(self, line: HookLine, body: str, came: CameBack, *, asked: bool = False) -> None:
        """Keep what was sent for the app's page, which is told if it was `asked` for there. That this can't be done
        keeps nothing from being sent."""
        try:
            async with self.database.write(line.workspace) as transaction:
                await keep_app_delivery(transaction, line.app_id, body, came)
                if asked:
                    push_deliveries(transaction, f"app-{line.app_id}")
        except Exception as error:
            log.error("what an app's server was told is not kept", app=line.app_id, reason=repr(error))

    def send_again(self, workspace: int, app_id: int, body: str) -> None:
        """Send a packet once more, beside what waits, to where the app's webhook goes now."""
        task = asyncio.create_task(
            self.send_asked(HookLine(workspace, app_id), body),
            context=contextvars.Context(),  # not the request's
        )
        self.asked.add(task)
        task.add_done_callback(self.asked.discard)

    async def send_asked(self, line: HookLine, body: str) -> None:
        """Send a packet once, and keep what came of it."""
        async with self.turns:
            self.known.pop(line.app_id, None)
            hook = await self.find(line)
            came = await self.post(hook, body) if hook else CameBack(error=NO_HOOK)
            await self.keep(line, body, came, asked=True)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send while the block runs, and what is left then for a moment more."""
        try:
            yield
        finally:
            tasks = [line.task for line in self.lines.values() if line.task is not None and not line.failures]
            tasks += self.asked
            if tasks:
                await asyncio.wait(tasks, timeout=HOOKS_GRACE)
            tasks = [*self.asked, *(line.task for line in self.lines.values() if line.task is not None)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.outgoing.close()
