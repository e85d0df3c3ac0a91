"""What somebody may do no more is taken from them in the transaction that says so."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from app.accounts.members import Member, add_member
from app.database import Database, Transaction
from app.editing.locks import take_lock
from app.editing.waiting import join_queue, list_queue
from app.live.log import UNFOLLOW, LoggedEvent
from app.records.adding import create_record
from app.records.collections import Collection, get_collection
from app.records.granting import admit_guests, change_permissions, dismiss_guest
from app.records.permissions import EVERYTHING, NOTHING, READING
from app.records.records import Record, get_record
from app.tenants.members import change_role
from app.web.forms import Invalid
from tests.sessions import act_as, sign_in

ACME = 1


async def read_pushed(transaction: Transaction, after: int) -> list[tuple[str, str]]:
    """Channels and bodies of what was pushed since a cursor."""
    statement = select(LoggedEvent.channel, LoggedEvent.body).where(
        LoggedEvent.cursor > after, LoggedEvent.kind.is_(None)
    )
    return [(row.channel, row.body) for row in await transaction.execute(statement.order_by(LoggedEvent.cursor))]


async def hold(transaction: Transaction, name: str, number: int) -> tuple[Collection, Record, Member]:
    """Let somebody edit a book."""
    books = await get_collection(transaction, "books")
    record = await get_record(transaction, books, number)
    member = await sign_in(transaction, name)
    assert await take_lock(transaction, record, member, lease=30)
    return books, record, member


async def test_who_may_edit_no_more_loses_the_lock_and_it_is_the_turn_of_who_still_may(database: Database) -> None:
    async with database.write(ACME) as transaction:
        _, record, carla = await hold(transaction, "carla", 7)
        ana = await sign_in(transaction, "ana")
        await join_queue(transaction, record, ana, 30)
        davi = await sign_in(transaction, "davi")
        await join_queue(transaction, record, davi, 30)
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        books = await get_collection(transaction, "books")
        await change_permissions(transaction, books, ana, {"member": replace(EVERYTHING, edit="none")})
        before = transaction.tenant.cursor
    async with database.read(ACME) as transaction:
        record = await get_record(transaction, await get_collection(transaction, "books"), 7)
        assert (record.lock_member_id, record.lock_offered) == (ana.id, True)
        assert [each.member_id for each in await list_queue(transaction, record)] == [ana.id], "Davi is out of line"
        pushed = await read_pushed(transaction, before)
        assert pushed[0][0] == UNFOLLOW, "channels are taken away before anything is shown"
        assert {carla.id, davi.id} <= set(json.loads(pushed[0][1])["members"])
        assert any(channel == "tenant" and "data-refresh" in body for channel, body in pushed)


async def test_who_may_edit_but_their_own_keeps_the_lock_of_what_they_have_added(database: Database) -> None:
    async with database.write(ACME) as transaction:
        books = await get_collection(transaction, "books")
        carla = await sign_in(transaction, "carla")
        own = await create_record(transaction, books, {"title": "Of Carla"}, carla)
        assert await take_lock(transaction, own, carla, lease=30)
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        books = await get_collection(transaction, "books")
        anas = await create_record(transaction, books, {"title": "Of Ana"}, ana)
        davi = await sign_in(transaction, "davi")
        assert await take_lock(transaction, anas, davi, lease=30)
        await act_as(transaction, ana)
        await change_permissions(transaction, books, ana, {"member": replace(EVERYTHING, edit="own")})
    async with database.read(ACME) as transaction:
        books = await get_collection(transaction, "books")
        assert (await get_record(transaction, books, own.number)).lock_member_id == carla.id
        assert (await get_record(transaction, books, anas.number)).lock_member_id is None


async def test_who_becomes_a_viewer_loses_locks_and_who_is_a_guest_no_more_of_a_collection_as_well(
    database: Database,
) -> None:
    async with database.write(ACME) as transaction:
        await hold(transaction, "carla", 7)
        ana = await sign_in(transaction, "ana")
        books = await get_collection(transaction, "books")
        gus = await add_member(transaction, email="gus@acme.test", name="Gus", role="guest", password_hash="x")
        await change_permissions(transaction, books, ana, {"guest": EVERYTHING})
        await admit_guests(transaction, books, ana, [gus])
        await act_as(transaction, gus)
        assert await take_lock(transaction, await get_record(transaction, books, 8), gus, lease=30)
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        carla = await transaction.get_one(Member, 3)
        books = await get_collection(transaction, "books")
        await change_role(transaction, ana, carla, "viewer")
        gus = await transaction.get_one(Member, gus.id)
        await dismiss_guest(transaction, books, ana, gus)
    async with database.read(ACME) as transaction:
        held = await transaction.scalars(select(Record.number).where(Record.lock_member_id.is_not(None)))
        assert not held.all()


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        ("viewer", replace(READING, add=True)),
        ("viewer", replace(READING, edit="own")),
        ("member", replace(EVERYTHING, read=False)),
        ("guest", replace(NOTHING, browse=True)),
    ],
)
async def test_what_makes_no_sense_is_refused(database: Database, role: str, permissions: object) -> None:
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        books = await get_collection(transaction, "books")
        with pytest.raises(Invalid) as refusal:
            await change_permissions(transaction, books, ana, {role: permissions})  # type: ignore[dict-item]
        assert set(refusal.value.errors) == {role}


async def test_only_guests_are_let_in_one_by_one(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        with pytest.raises(Invalid):
            await admit_guests(transaction, await get_collection(transaction, "books"), ana, [ana])
