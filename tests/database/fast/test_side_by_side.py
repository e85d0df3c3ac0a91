"""What is read side by side is what it would be one after the other, in fewer trips, and behind the same wall."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import bindparam, literal, select
from sqlalchemy.exc import DBAPIError

from app.accounts.members import Member
from app.chat.rooms import Room
from app.database import Database, PreparedSelect, TenantScopeError, Transaction
from app.database.fast.compiled import ForPostgresql
from app.database.fast.side_by_side import MOST_JOINED
from app.records.collections import Collection
from app.records.fields import Field

ACME, GLOBEX = 1, 2

LIST_MEMBERS = PreparedSelect(
    lambda: select(Member).where(Member.role.in_(bindparam("roles"))).order_by(Member.name.desc())
)
LIST_ROOMS = PreparedSelect(
    lambda: select(Room, Member.name).join(Member, Member.id == Room.created_by_id, isouter=True).order_by(Room.id)
)
LIST_FIELDS = PreparedSelect(lambda: select(Field).order_by(Field.id.desc()).limit(3))
FIND_COLLECTION = PreparedSelect(lambda: select(Collection).where(Collection.slug == bindparam("slug")))
LOCK_COLLECTION = PreparedSelect(
    lambda: select(Collection).where(Collection.slug == bindparam("slug")).with_for_update()
)
SAY = PreparedSelect(
    lambda: select(Member.name + literal(": $1"), Member.id * 0 + bindparam("number", type_=Member.id.type)).where(
        Member.name == literal("Ana")
    )
)
FAIL = PreparedSelect(lambda: select(Member.id.op("/")(bindparam("none", type_=Member.id.type))))
ROLES = ["owner", "admin", "member"]


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that PostgreSQL is sent."""
    sent: list[str] = []
    fetch = ForPostgresql.fetch

    def note(self: ForPostgresql, *arguments: Any) -> Any:
        sent.append(self.words)
        return fetch(self, *arguments)

    monkeypatch.setattr(ForPostgresql, "fetch", note)
    return sent


async def list_people(transaction: Transaction) -> tuple[list[Member], Any]:
    people = await transaction.column(LIST_MEMBERS, roles=ROLES)
    return people, await transaction.find(FIND_COLLECTION, slug="books")


async def list_rooms(transaction: Transaction) -> Any:
    return await transaction.rows(LIST_ROOMS)


async def list_inside(transaction: Transaction) -> Any:
    return await transaction.together(list_rooms(transaction), transaction.column(LIST_FIELDS))


async def read_one_by_one(transaction: Transaction) -> list[Any]:
    rooms = await list_rooms(transaction)
    inside = [rooms, await transaction.column(LIST_FIELDS)]
    return [await list_people(transaction), rooms, inside, (await transaction.rows(SAY, number=7))]


async def test_what_is_read_side_by_side_is_what_it_would_be_in_turn(database: Database, trips: list[str]) -> None:
    async with database.read(ACME) as transaction:
        trips.clear()
        found = await transaction.together(
            list_people(transaction), list_rooms(transaction), list_inside(transaction), transaction.rows(SAY, number=7)
        )
        sent = len(trips)
        expected = await read_one_by_one(transaction)
    assert found == expected
    assert found[0][0][0].name == "Davi"
    assert found[0][1][0].created_at.tzinfo is not None
    assert found[2][1][0].choices == expected[2][1][0].choices
    assert found[3] == [("Ana: $1", 7)]
    if trips:
        assert sent == 2, "all that is first, and what one asks then"
        assert trips[0].count("ARRAY(") == 4, "the rooms are asked for once"


async def test_more_than_are_asked_at_once_are_asked_all_the_same(database: Database) -> None:
    async with database.read(ACME) as transaction:
        found = await transaction.together(
            *(transaction.rows(SAY, number=number) for number in range(2 * MOST_JOINED + 1))
        )
    assert [rows[0][1] for rows in found] == list(range(2 * MOST_JOINED + 1))


async def test_what_locks_is_asked_alone_and_lists_may_be_long(database: Database) -> None:
    async with database.write(ACME) as transaction:
        (book,), people, rooms = await transaction.together(
            transaction.column(LOCK_COLLECTION, slug="books"),
            transaction.column(LIST_MEMBERS, roles=[*ROLES, *map(str, range(1000))]),
            list_rooms(transaction),
        )
    assert (book.slug, len(people), len(rooms) > 0) == ("books", 4, True)


async def test_a_workspace_sees_its_own_side_by_side(database: Database) -> None:
    async with database.read(GLOBEX) as transaction:
        (people, books), rooms = await transaction.together(list_people(transaction), list_rooms(transaction))
    assert {each.tenant_id for each in (*people, books[0], *(room for room, _ in rooms))} == {GLOBEX}
    with pytest.raises(TenantScopeError):
        async with database.read() as transaction:
            await transaction.together(list_people(transaction), list_rooms(transaction))


async def test_what_fails_ends_the_other_parts(database: Database) -> None:
    ended: list[str] = []

    async def wait_for_more(transaction: Transaction) -> None:
        try:
            await transaction.rows(SAY, number=1)
            await asyncio.Event().wait()
        finally:
            ended.append("part")

    async def refuse(transaction: Transaction) -> None:
        await transaction.rows(SAY, number=2)
        raise LookupError

    with pytest.raises(LookupError):
        async with database.read(ACME) as transaction:
            await transaction.together(refuse(transaction), wait_for_more(transaction))
    async with database.read(ACME) as transaction:
        if transaction.get_bind().dialect.name == "postgresql":
            with pytest.raises(DBAPIError):
                await transaction.together(transaction.rows(FAIL, none=0), list_rooms(transaction))
            return
    async with database.read(ACME) as transaction:
        assert await transaction.together(list_rooms(transaction)), "the next one goes on"


async def test_who_is_cancelled_while_parts_wait_ends_them(database: Database) -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    async def wait(transaction: Transaction) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def read() -> None:
        async with database.read(ACME) as transaction:
            await transaction.together(wait(transaction), list_rooms(transaction))

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cancelled"]
