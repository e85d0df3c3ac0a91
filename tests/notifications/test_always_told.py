"""What is always told is mailed whatever is read, muted or chosen; and all that is due is in one mail each."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

import app.database.leases
import app.jobs.jobs
import app.notifications.mails
import app.notifications.notifications
from app.accounts.facts import OfMember, PasswordChanged, RoleChanged, SignedInFromNewDevice
from app.accounts.members import Member, find_member
from app.database import Database, Transaction, now
from app.jobs.jobs import FUNCTIONS, ClaimedJob, Job
from app.mail.outbox import Content, Mail, Urgency
from app.notifications.following import mute
from app.notifications.inbox import mark_notifications_read
from app.notifications.kinds import NOTIFICATION_KINDS
from app.notifications.mail_times import choose_times
from app.notifications.mails import write_mail
from app.notifications.models import Activity, Notification
from app.notifications.notifications import notify
from app.notifications.preferences import Choice, choose
from app.tenants.members import end_account, suspend_member
from tests.faults.extent import times
from tests.test_isolation import SETTINGS

ACME = 1


async def find(transaction: Transaction, name: str) -> Member:
    found = await find_member(transaction, f"{name}@acme.test")
    assert found
    return found


def happen(transaction: Transaction, what: str, member: Member, *, by: Member, device: str = "Firefox") -> None:
    """Note what has happened to an account."""
    actor, about = transaction.acting(by.id), {"member_id": member.id, "email": ""}
    facts: dict[str, OfMember] = {
        "password": PasswordChanged(by=actor, how="link", **about),
        "sign-in": SignedInFromNewDevice(by=actor, device=device, address="203.0.113.7", **about),
        "role": RoleChanged(by=actor, before="admin", after=member.role, **about),
    }
    transaction.note(facts[what])


async def bundle(database: Database) -> None:
    """Do the job that puts what is due into the outbox."""
    async with database.write() as transaction:
        job = (await transaction.scalars(select(Job).where(Job.name == "notification mails"))).one()
        job.lease += 1
    work = ClaimedJob(database, SETTINGS, job.id, job.lease, ACME, {}, None)
    await FUNCTIONS["notification mails"].function(work)


async def write_all(database: Database) -> list[tuple[int, Content]]:
    """The mails in the outbox as they would be sent, with their urgency."""
    async with database.read() as transaction:
        waiting = (await transaction.scalars(select(Mail).order_by(Mail.urgency, Mail.id))).all()
    async with database.read(ACME) as transaction:
        written = [(mail.urgency, await write_mail(transaction, SETTINGS, mail.payload)) for mail in waiting]
    return [(urgency, content) for urgency, content in written if content]


@pytest.mark.parametrize("what", ["password", "sign-in", "role"])
async def test_whoever_has_got_into_an_account_cannot_keep_its_owner_from_being_told(
    database: Database, what: Any
) -> None:
    async with database.write(ACME) as transaction:
        carla = await find(transaction, "carla")
        await choose(transaction, carla.id, NOTIFICATION_KINDS[what], Choice(in_app=False, mail="never"))
        await choose_times(transaction, carla, quiet_from=0, quiet_until=1439, time_zone="UTC")
        await mute(transaction, carla, "account", carla.id)
        happen(transaction, what, carla, by=carla)
    async with database.write(ACME) as transaction:
        carla = await find(transaction, "carla")
        await notify(transaction, kind="mention", subject=("room", 1), to=[carla.id], details={"excerpt": "Buried"})
        assert await mark_notifications_read(transaction, carla)
        carla.suspended_at = now()
    await bundle(database)
    ((urgency, mail),) = await write_all(database)
    assert urgency == Urgency.AT_ONCE
    assert mail.receiver == "carla@acme.test"
    assert "account" in mail.text or "password" in mail.text
    leads_to_password = "/account/security\n" in mail.text
    assert leads_to_password == (what != "role")


async def test_it_comes_in_mails_of_its_own_however_much_else_there_is(database: Database) -> None:
    async with database.write(ACME) as transaction:
        carla = await find(transaction, "carla")
        await choose(transaction, carla.id, NOTIFICATION_KINDS["direct"], Choice(in_app=True, mail="once"))
        happen(transaction, "password", carla, by=carla)
        for number in range(60):
            happen(transaction, "sign-in", carla, by=carla, device=f"Browser {number}.")
            await notify(
                transaction, kind="direct", subject=("account", carla.id), to=[carla.id], details={"excerpt": "x"}
            )
    async with database.write(ACME) as transaction:
        await transaction.execute(update(Notification).where(Notification.mail_at > now()).values(mail_at=now()))
    await bundle(database)
    mails = await write_all(database)
    told = "".join(mail.text for urgency, mail in mails if urgency == Urgency.AT_ONCE)
    assert "Your password was changed" in told
    assert all(f"Browser {number}." in told for number in range(60))


@pytest.mark.parametrize("before", ["nothing", "bundled", "tried in vain"])
@pytest.mark.parametrize("who", ["carla", "ana"])
async def test_whoever_ends_an_account_cannot_keep_its_owner_from_being_told(
    database: Database, before: str, who: str
) -> None:
    async with database.write(ACME) as transaction:
        carla = await find(transaction, "carla")
        happen(transaction, "sign-in", carla, by=carla, device="Evil 1.0")
    if before != "nothing":
        await bundle(database)
    async with database.write(ACME) as transaction:
        if before == "tried in vain":
            await transaction.execute(update(Mail).values(lease=1, attempts=1))
        carla, actor = await find(transaction, "carla"), await find(transaction, who)
        await end_account(transaction, carla, actor, "left" if who == "carla" else "removed")
        assert carla.email is None
    mails = [mail for _, mail in await write_all(database)]
    assert {mail.receiver for mail in mails} == {"carla@acme.test"}
    told = "".join(mail.text for mail in mails)
    assert "Evil 1.0" in told
    assert ("Ana closed your account" if who == "ana" else "Your account was closed. If this wasn't you") in told
    await bundle(database)
    assert len(await write_all(database)) == len(mails)


async def test_who_is_suspended_is_told_of_what_becomes_of_the_account(database: Database) -> None:
    async with database.write(ACME) as transaction:
        carla, ana = await find(transaction, "carla"), await find(transaction, "ana")
        await suspend_member(transaction, carla, ana)
    async with database.write(ACME) as transaction:
        carla, ana = await find(transaction, "carla"), await find(transaction, "ana")
        happen(transaction, "role", carla, by=ana)
    await bundle(database)
    async with database.write(ACME) as transaction:
        carla, ana = await find(transaction, "carla"), await find(transaction, "ana")
        await end_account(transaction, carla, ana, "removed")
    mails = [mail for _, mail in await write_all(database)]
    assert {mail.receiver for mail in mails} == {"carla@acme.test"}
    told = "".join(mail.text for mail in mails)
    assert "You are now a member" in told or "now a member of the workspace" in told
    assert "Ana closed your account" in told


async def test_a_mail_of_more_notifications_than_a_statement_takes_values_is_written(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.notifications.mails, "MOST_AT_ONCE", 7)
    async with database.write(ACME) as transaction:
        carla = await find(transaction, "carla")
        await choose(transaction, carla.id, NOTIFICATION_KINDS["direct"], Choice(in_app=True, mail="once"))
        for _ in range(60):
            await notify(
                transaction, kind="direct", subject=("account", carla.id), to=[carla.id], details={"excerpt": "x"}
            )
        await transaction.execute(update(Notification).where(Notification.mail_at > now()).values(mail_at=now()))
    await bundle(database)
    ((_, mail),) = await write_all(database)
    assert mail.subject.startswith("60 notifications")
    assert "10" in mail.text


class PlayedClock:
    """A clock that goes on by a step each time somebody looks at it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 7, 1, 12, tzinfo=UTC)
        self.step = timedelta()

    def __call__(self) -> datetime:
        self.moment += self.step
        return self.moment


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("told"), st.sampled_from(["carla", "davi"]), st.integers(0, 8)),
            st.tuples(st.just("bundle"), st.just(""), st.integers(0, 8)),
        ),
        min_size=2,
        max_size=14,
    )
)
@settings(
    max_examples=times(10, 25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
async def test_every_notification_that_is_no_more_to_be_mailed_is_in_one_mail(
    database: Database, steps: list[tuple[str, str, int]]
) -> None:
    clock = PlayedClock()
    with pytest.MonkeyPatch.context() as patch:
        for module in (app.notifications.mails, app.notifications.notifications, app.database.leases, app.jobs.jobs):
            patch.setattr(module, "now", clock)
        async with database.write(ACME) as transaction:
            for model in (Notification, Activity):
                await transaction.execute(delete(model))
            for name in ("carla", "davi"):
                person = await find(transaction, name)
                await choose(transaction, person.id, NOTIFICATION_KINDS["mention"], Choice(in_app=True, mail="once"))
            await notify(transaction, kind="mention", subject=("room", 1), to=[person.id])
        async with database.write() as transaction:
            await transaction.execute(delete(Mail))
        for what, name, seconds in steps:
            clock.step = timedelta(seconds=seconds)
            if what == "told":
                async with database.write(ACME) as transaction:
                    person = await find(transaction, name)
                    await notify(transaction, kind="mention", subject=("room", 1), to=[person.id])
            else:
                async with database.read() as transaction:
                    there = await transaction.scalar(select(Job.id).where(Job.name == "notification mails"))
                if there:
                    await bundle(database)
    async with database.read(ACME) as transaction:
        rows = (await transaction.execute(select(Notification.id, Notification.mail_at))).all()
    async with database.read() as transaction:
        mails = (await transaction.scalars(select(Mail))).all()
    mailed = Counter(number for mail in mails for number in mail.payload["notifications"])
    assert mailed == Counter(row.id for row in rows if row.mail_at is None)
