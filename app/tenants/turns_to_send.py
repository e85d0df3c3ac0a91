"""Turns to send: what servers of others are to be told, which one worker at a time sends, for all kinds of webhooks.

A turn is a row that is claimed by a lease, so that one of all workers has it, and a process that dies leaves it to the
next. Of several turns at once each is on its own: what fails at one holds up no other.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Generic, TypeVar

import structlog
from sqlalchemy import ForeignKey, String, update
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Database, Transaction, now
from app.database.leases import Leased, LeaseLost, claim
from app.jobs.runner import STOP_GRACE, Loop
from app.settings import Settings
from app.web.errors import Gone
from app.web.outgoing import Outgoing

# Longer than anything takes that is done with a turn before it is let go, or prolonged by the next claim.
TURN_LEASE = 40
# A worker sends to so many servers at once, and of one workspace to fewer; and goes on with one for so long.
MOST_SENDING = 16
MOST_OF_WORKSPACE = 4
TURN_SECONDS_AT_MOST = 5.0
LOOKED_AT_DUE = 100
# What can't be looked after is tried again after a while.
LOOKED_AFTER_AGAIN = timedelta(seconds=5)

log = structlog.get_logger("webhooks")


class SendingTurn(Leased):
    """Mixin of a row that says what a server is still to be told, of a workspace's; `failures` counts the tries since
    it has last taken something.

    It is outside of the wall between workspaces, as workers look for what is due in all of them.
    """

    workspace_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(String(10))
    failures: Mapped[int] = mapped_column(default=0, server_default="0")


AnyTurn = TypeVar("AnyTurn", bound=SendingTurn)


class TurnSender(ABC, Generic[AnyTurn]):
    """This process's part in sending what is due of one kind of turns."""

    model: ClassVar[Any]
    called: ClassVar[str]

    def __init__(self, database: Database, settings: Settings, outgoing: Outgoing | None = None) -> None:
        self.database = database
        self.settings = settings
        self.outgoing = outgoing or Outgoing(settings)
        self.sending: dict[asyncio.Task[None], int] = {}
        self.loop = Loop(database, self.step, self.called)

    @abstractmethod
    async def list_due(self, transaction: Transaction, full: Sequence[int]) -> Sequence[Any]:
        """The ids of the turns that are due, each with its workspace's, but of workspaces that have their places."""

    @abstractmethod
    async def do(self, turn: AnyTurn) -> None:
        """Send what there is to be sent with a claimed turn. Raises LeaseLost."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send while the block runs; then let what is on its way arrive."""
        try:
            async with self.loop.running():
                yield
        finally:
            if self.sending:
                await asyncio.wait(self.sending, timeout=STOP_GRACE)
            for task in list(self.sending):
                task.cancel()
            await asyncio.gather(*self.sending, return_exceptions=True)
            self.outgoing.close()

    async def step(self) -> bool:
        """Begin with what is due, as far as there is room; False when nothing was begun."""
        if len(self.sending) >= MOST_SENDING:
            return False
        busy, begun = Counter(self.sending.values()), False
        full = [workspace for workspace, sending in busy.items() if sending >= MOST_OF_WORKSPACE]
        async with self.database.read() as transaction:
            due = await self.list_due(transaction, full)
        for turn_id, workspace_id in due:
            if len(self.sending) >= MOST_SENDING:
                break
            if busy[workspace_id] >= MOST_OF_WORKSPACE:
                continue
            async with self.database.write() as transaction:
                turn = await claim(transaction, self.model, turn_id, seconds=TURN_LEASE)
            if turn is None:
                continue
            task = asyncio.create_task(self.take(turn))
            self.sending[task] = workspace_id
            task.add_done_callback(self.let_go)
            busy[workspace_id] += 1
            begun = True
        return begun

    def let_go(self, task: asyncio.Task[None]) -> None:
        """There is room for another."""
        del self.sending[task]
        self.loop.wake.set()

    async def take(self, turn: AnyTurn) -> None:
        """Do what there is to be done with a claimed turn. Whatever goes wrong with it is its own."""
        try:
            await self.do(turn)
        except (LeaseLost, Gone, LookupError):
            log.info("somebody has changed a webhook while something was sent to it", of=self.called, turn=turn.id)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await asyncio.shield(self.release(turn))
            raise
        except Exception as error:
            log.error("a webhook can't be looked after; it is tried again", of=self.called, reason=repr(error))
            with contextlib.suppress(Exception):
                await self.release(turn, wait=LOOKED_AFTER_AGAIN)

    async def release(self, turn: AnyTurn, *, wait: timedelta = timedelta(0)) -> None:
        """Let others have the turn, after a while."""
        async with self.database.write() as transaction:
            statement: Any = update(self.model).where(self.model.id == turn.id, self.model.lease == turn.lease)
            await transaction.execute(statement.values(leased_until=None, due_at=now() + wait, attempts=0))
