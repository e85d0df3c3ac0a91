"""Jobs: what has to be done later or again and again, once over all workers, and in spite of a restart.

A job is a row, put there in the transaction of its cause. Kept libraries were looked at: they want a database or a
broker of their own (Redis, PostgreSQL alone) or their own processes; this is one table and one conditional UPDATE.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field
from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint, and_, bindparam, case, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, Database, PreparedChange, Transaction, UtcDateTime, now
from app.database.leases import Leased, hold, is_free, renew_lease
from app.settings import Settings


class Job(Leased, Base):
    """A job that waits or is being done; `key` is what there is one of at a time.

    One that is asked for while it is being done has no `attempts`: it is done once more.
    """

    __tablename__ = "job"
    __table_args__ = (UniqueConstraint("name", "key"),)

    name: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(120))
    workspace_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)


class ClaimedJob(Struct):
    """A claimed job, as its function gets it.

    What it changes in the database it changes in `finishing`, which settles the job in the same transaction: so it is
    done once, whatever happens. `again` is when to do it again, None for when it comes round by itself, or never.
    """

    database: Database
    settings: Settings
    job_id: int
    lease: int
    workspace_id: int | None
    payload: dict[str, Any]
    every: timedelta | None
    seconds: int = 60
    again: datetime | None = None
    finished: bool = False
    kept_at: float = field(default_factory=time.monotonic)

    async def keep(self) -> None:
        """Go on being who does it, however long that takes: for a job of many steps, called between two of them.

        Raises LeaseLost when somebody else has claimed it meanwhile.
        """
        if time.monotonic() - self.kept_at > self.seconds / 4:
            async with self.database.write() as transaction:
                await renew_lease(transaction, Job, self.job_id, self.lease, seconds=self.seconds)
            self.kept_at = time.monotonic()

    @contextlib.asynccontextmanager
    async def finishing(self) -> AsyncIterator[Transaction]:
        """The transaction, in the job's workspace, that ends the job. If it was asked for since, it is done again.

        Raises LeaseLost when somebody else has claimed it meanwhile.
        """
        async with self.database.write(self.workspace_id) as transaction:
            await hold(transaction, Job, self.job_id, self.lease)
            yield transaction
            here = Job.id == self.job_id
            again = self.again or (now() + self.every if self.every else None)
            if await self.is_asked_again(transaction):
                again = now()
            change: Any = delete(Job).where(here)
            if again is not None:
                change = update(Job).where(here).values(due_at=again, leased_until=None, attempts=0)
            await transaction.execute(change)
        self.finished = True

    async def is_asked_again(self, transaction: Transaction) -> bool:
        """Whether it was asked for since it began: then it is done once more."""
        return not await transaction.scalar(select(Job.attempts).where(Job.id == self.job_id))


Function = Callable[[ClaimedJob], Awaitable[None]]


class Registered(Struct, frozen=True):
    """A function that does jobs of a name; `seconds` is how long one may take before another worker tries."""

    function: Function
    every: timedelta | None
    seconds: int


FUNCTIONS: dict[str, Registered] = {}


def job(name: str, *, every: timedelta | None = None, seconds: int = 60) -> Callable[[Function], Function]:
    """Register the function of a job; with `every`, there is always one."""

    def add(function: Function) -> Function:
        FUNCTIONS[name] = Registered(function, every, seconds)
        return function

    return add


EARLIEST = bindparam("moment", type_=UtcDateTime())
HASTEN = PreparedChange(
    lambda: (
        update(Job)
        .where(Job.name == bindparam("job"), Job.key == bindparam("one_of"))
        .values(
            due_at=case((Job.due_at > EARLIEST, EARLIEST), else_=Job.due_at),
            attempts=case((and_(Job.leased_until.is_not(None), ~is_free(Job)), 0), else_=Job.attempts),
        )
    )
)


async def put_job(
    transaction: Transaction,
    name: str,
    *,
    key: str = "",
    at: datetime | None = None,
    workspace_id: int | None = None,
    **payload: Any,
) -> None:
    """Have something done, at a moment or at once. With a key that waits already, it is done at the earlier moment;
    with one that is being done, once more after that.

    A key names one workspace or something in it: as its writers come one after another, nobody puts the same meanwhile.
    """
    due = at or now()
    if key and await hasten(transaction, name, key, due):
        return
    made = Job(name=name, key=key or secrets.token_hex(16), workspace_id=workspace_id, payload=payload, due_at=due)
    await transaction.insert(made)
    transaction.due = True


async def hasten(transaction: Transaction, name: str, key: str, due: datetime) -> bool:
    """Let a waiting job be due earlier if it is not. False when there is none.

    The row is written in any case: a job that is just ending sees what this transaction brings, and one that is being
    done comes again.
    """
    found = await transaction.apply(HASTEN, job=name, one_of=key, moment=due)
    transaction.due = True
    return found.changed > 0
