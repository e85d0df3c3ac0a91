"""Transactions: readers see one snapshot, the writers of a workspace work one after another."""

from __future__ import annotations

import asyncio
import builtins
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy.exc import TimeoutError

from app.database import postgresql, sqlite
from app.database.begun import BEGUN
from app.database.facts import Followers
from app.database.fairness import FOR_WORKSPACE, FairTurns
from app.database.file_turns import FileTurns
from app.database.steps import HURRIED
from app.database.transaction import Transaction

# How long to wait for others who write, or read.
TURN_SECONDS = 10
# On PostgreSQL, how many of a workspace's writers are on their way: one writes, and the next one waits for its lock.
WRITERS_OF_EACH = 2
# The tasks that have a writing transaction open. (A context variable would not do: it may end in another task.)
WRITERS: set[asyncio.Task[Any] | None] = set()


class HoldsWriter(RuntimeError):
    """Something that may take long was begun in a writing transaction: all who write there would wait for it too."""


def check_holds_no_writer() -> None:
    """Raise HoldsWriter in a writing transaction. For what asks others, or computes, before it is known what to do."""
    if asyncio.current_task() in WRITERS:
        raise HoldsWriter("a writing transaction is open: ask before it, or look in a reading one first")


class Database:
    """The engine of this process.

    On SQLite there is one writing connection, and several reading ones beside it: writers wait for each other here and
    not in the file's lock, and processes take turns at the file (`file_turns.py`). On PostgreSQL, writing and reading
    connections are in pools of their own, so that a request that reads and then writes never waits for itself. Who
    wants one waits for a turn, which is fair between workspaces (`fairness.py`): a pool gives a connection that has
    just become free to whoever asks in that moment. A workspace has half of those that read at most, so that others
    never wait for what takes it long.

    `followers` are what follows from facts: nothing, for work on tables alone. `writing` is how many of this process's
    transactions write now, or wait until they may.
    """

    def __init__(self, url: str, followers: Followers | None = None, *, readers: int = 8, writers: int = 8) -> None:
        self.url = url
        self.followers = followers or Followers()
        self.among_processes: FileTurns | None = None
        if url.startswith("postgresql"):
            self.writer = postgresql.create_engine(url, reads=False, pool_size=writers)
            self.reader = postgresql.create_engine(url, reads=True, pool_size=readers)
        else:
            self.writer = sqlite.create_engine(url, begin="BEGIN IMMEDIATE", pool_size=1)
            if path := self.writer.url.database:
                self.among_processes = FileTurns(Path(path))
            self.reader = sqlite.create_engine(url, begin="BEGIN", pool_size=readers)
        self.on_commit: list[Callable[[Transaction], None]] = []
        self.on_due: list[Callable[[], None]] = []
        self.writing = 0
        self.to_write = FairTurns(1 if self.writer.dialect.name == "sqlite" else writers, WRITERS_OF_EACH)
        self.to_read = FairTurns(readers, max(1, readers // 2))

    @asynccontextmanager
    async def read(self, tenant_id: int | None = None) -> AsyncIterator[Transaction]:
        """One snapshot, of one tenant if given; nothing that is changed is kept."""
        options: dict[str, Any] = {
            "writes": False,
            "followers": self.followers,
            "expire_on_commit": False,
            "autoflush": False,
        }
        # Who is in a transaction already does not wait for a turn behind those who wait for their first.
        turn = nullcontext() if asyncio.current_task() in BEGUN else self._in_turn(self.to_read, tenant_id)
        async with turn, Transaction(self.reader, **options) as transaction:
            await self._enter(transaction, tenant_id)
            yield transaction

    @asynccontextmanager
    async def count(self) -> AsyncIterator[Transaction]:
        """One snapshot of the numbers of all tenants, for operators; it can read nothing else, and write nothing."""
        async with self.read() as transaction:
            transaction.sync_session.count()
            yield transaction

    @asynccontextmanager
    async def write(self, tenant_id: int | None = None) -> AsyncIterator[Transaction]:
        """A transaction that commits at the end of the block, and is undone when the block raises."""
        task = asyncio.current_task()
        self.writing += 1
        if self.to_write.at_once == 1:  # all who write wait for it, and not just those of its workspace
            HURRIED.add(task)
        try:
            async with (
                self._in_turn(self.to_write, tenant_id),
                Transaction(self.writer, writes=True, followers=self.followers, expire_on_commit=False) as transaction,
            ):
                WRITERS.add(task)
                await self._enter(transaction, tenant_id)
                yield transaction
                await transaction.complete()
        finally:
            WRITERS.discard(task)
            HURRIED.discard(task)
            self.writing -= 1
        for announce in self.on_commit:
            announce(transaction)
        if transaction.due:
            for wake in self.on_due:
                wake()
        for follow in transaction.after_commit:
            await follow()

    @asynccontextmanager
    async def _in_turn(self, turns: FairTurns, tenant_id: int | None) -> AsyncIterator[None]:
        try:
            line = await turns.enter(FOR_WORKSPACE.get() or tenant_id, TURN_SECONDS)
        except builtins.TimeoutError as error:
            raise TimeoutError(f"other transactions have been at it for {TURN_SECONDS} s") from error
        began = time.perf_counter()
        try:
            if turns is self.to_write and self.among_processes is not None:
                async with self.among_processes.take(TURN_SECONDS, lambda: bool(turns.queues)):
                    yield
            else:
                yield
        finally:
            turns.end(line, time.perf_counter() - began)

    async def _enter(self, transaction: Transaction, tenant_id: int | None) -> None:
        if tenant_id is not None:
            tenant = await transaction.find_tenant("id", tenant_id)
            if tenant is None:
                raise LookupError(f"there is no tenant {tenant_id}")
            transaction.enter(tenant)

    async def close(self) -> None:
        """Close all connections."""
        await self.reader.dispose()
        await self.writer.dispose()
        if self.among_processes is not None:
            self.among_processes.close()
