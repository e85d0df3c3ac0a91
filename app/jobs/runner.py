"""The runner: does what is due, in each process of the program. Who claims a row first has it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from app.database import Database
from app.database.leases import LeaseLost, back_off, claim, find_due
from app.jobs.jobs import FUNCTIONS, ClaimedJob, Job, Registered
from app.settings import Settings

JOBS_POLL_SECONDS = 1.0
# How long what is under way may take to end when the program stops.
STOP_GRACE = 5.0
# How often a job is tried that fails, in some three days. What comes round is tried for ever.
MOST_JOB_ATTEMPTS = 80

log = structlog.get_logger("jobs")


class Loop:
    """Calls a function until it has nothing to do, then waits for a second or for a commit that brings something."""

    def __init__(self, database: Database, step: Callable[[], Awaitable[bool]], what: str) -> None:
        self.step = step
        self.what = what
        self.wake = asyncio.Event()
        self.stopping = False
        database.on_due.append(self.wake.set)

    async def run(self) -> None:
        """Do what is due until told to stop."""
        while not self.stopping:
            busy = False
            try:
                busy = await self.step()
            except Exception as error:
                log.error(f"{self.what} can't be looked after; it is tried again", reason=repr(error))
            if not busy and not self.stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), JOBS_POLL_SECONDS)
                self.wake.clear()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run while the block does; then let what is under way end."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            self.stopping = True
            self.wake.set()
            await asyncio.wait([task], timeout=STOP_GRACE)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


class Runner:
    """Does the jobs."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.prepared = False
        self.loop = Loop(database, self.step, "jobs")

    async def step(self) -> bool:
        """Do one job that is due. False when there is none."""
        if not self.prepared:
            await self.prepare()
            self.prepared = True
        async with self.database.read() as transaction:
            job_id = await find_due(transaction, Job)
            job = await transaction.get(Job, job_id) if job_id else None
        if job is None:
            return False
        registered = FUNCTIONS.get(job.name)
        seconds = registered.seconds if registered else 3600
        async with self.database.write() as transaction:
            claimed = await claim(transaction, Job, job.id, seconds=seconds)
        if claimed is None:
            return True
        if registered is None:
            log.error("a job of a name that this version doesn't know; it is left", job=job.name)
            return True
        await self.do(claimed, registered)
        return True

    async def do(self, job: Job, registered: Registered) -> None:
        """Do a claimed job; one that fails is tried again, later each time."""
        known = job.id, job.lease, job.workspace_id, job.payload
        work = ClaimedJob(self.database, self.settings, *known, registered.every, registered.seconds)
        try:
            await registered.function(work)
            if not work.finished:
                async with work.finishing():
                    pass
        except LeaseLost:
            log.info("a job took too long, and somebody else does it", job=job.name)
        except Exception as error:
            again = back_off(job.attempts, first=timedelta(seconds=5), longest=timedelta(hours=1))
            change: Any = update(Job).values(due_at=again, leased_until=None)
            if job.attempts >= MOST_JOB_ATTEMPTS and registered.every is None:
                log.error("a job is given up", job=job.name, attempts=job.attempts, reason=repr(error))
                change = delete(Job).where(Job.attempts > 0)  # one that was asked for since comes again
            else:
                log.error("a job failed; it is tried again", job=job.name, attempt=job.attempts, reason=repr(error))
            async with self.database.write() as transaction:
                await transaction.execute(change.where(Job.id == job.id, Job.lease == job.lease))

    async def prepare(self) -> None:
        """See to it that each job that comes round is there."""
        for name, registered in FUNCTIONS.items():
            if registered.every is None:
                continue
            with contextlib.suppress(IntegrityError):  # another process was faster
                async with self.database.write() as transaction:
                    if await transaction.scalar(select(Job.id).where(Job.name == name, Job.key == "")) is None:
                        transaction.add(Job(name=name, key="", workspace_id=None, payload={}))
