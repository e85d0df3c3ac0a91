"""What is done later: once over all workers, in spite of restarts and of what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.accounts.facts import RoleChanged
from app.accounts.members import Member, find_member
from app.chat.new_rooms import open_direct
from app.database import Database, now
from app.database.leases import LeaseLost, claim, find_due
from app.features import open_database
from app.jobs.jobs import FUNCTIONS, ClaimedJob, Job, job, put_job
from app.jobs.runner import Runner
from app.notifications.announcements import Announcement, announce
from app.notifications.channels import count_unread_notifications
from app.notifications.inbox import mark_notifications_read, read_inbox
from app.notifications.models import Activity, Notification
from app.notifications.notifications import EVERYBODY, notify
from tests.databases import Store
from tests.test_isolation import SETTINGS

ACME = 1


@pytest.fixture
def done() -> Iterator[list[str]]:
    """What the job 'try' has done."""
    texts: list[str] = []

    @job("try")
    async def try_it(work: ClaimedJob) -> None:
        async with work.finishing() as transaction:
            tenant = transaction.tenant
            if work.payload.get("fail"):
                raise ValueError("it went wrong")
            texts.append(f"{tenant.slug} {work.payload['text']}")

    yield texts
    del FUNCTIONS["try"]


async def run_out(*runners: Runner) -> None:
    """Let runners work side by side until nothing is due."""
    for runner in runners:
        runner.prepared = True

    async def work(runner: Runner) -> None:
        while await runner.step():
            pass

    await asyncio.gather(*(work(runner) for runner in runners))


async def test_two_workers_do_each_job_once(database: Database, done: list[str]) -> None:
    other = open_database(database.url)
    async with database.write() as transaction:
        for number in range(12):
            await put_job(transaction, "try", workspace_id=ACME, text=str(number))
    await run_out(Runner(database, SETTINGS), Runner(other, SETTINGS))
    assert sorted(done) == sorted(f"acme {number}" for number in range(12))
    async with database.read() as transaction:
        assert list(await transaction.scalars(select(Job.id).where(Job.name == "try"))) == []
    await other.close()


async def test_a_job_of_a_cause_that_is_undone_is_not_there(database: Database, done: list[str]) -> None:
    with pytest.raises(RuntimeError):
        async with database.write() as transaction:
            await put_job(transaction, "try", workspace_id=ACME, text="never")
            raise RuntimeError
    await run_out(Runner(database, SETTINGS))
    assert done == []


async def test_a_job_that_fails_is_tried_later_and_keeps_no_other_from_being_done(
    database: Database, done: list[str]
) -> None:
    async with database.write() as transaction:
        await put_job(transaction, "try", workspace_id=ACME, text="bad", fail=True)
        await put_job(transaction, "try", workspace_id=ACME, text="good")
    await run_out(Runner(database, SETTINGS))
    assert done == ["acme good"]
    async with database.read() as transaction:
        (left,) = (await transaction.scalars(select(Job).where(Job.name == "try"))).all()
        assert (left.attempts, left.leased_until) == (1, None)
        assert left.due_at > now()


async def test_who_comes_back_after_the_lease_changes_nothing(database: Database, done: list[str]) -> None:
    async with database.write() as transaction:
        await put_job(transaction, "try", workspace_id=ACME, text="one")
    async with database.write() as transaction:
        job_id = await find_due(transaction, Job)
        assert job_id
        first = await claim(transaction, Job, job_id, seconds=-1)  # a lease that is over at once
        assert first
        lease = first.lease
    async with database.write() as transaction:
        assert await claim(transaction, Job, job_id, seconds=60)
        assert await claim(transaction, Job, job_id, seconds=60) is None
    work = ClaimedJob(database, SETTINGS, job_id, lease, ACME, {"text": "late"}, None)
    with pytest.raises(LeaseLost):
        await FUNCTIONS["try"].function(work)
    assert done == []


async def test_the_same_key_is_one_job_at_the_earlier_moment(database: Database, done: list[str]) -> None:
    later = now() + timedelta(hours=1)
    async with database.write() as transaction:
        await put_job(transaction, "try", key="k", workspace_id=ACME, at=later, text="one")
        await put_job(transaction, "try", key="k", workspace_id=ACME, at=now(), text="two")
        await put_job(transaction, "try", key="k", workspace_id=ACME, at=later, text="three")
    await run_out(Runner(database, SETTINGS))
    assert done == ["acme one"]


async def test_a_job_that_is_asked_for_while_it_is_done_is_done_again(database: Database, done: list[str]) -> None:
    async def ask() -> None:
        async with database.write() as transaction:
            await put_job(transaction, "asked again", key="k", workspace_id=ACME)

    @job("asked again")
    async def be_asked_again(work: ClaimedJob) -> None:
        done.append("begun")
        if len(done) < 3:
            await ask()

    try:
        await ask()
        await run_out(Runner(database, SETTINGS))
    finally:
        del FUNCTIONS["asked again"]
    assert done == ["begun"] * 3, "twice it was asked for while it was done"
    async with database.read() as transaction:
        assert list(await transaction.scalars(select(Job.id).where(Job.name == "asked again"))) == []


async def test_a_job_of_many_steps_is_one_worker_s_however_long_it_takes(database: Database, done: list[str]) -> None:
    async with database.write() as transaction:
        await put_job(transaction, "try", workspace_id=ACME, text="long")
    async with database.write() as transaction:
        job_id = await find_due(transaction, Job)
        assert job_id
        claimed = await claim(transaction, Job, job_id, seconds=-1)
        assert claimed
        work = ClaimedJob(database, SETTINGS, job_id, claimed.lease, ACME, {"text": "long"}, None, seconds=60)
    work.kept_at -= 60
    await work.keep()
    async with database.write() as transaction:
        assert await claim(transaction, Job, job_id, seconds=60) is None
        await transaction.execute(update(Job).where(Job.id == job_id).values(lease=Job.lease + 1))
    await work.keep()  # a moment later: nothing is asked
    work.kept_at -= 60
    with pytest.raises(LeaseLost):
        await work.keep()


async def people(transaction: Any) -> dict[str, Member]:
    return {member.name: member for member in await transaction.scalars(select(Member))}


async def test_who_is_an_admin_no_more_loses_what_admins_were_told(database: Database) -> None:
    async with database.write(ACME) as transaction:
        named = await people(transaction)
        await notify(
            transaction,
            kind="record-admin",
            subject=("record", 1),
            to="admin",
            by=named["Carla"],
            details={"fields": "Title"},
        )
    async with database.write(ACME) as transaction:
        named = await people(transaction)
        bruno = named["Bruno"]
        assert await count_unread_notifications(transaction, [bruno.id, named["Ana"].id, named["Davi"].id]) == {
            bruno.id: 1,
            named["Ana"].id: 1,
            named["Davi"].id: 0,
        }
        bruno.role = "member"
        await transaction.flush()
        by, about = transaction.acting(named["Ana"].id), {"member_id": bruno.id, "email": ""}
        transaction.note(RoleChanged(by=by, before="admin", after="member", **about))
    async with database.read(ACME) as transaction:
        found = await find_member(transaction, "bruno@acme.test")
        assert found
        assert await count_unread_notifications(transaction, [found.id]) == {found.id: 1}
        inbox = await read_inbox(transaction, found, unread_only=True)
        assert [group.subject for group in inbox.groups] == [f"account-{found.id}"]


async def test_an_announcement_that_has_ended_is_not_counted_by_a_process_that_runs_since_before(
    database: Database,
) -> None:
    async with database.write(ACME) as transaction:
        named = await people(transaction)
        carla = named["Carla"].id
        made = await announce(
            transaction, named["Ana"], title="Until now", text="", acknowledge=False, ends_at=now() + timedelta(days=1)
        )
    async with database.read(ACME) as transaction:
        assert await count_unread_notifications(transaction, [carla]) == {carla: 1}
    async with database.write(ACME) as transaction:
        await transaction.execute(update(Announcement).where(Announcement.id == made.id).values(ends_at=now()))
    async with database.read(ACME) as transaction:
        assert await count_unread_notifications(transaction, [carla]) == {carla: 0}


async def test_counts_of_few_and_of_many_agree(database: Database) -> None:
    async with database.write(ACME) as transaction:
        named = await people(transaction)
        room = await open_direct(transaction, [named["Ana"], named["Carla"]])
        await notify(transaction, kind="direct", subject=("room", room.id), to=EVERYBODY, by=named["Ana"])
        await notify(transaction, kind="newcomer", subject=("member", named["Davi"].id), to=EVERYBODY, by=named["Davi"])
    async with database.read(ACME) as transaction:
        ids = [member.id for member in (await people(transaction)).values()]
        few = await count_unread_notifications(transaction, ids)
        many = await count_unread_notifications(transaction, [*ids, *range(1000, 1030)])
        assert few == {member_id: many[member_id] for member_id in ids}
        assert sorted(few.values()) == [0, 1, 1, 2]


async def test_ten_thousand_are_listed_counted_and_read_in_a_few_statements(database: Database) -> None:
    async with database.write(ACME) as transaction:
        named = await people(transaction)
        carla = named["Carla"]
        activity = Activity(subject_kind="record", subject_id=1, number=0, actor_id=named["Ana"].id, details={})
        transaction.add(activity)
        await transaction.flush()
        same = {
            "activity_id": activity.id,
            "member_id": carla.id,
            "kind": "record-followed",
            "subject_kind": "record",
            "number": 0,
        }
        await transaction.insert_rows(
            Notification, *({**same, "subject_id": 1 + number % 40} for number in range(10_000))
        )
    async with database.read(ACME) as transaction:
        inbox = await read_inbox(transaction, carla, page=1)
        assert len(inbox.groups) == 25
        assert inbox.more
        assert inbox.groups[0].unread == 250
        assert len(inbox.groups[0].items) == 8
        assert await count_unread_notifications(transaction, [carla.id]) == {carla.id: 1000}
    async with database.write(ACME) as transaction:
        assert await mark_notifications_read(transaction, carla, newest=inbox.newest)
        assert not await mark_notifications_read(transaction, carla, newest=inbox.newest)
    async with database.read(ACME) as transaction:
        assert await count_unread_notifications(transaction, [carla.id]) == {carla.id: 0}


@pytest.mark.sqlite
def test_the_unread_are_counted_by_their_index(store: Store) -> None:
    plan = store.rows(
        "EXPLAIN QUERY PLAN SELECT id FROM notification WHERE tenant_id = 1 AND member_id = 3 AND read_at IS NULL"
    )
    assert "ix_notification_unread" in str(plan)
