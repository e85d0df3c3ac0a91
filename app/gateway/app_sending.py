"""Sending of what apps' servers are told, in packets, as Pusher's webhooks have them.

What happens is gathered for a moment, and put into rows (`app_turns.py`): from then on each app's server is told it at
least once, and in order, whatever becomes of this process. Each app's turn is on its own (`tenants/turns_to_send.py`);
what fails is tried again, later each time, and at once when the app's webhook is another one by then. What was sent,
and what was answered, is kept for the app's page (`app_deliveries.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import bindparam, delete, select, update

from app.database import Database, PreparedSelect, Tenant, Transaction, now
from app.database.leases import back_off, hold, is_due
from app.gateway.app_deliveries import APP_DELIVERIES, keep_app_delivery
from app.gateway.app_gathering import MOST_GATHERED_OF_ALL, Gathered
from app.gateway.app_told import note_told
from app.gateway.app_turns import (
    FIND_ANY_EVENT,
    LIST_FIRST_EVENTS,
    AppHookEvent,
    AppTurn,
    add_hook_events,
    forget_hook_events,
)
from app.gateway.app_webhooks import KIND_OF_EVENT, KnownHook, find_hook
from app.gateway.secrets import sign_text
from app.settings import Settings
from app.tenants.channels import push_deliveries
from app.tenants.deliveries import CameBack, send_to
from app.tenants.turns_to_send import LOOKED_AT_DUE, TURN_SECONDS_AT_MOST, TurnSender
from app.web.outgoing import Outgoing

# How long it is gathered before it is put into rows, and after how long again, should the database be away.
GATHERED_FOR = 0.05
PUT_AGAIN_AFTER = 1.0
# In one packet; its bytes are those of at least one event.
MOST_IN_PACKET, PACKET_BYTES = 100, 128 * 1024
# How long what is read of an app's webhook is taken for true, and pauses between the tries.
HOOK_KNOWN_FOR = 2.0
FIRST_HOOK_PAUSE, LONGEST_HOOK_PAUSE = timedelta(seconds=1), timedelta(minutes=5)
# When the process stops, what is left is put into rows within so long.
HOOKS_GRACE = 3.0
MOST_KNOWN_HOOKS = 1000
NO_HOOK = "the app has no webhook any more"

log = structlog.get_logger("gateway")

LIST_DUE_APP_TURNS = PreparedSelect(
    lambda: (
        select(AppTurn.id, AppTurn.workspace_id)
        .join(Tenant, Tenant.id == AppTurn.workspace_id)
        .where(
            is_due(AppTurn),
            AppTurn.workspace_id.not_in(bindparam("full", expanding=True)),
            Tenant.suspended_at.is_(None),
        )
        .order_by(AppTurn.due_at, AppTurn.id)
        .limit(LOOKED_AT_DUE)
    )
)


class HookSender(TurnSender[AppTurn]):
    """This process's part in telling apps' servers."""

    model = AppTurn
    called = "webhooks of apps"

    def __init__(self, database: Database, settings: Settings, outgoing: Outgoing) -> None:
        super().__init__(database, settings, outgoing)
        self.known: dict[tuple[int, int], tuple[float, KnownHook | None]] = {}
        # By workspace and app; and of each workspace who puts it into rows.
        self.gathered: dict[int, dict[int, Gathered]] = {}
        self.gathered_text = 0
        self.putting: dict[int, asyncio.Task[None]] = {}

    def offer(self, workspace: int, app_id: int, event: dict[str, Any]) -> None:
        """Tell an app's server of an event, if it wants to be told."""
        kind = KIND_OF_EVENT[event["name"]]
        until, hook = self.known.get((workspace, app_id), (0.0, None))
        if until > time.monotonic() and (hook is None or kind not in hook.kinds):
            return
        gathered = self.gathered.setdefault(workspace, {}).setdefault(app_id, Gathered())
        self.gathered_text += gathered.add(kind, write_hook_event(event))
        while self.gathered_text > MOST_GATHERED_OF_ALL:
            every = [each for apps in self.gathered.values() for each in apps.values()]
            self.gathered_text -= max(every, key=lambda each: each.size).drop_first()
        if workspace not in self.putting:
            self.putting[workspace] = asyncio.create_task(self.put_soon(workspace))

    async def put_soon(self, workspace: int) -> None:
        """Put what is gathered of a workspace's apps into rows, until nothing is left. Each workspace's is put beside
        the others', as the writers of one may be busy for long."""
        try:
            wait = GATHERED_FOR
            while workspace in self.gathered:
                await asyncio.sleep(wait)
                done = await self.put_all(workspace)
                waits_long = any(each.fills_a_part() for each in self.gathered.get(workspace, {}).values())
                wait = (0 if waits_long else GATHERED_FOR) if done else PUT_AGAIN_AFTER
        finally:
            del self.putting[workspace]

    async def put_all(self, workspace: int) -> bool:
        """Put what is gathered of a workspace's apps into rows, a part of each; whether that could be done for each."""
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
        """Put the first of what is gathered for an app into rows, as much as one transaction takes."""
        hook = await self.find(workspace, app_id)
        dropped, taken = gathered.count_dropped(), gathered.list_part()
        if dropped and hook is not None:
            log.warning("too much happens until it can be kept: the oldest is dropped", app=app_id, events=dropped)
        wanted = [(kind, text) for _, kind, text in taken if hook is not None and kind in hook.kinds]
        if wanted:
            async with self.database.write(workspace) as transaction:
                hook = await find_hook(transaction, app_id, self.settings.secret_key)  # as it is by now
                wanted = [each for each in wanted if hook is not None and each[0] in hook.kinds]
                await add_hook_events(transaction, app_id, await note_told(transaction, app_id, wanted))
        if taken:
            self.gathered_text -= gathered.forget(taken[-1][0])

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

    async def list_due(self, transaction: Transaction, full: Sequence[int]) -> Sequence[Any]:
        """What is due, but of suspended workspaces."""
        return await transaction.rows(LIST_DUE_APP_TURNS, full=full)

    async def do(self, turn: AppTurn) -> None:
        """Send the events that wait, or what was asked for."""
        await (self.send_events(turn) if turn.what == "events" else self.send_asked(turn))

    async def send_events(self, turn: AppTurn) -> None:
        """Send one packet after another, until nothing is left, something fails, or it is others' turn."""
        began = time.monotonic()
        while time.monotonic() - began < TURN_SECONDS_AT_MOST:
            async with self.database.read(turn.workspace_id) as transaction:
                hook = await find_hook(transaction, turn.app_id, self.settings.secret_key)
                if transaction.tenant.suspended_at is not None:
                    break
                waiting = await transaction.column(LIST_FIRST_EVENTS, app_id=turn.app_id, most=MOST_IN_PACKET)
            events = take_packet(waiting)
            wanted = [each.body for each in events if hook is not None and each.kind in hook.kinds]
            body, came = "", CameBack()
            if hook is not None and wanted:
                body = write_packet(wanted)
                came = await self.post(hook, body)
                if not came.taken:
                    await self.note_failure(turn, body, came)
                    return
            if await self.settle(turn, events[-1].id if events else 0, body, came):
                return
        await self.release(turn)

    async def settle(self, turn: AppTurn, upto: int, body: str, came: CameBack) -> bool:
        """Forget events that were told, with what was answered; whether no more wait. Raises LeaseLost."""
        async with self.database.write(turn.workspace_id) as transaction:
            await hold(transaction, AppTurn, turn.id, turn.lease)
            await forget_hook_events(transaction, turn.app_id, upto)
            if body:
                await keep_app_delivery(transaction, turn.app_id, body, came)
            here = AppTurn.id == turn.id
            if await transaction.value(FIND_ANY_EVENT, app_id=turn.app_id) is None:
                await transaction.execute(delete(AppTurn).where(here))
                return True
            await transaction.execute(update(AppTurn).where(here).values(attempts=0, failures=0))
            turn.failures = 0
            return False

    async def note_failure(self, turn: AppTurn, body: str, came: CameBack) -> None:
        """Try again later. Raises LeaseLost."""
        failures = turn.failures + 1
        wait = back_off(failures, first=FIRST_HOOK_PAUSE, longest=LONGEST_HOOK_PAUSE) - now()
        due = now() + wait * random.uniform(0.8, 1.2)  # noqa: S311
        log.warning("an app's server can't be told; it is tried again", app=turn.app_id, reason=came.why, at=due)
        async with self.database.write(turn.workspace_id) as transaction:
            await hold(transaction, AppTurn, turn.id, turn.lease)
            later = update(AppTurn).where(AppTurn.id == turn.id)
            await transaction.execute(later.values(leased_until=None, due_at=due, attempts=0, failures=failures))
            await keep_app_delivery(transaction, turn.app_id, body, came)

    async def send_asked(self, turn: AppTurn) -> None:
        """Send a packet once more, if it is still kept, to where the app's webhook goes now, and keep what came of it.
        Raises LeaseLost."""
        async with self.database.read(turn.workspace_id) as transaction:
            hook = await find_hook(transaction, turn.app_id, self.settings.secret_key)
            found = await transaction.value(APP_DELIVERIES.find, id=turn.delivery_id, whose=turn.app_id)
        body, came = "", CameBack(error=NO_HOOK)
        if found is not None:
            body = write_packet([write_hook_event(event) for event in json.loads(found.body)["events"]])
            came = await self.post(hook, body) if hook is not None else came
        async with self.database.write(turn.workspace_id) as transaction:
            await hold(transaction, AppTurn, turn.id, turn.lease)
            await transaction.execute(delete(AppTurn).where(AppTurn.id == turn.id))
            if body:
                await keep_app_delivery(transaction, turn.app_id, body, came)
                push_deliveries(transaction, f"app-{turn.app_id}")

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

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send while the block runs; then put what is left into rows."""
        try:
            async with super().running():
                yield
        finally:
            if self.putting:
                await asyncio.wait(self.putting.values(), timeout=HOOKS_GRACE)
            for task in self.putting.values():
                task.cancel()


def write_hook_event(event: Any) -> str:
    """An event as JSON, in as many bytes as it has characters."""
    return json.dumps(event, separators=(",", ":"))


def write_packet(events: Sequence[str]) -> str:
    """Some events, as JSON, as they are sent now: the libraries of servers refuse what says that it is old."""
    return f'{{"time_ms":{round(time.time() * 1000)},"events":[{",".join(events)}]}}'


def take_packet(events: Sequence[AppHookEvent]) -> list[AppHookEvent]:
    """The first of some events, as many as one packet takes."""
    taken: list[AppHookEvent] = []
    size = 0
    for each in events:
        if taken and size + each.size > PACKET_BYTES:
            break
        taken.append(each)
        size += each.size
    return taken
