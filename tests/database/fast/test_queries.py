"""Prepared statements find and change what the session's own would, and no other tenant's."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, exists, func, inspect, select, update
from sqlalchemy.exc import MultipleResultsFound

from app.accounts.members import Member
from app.accounts.sessions import Session, add_session
from app.chat.memberships import Membership
from app.chat.rooms import Room
from app.database import Database, PreparedChange, PreparedSelect, TenantScopeError, Transaction, now

ACME, GLOBEX = 1, 2
BY_NAME = PreparedSelect(lambda: select(Member).where(Member.name == bindparam("name")))
WITH_SESSION = PreparedSelect(
    lambda: (
        select(Member, Session)
        .outerjoin(Session, (Session.member_id == Member.id) & (Session.tenant_id == Member.tenant_id))
        .where(Member.name == bindparam("name"))
    )
)


async def find(transaction: Transaction, name: str) -> Member:
    found = await transaction.find(BY_NAME, name=name)
    assert found is not None
    return found[0]


async def test_a_prepared_select_finds_what_the_session_finds(database: Database) -> None:
    async with database.read(ACME) as transaction:
        short = await find(transaction, "Ana")
    async with database.read(ACME) as transaction:
        long = (await transaction.scalars(select(Member).where(Member.name == "Ana"))).one()
    names = inspect(Member).column_attrs.keys()
    assert {name: getattr(short, name) for name in names} == {name: getattr(long, name) for name in names}


async def test_a_prepared_select_may_hold_values_of_its_own(database: Database) -> None:
    admins = PreparedSelect(lambda: select(Member).where(Member.name == bindparam("name"), Member.role == "admin"))
    async with database.write(ACME) as transaction:
        ana = await find(transaction, "Ana")
        await transaction.change(ana, role="admin")
        assert await transaction.find(admins, name="Ana") == (ana,)
        await transaction.change(ana, role="member")
        assert await transaction.find(admins, name="Ana") is None


async def test_of_several_rows_none_is_taken(database: Database) -> None:
    everybody = PreparedSelect(lambda: select(Member))
    async with database.read(ACME) as transaction:
        with pytest.raises(MultipleResultsFound):
            await transaction.find(everybody)


BY_IDS = select(Member.id, Member.name).where(
    Member.id.in_(bindparam("ids")), Member.role.in_(["admin", "owner", "member"])
)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 600])
async def test_of_a_list_it_finds_as_many_rows_as_the_session(database: Database, count: int) -> None:
    prepared, ids = PreparedSelect(lambda: BY_IDS.order_by(Member.id)), [3, 1, 2, *range(1000, 1600)][:count]
    async with database.read(ACME) as transaction:
        long = [tuple(row) for row in await transaction.execute(BY_IDS.order_by(Member.id), {"ids": ids})]
        for _ in range(2):
            found = await transaction.rows(prepared, ids=ids)
            assert [tuple(row) for row in found] == long
    assert len(long) == min(count, 3)
    async with database.read(GLOBEX) as transaction:
        globex = set(await transaction.scalars(select(Member.id)))
        assert {row[0] for row in await transaction.rows(prepared, ids=ids)} <= globex


async def test_it_finds_objects_and_columns_side_by_side(database: Database) -> None:
    statement = select(Member, func.length(Member.name), Member.joined_at).where(Member.id.in_(bindparam("ids")))
    async with database.read(ACME) as transaction:
        for member, length, joined_at in await transaction.rows(PreparedSelect(lambda: statement), ids=[1, 2]):
            assert await transaction.get_one(Member, member.id) is member
            assert (length, joined_at) == (len(member.name), member.joined_at)


async def test_a_value_of_its_own_may_be_made_each_time(database: Database) -> None:
    meant = ["Ana"]
    name = bindparam("name", callable_=lambda: meant[-1], unique=True)
    named = PreparedSelect(lambda: select(Member.name).where(Member.name == name))
    async with database.read(ACME) as transaction:
        assert await transaction.find(named) == ("Ana",)
        meant.append("Bruno")
        assert await transaction.find(named) == ("Bruno",)


async def test_an_object_at_hand_is_read_anew_where_that_is_asked_for(database: Database) -> None:
    by_id = select(Member).where(Member.id == bindparam("id"))
    async with database.write(ACME) as transaction:
        ana = await find(transaction, "Ana")
        await transaction.execute(update(Member).where(Member.id == ana.id).values(name="Anna"))
        assert await transaction.find(PreparedSelect(lambda: by_id), id=ana.id) == (ana,)
        assert ana.name == "Ana"
        assert await transaction.find(PreparedSelect(lambda: by_id, anew=True), id=ana.id) == (ana,)
        assert ana.name == "Anna"
        assert ana not in transaction.dirty


async def test_of_an_outer_join_that_finds_nothing_there_is_nothing(database: Database) -> None:
    async with database.write(ACME) as transaction:
        await transaction.execute(delete(Session))
        found = await transaction.find(WITH_SESSION, name="Ana")
        assert found is not None
        assert (found[0].name, found[1]) == ("Ana", None)


async def test_a_prepared_select_is_confined_to_each_tenant_in_turn(database: Database) -> None:
    first = PreparedSelect(lambda: select(Member).where(Member.id == select(func.min(Member.id)).scalar_subquery()))
    for tenant_id in (ACME, GLOBEX, ACME):
        async with database.read(tenant_id) as transaction:
            ids = (await transaction.scalars(select(Member.id))).all()
            found = await transaction.find(first)
            assert found is not None
            assert (found[0].tenant_id, found[0].id) == (tenant_id, min(ids))
    async with database.read(GLOBEX) as transaction:
        assert await transaction.find(BY_NAME, name="Ana") is None
    with pytest.raises(TenantScopeError):
        async with database.read() as transaction:
            await transaction.find(BY_NAME, name="Ana")
    with pytest.raises(TenantScopeError):
        async with database.count() as transaction:
            await transaction.find(BY_NAME, name="Ana")


async def test_in_a_counting_transaction_a_prepared_select_reads_numbers_of_all_tenants_and_nothing_else(
    database: Database,
) -> None:
    by_tenant = PreparedSelect(
        lambda: (
            select(Member.tenant_id, func.count(Member.id))
            .where(Member.tenant_id.in_(bindparam("tenants")))
            .group_by(Member.tenant_id)
        )
    )
    async with database.count() as transaction:
        found = dict(await transaction.rows(by_tenant, tenants=[ACME, GLOBEX]))
        assert found == {
            ACME: await transaction.scalar(select(func.count(Member.id)).where(Member.tenant_id == ACME)),
            GLOBEX: await transaction.scalar(select(func.count(Member.id)).where(Member.tenant_id == GLOBEX)),
        }
        for refused in (select(Member), select(Member.email), select(Member.id).order_by(Member.name)):
            with pytest.raises(TenantScopeError):
                await transaction.rows(PreparedSelect(lambda refused=refused: refused))
        with pytest.raises(TenantScopeError):
            await transaction.apply(RENAME, roles=["owner"], called="Someone")


RENAME = PreparedChange(
    lambda: update(Member).where(Member.role.in_(bindparam("roles"))).values(name=bindparam("called"))
)


async def test_a_prepared_change_writes_the_rows_of_its_tenant_and_says_how_many(database: Database) -> None:
    async with database.read(GLOBEX) as transaction:
        others = await transaction.column(PreparedSelect(lambda: select(Member.name)))
    async with database.write(ACME) as transaction:
        members = await transaction.value(PreparedSelect(lambda: select(func.count(Member.id))))
        changed = await transaction.apply(
            RENAME, roles=["owner", "admin", "member", "viewer", "guest"], called="Someone"
        )
        assert changed.changed == members
    async with database.read(ACME) as transaction:
        assert set(await transaction.column(PreparedSelect(lambda: select(Member.name)))) == {"Someone"}
    async with database.read(GLOBEX) as transaction:
        assert await transaction.column(PreparedSelect(lambda: select(Member.name))) == others


async def test_a_prepared_change_is_confined_in_what_it_asks_beside_its_rows_too(database: Database) -> None:
    lonely = ~exists().where(Membership.member_id == Member.id).correlate(Member)
    remove = PreparedChange(lambda: update(Member).where(lonely).values(removed_at=bindparam("moment")))
    async with database.write(ACME) as transaction:
        words = str(remove.confined.statement)
        assert words.count("tenant_id = :confined_to") == 2, words
        await transaction.apply(remove, moment=now())


async def test_a_prepared_change_returns_what_it_has_changed(database: Database) -> None:
    ended = delete(Session).where(Session.member_id == bindparam("member")).returning(Session.id, Session.seen_at)
    async with database.write(ACME) as transaction:
        ana = await find(transaction, "Ana")
        await add_session(transaction, ana, address="127.0.0.1", agent="Firefox")
        theirs = select(Session.id, Session.seen_at).where(Session.member_id == ana.id)
        there = {tuple(row) for row in await transaction.execute(theirs)}
        found = await transaction.apply(PreparedChange(lambda: ended), member=ana.id)
        assert (set(map(tuple, found.rows)), found.changed) == (there, len(there))
        assert list((await transaction.apply(PreparedChange(lambda: ended), member=ana.id)).rows) == []


async def test_without_a_tenant_a_prepared_change_reaches_no_rows_of_tenants(database: Database) -> None:
    async with database.write() as transaction:
        with pytest.raises(TenantScopeError):
            await transaction.apply(RENAME, roles=["owner"], called="Someone")


async def test_what_waits_to_be_written_is_written_before_a_prepared_change(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await find(transaction, "Ana")
        ana.role = "viewer"
        assert (await transaction.apply(RENAME, roles=["viewer"], called="Anna")).changed == 1
        assert ana.name == "Ana"  # objects are not told
    async with database.read(ACME) as transaction:
        assert await find(transaction, "Anna")


async def test_an_object_is_found_by_its_key_without_a_statement_where_it_is_at_hand(database: Database) -> None:
    async with database.read(ACME) as transaction:
        ana = await find(transaction, "Ana")
        room = await transaction.value(PreparedSelect(lambda: select(Room.id).limit(1)))
        assert await transaction.get(Member, ana.id) is ana
        assert await transaction.get(Member, 999_999) is None
        place = await transaction.get(Membership, (room, ana.id))
        assert place is await transaction.get(Membership, {"member_id": ana.id, "room_id": room})
    async with database.read(GLOBEX) as transaction:
        assert await transaction.get(Member, ana.id) is None


@pytest.mark.sqlite
@pytest.mark.parametrize("many", [False, True])
async def test_what_may_change_many_rows_is_done_beside_the_event_loop(database: Database, many: bool) -> None:
    threads: list[threading.Thread] = []
    rename = update(Member).where(Member.id == bindparam("whom")).values(name=func.noted(bindparam("called")))

    def note(name: str) -> str:
        threads.append(threading.current_thread())
        return name

    async with database.write(ACME) as transaction:
        raw = await (await transaction.connection()).get_raw_connection()
        straight: Any = raw.driver_connection
        await straight.create_function("noted", 1, note)
        await transaction.apply(PreparedChange(lambda: rename, many=many), whom=1, called="Anna")
    assert [each is threading.main_thread() for each in threads] == [not many]
