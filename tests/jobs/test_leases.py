"""What somebody is doing is theirs as long as it goes on, and soon somebody else's when they have died."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.database import Database, Transaction
from app.database.leases import LeaseLost, claim
from app.jobs.jobs import FUNCTIONS, ClaimedJob, Job, put_job
from app.jobs.sweeps import Sweep, sweep_one
from app.mail.delivery import Delivery, DeliveryOutcome
from app.mail.outbox import FailedMail, Mail
from app.settings import Settings
from tests.test_isolation import SETTINGS


async def test_a_sweep_says_after_each_part_that_it_goes_on_and_ends_when_it_is_another_worker_s(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[int] = []

    async def sweep_some(transaction: Transaction, limit: int, settings: Settings) -> int:
        parts.append(limit)
        return limit

    async def keep() -> None:
        if len(parts) == 3:
            raise LeaseLost

    monkeypatch.setattr("app.jobs.sweeps.SWEEPS", [Sweep((FailedMail,), sweep_some)])
    with pytest.raises(LeaseLost):
        await sweep_one(database, SETTINGS, None, keep=keep)
    assert len(parts) == 3


async def test_a_sweep_keeps_its_lease_and_loses_it_to_who_has_claimed_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.write() as transaction:
        await put_job(transaction, "sweep", key="tried")
        job_id = await transaction.scalar(select(Job.id).where(Job.key == "tried"))
    assert job_id
    async with database.write() as transaction:
        claimed = await claim(transaction, Job, job_id, seconds=FUNCTIONS["sweep"].seconds)
    assert claimed
    assert FUNCTIONS["sweep"].seconds <= 60
    work = ClaimedJob(database, SETTINGS, job_id, claimed.lease, None, {}, None, kept_at=-1000)

    async def sweep_while_another_claims(transaction: Transaction, limit: int, settings: Settings) -> int:
        await transaction.execute(update(Job).where(Job.id == job_id).values(lease=Job.lease + 1))
        return 0

    monkeypatch.setattr("app.jobs.sweeps.SWEEPS", [Sweep((FailedMail,), sweep_while_another_claims)])
    with pytest.raises(LeaseLost):
        await FUNCTIONS["sweep"].function(work)


async def test_a_mail_is_kept_while_the_server_takes_its_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.mail.delivery.MAIL_LEASE", 0.03)
    async with database.write() as transaction:
        transaction.add(Mail(message_id="slow", composer="c", payload={}))
    delivery = Delivery(database, SETTINGS)
    others: list[Any] = []

    async def be_slow(mail: Mail) -> DeliveryOutcome:
        seen: set[int | None] = set()
        while len(seen) < 4:
            async with database.read() as transaction:
                seen.add(await transaction.scalar(select(Mail.leased_until).where(Mail.id == mail.id)))
            await asyncio.sleep(0)
        others.append(seen)
        return DeliveryOutcome()

    async def open_at_once() -> None:
        """The server is there."""

    monkeypatch.setattr(delivery.server, "open", open_at_once)
    monkeypatch.setattr(delivery, "try_to_deliver", be_slow)
    async with asyncio.timeout(30):
        assert await delivery.step()
    assert others
    async with database.read() as transaction:
        assert await transaction.scalar(select(func.count(Mail.id))) == 0
