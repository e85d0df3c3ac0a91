"""What follows from operations of chat, whoever asks for them: none of these tests names a page or a push."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import ORMExecuteState

from app.accounts.audit import AuditEntry
from app.accounts.members import Member
from app.chat import memberships
from app.chat.drafts import get_draft, keep_message_draft
from app.chat.message_changes import delete_message
from app.chat.new_rooms import create_room, open_direct, open_discussion
from app.chat.posting import post_message
from app.chat.pushes import MOST_MESSAGES_SHOWN
from app.chat.room_changes import archive_room, change_room
from app.chat.rooms import Room
from app.database import Database, Transaction
from app.live.log import LoggedEvent
from app.notifications.models import Notification
from tests.chat.test_messages import ACME, People, people_of, say


async def make_room(database: Database, **options: Any) -> int:
    """A room of Ana's, with Bruno in it; its id."""
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Shelves", **options)
        await memberships.invite(transaction, room, people.ana, people.bruno)
        return room.id


async def begin(transaction: Transaction, room_id: int) -> tuple[Room, People]:
    return await transaction.get_one(Room, room_id), await people_of(transaction)


async def read_log(transaction: Transaction, after: int) -> list[tuple[str, str]]:
    """The log after a cursor."""
    statement = select(LoggedEvent.channel, LoggedEvent.body).where(LoggedEvent.cursor > after)
    return [(row.channel, row.body) for row in await transaction.execute(statement.order_by(LoggedEvent.cursor))]


async def told_of(transaction: Transaction, person: Member, kind: str) -> int:
    statement = select(func.count(Notification.id)).where(
        Notification.member_id == person.id, Notification.kind == kind
    )
    return await transaction.scalar(statement) or 0


async def test_all_follows_from_a_message_whoever_posts_it(database: Database) -> None:
    room_id = await make_room(database)
    async with database.write(ACME) as transaction:
        room, people = await begin(transaction, room_id)
        await keep_message_draft(transaction, people.davi, room.place, "Look, @Carla", key="one")
        before, told = transaction.tenant.cursor, await told_of(transaction, people.carla, "mention")
    async with database.write(ACME) as transaction:
        room, people = await begin(transaction, room_id)
        await post_message(transaction, room, people.davi, key="one", text="Look, @Carla", origin="")
    async with database.read(ACME) as transaction:
        room, people = await begin(transaction, room_id)
        log = await read_log(transaction, before)
        davi, carla = (
            [body for channel, body in log if channel == f"user.{person.id}"] for person in (people.davi, people.carla)
        )
        assert any('class="message' in body for channel, body in log if channel == f"room.{room_id}")
        assert [channel for channel, _ in log].count(f"news.{room_id}") == 1
        assert any(f"room-{room_id}-people" in body for channel, body in log), "Davi has come into the room"
        assert any('id="rooms"' in body for body in davi)
        assert any('hx-target="#toasts"' in body and "bell" in body for body in carla)
        assert await told_of(transaction, people.carla, "mention") == told + 1
        assert await get_draft(transaction, people.davi, room.place) is None


async def test_the_same_message_again_has_nothing_follow(database: Database) -> None:
    room_id = await make_room(database)
    for new in (True, False):
        async with database.write(ACME) as transaction:
            room, people = await begin(transaction, room_id)
            before = transaction.tenant.cursor
            _, posted = await post_message(transaction, room, people.ana, key="one", text="@Bruno", origin="")
        async with database.read(ACME) as transaction:
            people = await people_of(transaction)
            assert (posted, transaction.tenant.cursor > before) == (new, new)
            assert await told_of(transaction, people.bruno, "mention") == 1


