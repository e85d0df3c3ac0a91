"""Rows that are read and written the short way are those that the session reads and writes, and no other tenant's."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from app.accounts.members import Member
from app.chat.memberships import Membership
from app.chat.messages import Message
from app.chat.new_rooms import ensure_general
from app.chat.rooms import Room
from app.database import Base, Database, PreparedSelect, Tenant, TenantScopeError, Transaction
from app.database.fast.rows import table_info_of
from app.live.log import LoggedEvent
from tests.database.fast.test_queries import BY_NAME

ACME, GLOBEX = 1, 2

OURS = select(Message).where(Message.key == "k1000")


async def find(transaction: Transaction, name: str) -> Member:
    found = await transaction.find(BY_NAME, name=name)
    assert found is not None
    return found[0]


def message(room: Room, member: Member, number: int = 1000, **other: object) -> Message:
    key = f"k{number}"
    return Message(room_id=room.id, number=number, member_id=member.id, key=key, text="", html="", plain="", **other)


async def test_a_row_that_is_there_already_is_told_as_ever(database: Database) -> None:
    for insert in ("short", "long"):
        with pytest.raises(IntegrityError) as caught:
            async with database.write(ACME) as transaction:
                room, ana = await ensure_general(transaction), await find(transaction, "Ana")
                again = Membership(room_id=room.id, member_id=ana.id)
                if insert == "short":
                    transaction.expunge_all()
                    await transaction.insert(again)
                else:
                    transaction.add(again)
        assert "INSERT INTO membership" in str(caught.value)


async def test_what_it_finds_is_the_sessions_own_object(database: Database) -> None:
    async with database.write(ACME) as transaction:
        long = (await transaction.scalars(select(Member).where(Member.name == "Ana"))).one()
        assert await find(transaction, "Ana") is long
        long.name = "Anna"
        assert await transaction.find(BY_NAME, name="Ana") is None  # what waits to be written is written first
        assert await find(transaction, "Anna") is long
        carla = await find(transaction, "Carla")
        assert (await transaction.scalars(select(Member).where(Member.name == "Carla"))).one() is carla
        carla.name = "Clara"
    async with database.read(ACME) as transaction:
        assert await find(transaction, "Clara")


async def test_an_inserted_object_has_its_id_its_tenant_and_its_defaults(database: Database) -> None:
    async with database.write(ACME) as transaction:
        room, ana = await ensure_general(transaction), await find(transaction, "Ana")
        written = message(room, ana)
        await transaction.insert(written)
        assert (written.tenant_id, written.edited_at) == (ACME, None)
        assert None not in (written.id, written.created_at)
        assert (await transaction.scalars(OURS)).one() is written
        written.text = "Changed after"
    async with database.read(ACME) as transaction:
        read = (await transaction.scalars(OURS)).one()
        assert (read.id, read.text, read.created_at) == (written.id, "Changed after", written.created_at)


async def test_many_rows_are_inserted_in_one_statement(database: Database) -> None:
    async with database.write(ACME) as transaction:
        await transaction.execute(delete(LoggedEvent))
        rows = ({"cursor": 10_000 + place, "channel": "x", "body": ""} for place in range(5))
        await transaction.insert_rows(LoggedEvent, *rows)
    async with database.read(ACME) as transaction:
        assert (await transaction.scalars(select(LoggedEvent.cursor).order_by(LoggedEvent.cursor))).all() == [
            10_000,
            10_001,
            10_002,
            10_003,
            10_004,
        ]


async def test_what_waits_to_be_flushed_is_written_before_an_insert(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await find(transaction, "Ana")
        room = Room(id=900, slug="new", name="New", kind="public")
        transaction.add(room)
        await transaction.insert(Membership(room_id=900, member_id=ana.id))  # its foreign key needs the room
    async with database.read(ACME) as transaction:
        assert await transaction.get(Membership, (900, ana.id))


async def test_rows_of_another_tenant_are_neither_inserted_nor_changed(database: Database) -> None:
    async with database.read(ACME) as transaction:
        ana = await find(transaction, "Ana")
    async with database.write(ACME) as transaction:
        room = await ensure_general(transaction)
    for tenant_id, stolen in ((GLOBEX, ACME), (GLOBEX, None)):
        with pytest.raises((TenantScopeError, IntegrityError)):  # by us, or by the database for another's room
            async with database.write(tenant_id) as transaction:
                await transaction.insert(message(room, ana, tenant_id=stolen))
    with pytest.raises(TenantScopeError):
        async with database.write(GLOBEX) as transaction:
            await transaction.change(ana, name="stolen")
    with pytest.raises(TenantScopeError):
        async with database.write() as transaction:
            await transaction.insert(message(room, ana))
    with pytest.raises(TenantScopeError):
        async with database.write() as transaction:
            await transaction.insert_rows(LoggedEvent, {"cursor": 1, "channel": "x", "body": "", "tenant_id": ACME})
    async with database.write(GLOBEX) as transaction:  # whatever is said, it is the transaction's tenant
        await transaction.insert_rows(LoggedEvent, {"cursor": 9_000, "channel": "x", "body": "", "tenant_id": ACME})
    async with database.read(ACME) as transaction:
        assert await transaction.get(LoggedEvent, (ACME, 9_000)) is None
    with pytest.raises(TenantScopeError):
        async with database.count() as transaction:
            await transaction.change(ana, name="stolen")
    async with database.read(ACME) as transaction:
        assert (await find(transaction, "Ana")).id == ana.id
        assert (await transaction.scalars(OURS)).all() == []


async def test_a_change_writes_one_row_and_the_object_is_what_the_row_is(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await find(transaction, "Ana")
        await transaction.change(ana, name="Anna", time_zone="America/Bahia")
        assert (ana.name, ana.time_zone) == ("Anna", "America/Bahia")
        assert ana not in transaction.dirty
        names = set(await transaction.scalars(select(Member.name)))
        assert names >= {"Anna", "Carla"}
    async with database.read(ACME) as transaction:
        assert (await find(transaction, "Anna")).time_zone == "America/Bahia"


async def test_a_change_of_a_row_that_is_gone_is_told(database: Database) -> None:
    with pytest.raises(StaleDataError):
        async with database.write(ACME) as transaction:
            room, ana = await ensure_general(transaction), await find(transaction, "Ana")
            membership = await transaction.get_one(Membership, (room.id, ana.id))
            gone = delete(Membership).execution_options(synchronize_session=False)
            await transaction.execute(gone)
            await transaction.change(membership, read_number=5)


def select_first(model: type[Base]) -> Any:
    return select(model).order_by(*inspect(model).primary_key).limit(1)


async def test_objects_of_every_model_are_to_the_session_what_it_has_read_itself(database: Database) -> None:
    looked_at = 0
    for model in (mapper.class_ for mapper in Base.registry.mappers):
        table = Base.metadata.tables[model.__tablename__]
        if set(inspect(model).column_attrs.keys()) != set(table.columns.keys()):
            continue
        states = []
        for way in ("short", "long"):
            async with database.read(ACME) as transaction:
                first = partial(select_first, model)
                found = (
                    await transaction.find(PreparedSelect(first))
                    if way == "short"
                    else (await transaction.execute(first())).one_or_none()
                )
                if found is None:
                    continue
                state = inspect(found[0])
                assert state.session is transaction.sync_session
                values = {name: found[0].__dict__[name] for name in table_info_of(model).names}
                about = (state.key, state.persistent, state.modified, state.expired, dict(state.committed_state))
                states.append((*about, state.unloaded - set(table.columns.keys()), values))
        if states:
            assert states[0] == states[1], model
            looked_at += 1
    assert looked_at > 10


def test_whatever_can_be_written_the_short_way_has_the_columns_of_its_table() -> None:
    models = [mapper.class_ for mapper in Base.registry.mappers]
    assert {Tenant, Message, LoggedEvent} < set(models)
    for model in models:
        columns = [column.key for column in Base.metadata.tables[model.__tablename__].columns]
        if set(inspect(model).column_attrs.keys()) == set(columns):
            assert table_info_of(model).names == columns
        else:
            with pytest.raises(TypeError, match="by other names"):
                table_info_of(model)