async def test_what_changes_nothing_has_nothing_follow(database: Database) -> None:
    room_id = await make_room(database)
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        direct = (await open_direct(transaction, [people.ana, people.carla])).id
    async with database.write(ACME) as transaction:
        room, people = await begin(transaction, room_id)
        before = transaction.tenant.cursor
        await memberships.join(transaction, room, people.bruno)
        await memberships.leave(transaction, room, people.davi)
        await memberships.remove(transaction, room, people.ana, people.davi)
        assert not await memberships.invite(transaction, room, people.ana, people.bruno)
        await change_room(transaction, room, people.ana, name=room.name, description=room.description)
        await archive_room(transaction, room, people.ana, archived=False)
        assert (await open_direct(transaction, [people.ana, people.carla])).id == direct
    async with database.read(ACME) as transaction:
        assert transaction.tenant.cursor == before
        about = select(AuditEntry.what).where(AuditEntry.what.startswith("room."))
        assert (await transaction.scalars(about)).all() == []


async def test_what_many_messages_cost_at_the_end_does_not_grow_with_them(database: Database) -> None:
    room_id = await make_room(database)
    costs = []
    for count in (2, 30):  # of one the id of what has happened is known, of several they are read
        asked: list[ORMExecuteState] = []
        async with database.write(ACME) as transaction:
            room, people = await begin(transaction, room_id)
            first = await say(transaction, room, people.bruno, f"First of {count}")
            for number in range(count):
                text = f"@Bruno, number {number} of {count}"
                await post_message(transaction, room, people.ana, key=text, text=text, origin="", reply_to_id=first.id)
            await transaction.flush()
            event.listen(transaction.sync_session, "do_orm_execute", asked.append)
        costs.append(len(asked))
        async with database.read(ACME) as transaction:
            people = await people_of(transaction)
            assert await told_of(transaction, people.bruno, "mention") == count + (2 if len(costs) == 2 else 0)
    assert costs[0] == costs[1]


@pytest.mark.parametrize("kind", ["public", "discussion"])
async def test_after_many_messages_at_once_pages_fetch_the_room_anew(database: Database, kind: str) -> None:
    room_id = await make_room(database)
    async with database.write(ACME) as transaction:
        room, people = await begin(transaction, room_id)
        if kind == "discussion":
            room = await open_discussion(transaction, "record-3", "A book")
            room_id = room.id
            await memberships.add_membership(transaction, room, people.bruno)
        before = transaction.tenant.cursor
        for number in range(MOST_MESSAGES_SHOWN + 1):
            await say(transaction, room, people.ana, f"Number {number}")
    async with database.read(ACME) as transaction:
        log = await read_log(transaction, before)
        refreshed = [body for channel, body in log if channel == f"room.{room_id}" and "-refresh" in body]
        target = f"room-{room_id}-refresh" if kind == "public" else "record-3-discussion-refresh"
        assert [target in body for body in refreshed] == [True]
        assert not any("data-pushed" in body for channel, body in log if channel == f"room.{room_id}")
        assert sum('id="rooms"' in body for channel, body in log if channel == f"user.{people.bruno.id}") == 1


async def test_who_is_taken_out_of_a_room_gets_nothing_of_what_is_said_with_it(database: Database) -> None:
    room_id = await make_room(database, private=True)
    async with database.write(ACME) as transaction:
        room, people = await begin(transaction, room_id)
        before = transaction.tenant.cursor
        await say(transaction, room, people.ana, "Bruno goes")
        await memberships.remove(transaction, room, people.ana, people.bruno)
    async with database.read(ACME) as transaction:
        channels = [channel for channel, _ in await read_log(transaction, before)]
        rest = channels[channels.index("!unfollow") :]
        assert channels.count(f"room.{room_id}") == rest.count(f"room.{room_id}") > 0
        assert channels.count(f"news.{room_id}") == rest.count(f"news.{room_id}") == 1


async def test_a_message_that_is_posted_and_deleted_at_once_is_told_to_nobody(database: Database) -> None:
    room_id = await make_room(database)
    async with database.write(ACME) as transaction:
        room, people = await begin(transaction, room_id)
        before = transaction.tenant.cursor
        message = await say(transaction, room, people.ana, "@Bruno, the password is")
        await delete_message(transaction, message, people.ana)
    async with database.read(ACME) as transaction:
        people = await people_of(transaction)
        assert await told_of(transaction, people.bruno, "mention") == 0
        assert not any('hx-target="#toasts"' in body for _, body in await read_log(transaction, before))
