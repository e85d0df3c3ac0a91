"""What is unread: counted for each person and room, never backwards, equal to a recount by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.accounts.members import Member
from app.chat import memberships
from app.chat.memberships import find_membership
from app.chat.message_changes import delete_message, edit_message
from app.chat.messages import Message
from app.chat.new_rooms import create_room, open_direct, open_discussion
from app.chat.posting import post_message
from app.chat.reading import MOST_UNREAD_COUNTED, list_joined, mark_read_up_to
from app.chat.room_changes import archive_room
from app.chat.rooms import Room
from app.database import Database, Transaction, now
from tests.chat.test_messages import ACME, People, people_of, say, unread
from tests.statements import noting_statements


async def make_room(transaction: Transaction, people: People, name: str = "Reading") -> Room:
    """A room of Ana, Carla and Davi."""
    room = await create_room(transaction, people.ana, name=name)
    for person in (people.carla, people.davi):
        await memberships.join(transaction, room, person)
    return room


async def read_number(transaction: Transaction, room: Room, member: Member) -> int:
    membership = await find_membership(transaction, room, member)
    assert membership
    return membership.read_number


async def test_reading_never_goes_backwards_nor_beyond_what_was_said(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        for number in range(1, 6):
            await say(transaction, room, people.ana, f"Line {number}")
        assert await mark_read_up_to(transaction, room, people.davi, 3)
        for number in (3, 2, 0, -1):
            assert not await mark_read_up_to(transaction, room, people.davi, number)
            assert await read_number(transaction, room, people.davi) == 3
        assert await mark_read_up_to(transaction, room, people.davi, 10**18)
        assert await read_number(transaction, room, people.davi) == 5
        await say(transaction, room, people.ana, "Line 6")
        assert await unread(transaction, people.davi, room) == (1, 0)


async def test_what_lies_before_what_was_on_screen_is_not_read(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        for number in range(1, 31):
            await say(transaction, room, people.ana, f"Line {number}")
        assert await mark_read_up_to(transaction, room, people.davi, 10, since=1)
        assert not await mark_read_up_to(transaction, room, people.davi, 25, since=20)
        assert await unread(transaction, people.davi, room) == (20, 0)
        assert await mark_read_up_to(transaction, room, people.davi, 25, since=11)
        assert await unread(transaction, people.davi, room) == (5, 0)


async def test_who_is_not_in_a_room_reads_it_without_a_trace(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        await say(transaction, room, people.ana, "For all to see")
        assert not await mark_read_up_to(transaction, room, people.bruno, 1)
        assert await find_membership(transaction, room, people.bruno) is None


async def test_what_one_reads_stays_unread_for_others_and_in_other_rooms(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        rooms = [await make_room(transaction, people, name) for name in ("One", "Two")]
        for room in rooms:
            await say(transaction, room, people.ana, f"Hello {room.slug}")
        await mark_read_up_to(transaction, rooms[0], people.davi, 1)
        assert await unread(transaction, people.davi, rooms[0]) == (0, 0)
        assert await unread(transaction, people.davi, rooms[1]) == (1, 0)
        assert await unread(transaction, people.carla, rooms[0]) == (1, 0)


async def test_what_one_says_is_read_only_when_all_before_it_was(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        await say(transaction, room, people.davi, "First")
        assert await read_number(transaction, room, people.davi) == 1
        await say(transaction, room, people.ana, "Second")
        await say(transaction, room, people.davi, "Third, without having seen the second")
        assert await read_number(transaction, room, people.davi) == 1
        assert await unread(transaction, people.davi, room) == (1, 0)


async def test_the_same_key_again_counts_nothing_again(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        for attempt in range(3):
            _, new = await post_message(transaction, room, people.ana, key="once", text="@Davi", origin="")
            assert new == (attempt == 0)
        assert await unread(transaction, people.davi, room) == (1, 1)
        assert room.last_number == 1


async def test_a_mention_counts_for_who_is_named_and_follows_edits_and_deletions(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        message = await say(transaction, room, people.ana, "Hello @Davi")
        assert await unread(transaction, people.davi, room) == (1, 1)
        assert await unread(transaction, people.carla, room) == (1, 0)
        await edit_message(transaction, message, people.ana, text="Hello @room", origin="")
        assert await unread(transaction, people.carla, room) == (1, 1)
        await edit_message(transaction, message, people.ana, text="Hello @Davi and @room", origin="")
        assert await unread(transaction, people.davi, room) == (1, 1), "named twice is one message"
        await edit_message(transaction, message, people.ana, text="Hello `@Davi`", origin="")
        assert await unread(transaction, people.davi, room) == (1, 0)
        await delete_message(transaction, message, people.ana)
        assert await unread(transaction, people.davi, room) == (0, 0)


async def test_who_comes_back_has_missed_nothing_that_counts(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        await say(transaction, room, people.ana, "@Davi before")
        await memberships.leave(transaction, room, people.davi)
        await say(transaction, room, people.ana, "@Davi meanwhile")
        assert room.id not in {each.room.id for each in await list_joined(transaction, people.davi)}
        await memberships.join(transaction, room, people.davi)
        assert await unread(transaction, people.davi, room) == (0, 0)
        await say(transaction, room, people.ana, "@Davi since")
        assert await unread(transaction, people.davi, room) == (1, 1)


async def test_an_archived_room_leaves_the_sidebar_and_comes_back_with_its_count(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        await say(transaction, room, people.ana, "@Davi")
        await archive_room(transaction, room, people.ana, archived=True)
        assert room.id not in {each.room.id for each in await list_joined(transaction, people.davi)}
        await archive_room(transaction, room, people.ana, archived=False)
        assert await unread(transaction, people.davi, room) == (1, 1)


async def test_the_sidebar_has_rooms_by_name_then_direct_ones_then_discussions(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        before = [each.room.id for each in await list_joined(transaction, people.davi)]
        discussion = await open_discussion(transaction, "record-3", "A book")
        await memberships.join(transaction, discussion, people.davi)
        await say(transaction, discussion, people.ana, "A word about it")
        direct = await open_direct(transaction, [people.ana, people.davi])
        rooms = [await make_room(transaction, people, name) for name in ("zebra", "yoga")]
        listed = [each.room.id for each in await list_joined(transaction, people.davi)]
        assert [room_id for room_id in listed if room_id not in before] == [
            rooms[1].id,
            rooms[0].id,
            direct.id,
            discussion.id,
        ]


async def test_a_room_far_behind_counts_as_very_many_until_it_is_read(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        last = MOST_UNREAD_COUNTED * 12
        transaction.add_all(
            Message(
                room_id=room.id,
                number=number,
                member_id=people.ana.id,
                key=f"many {number}",
                text="x",
                html="x",
                plain="x",
            )
            for number in range(1, last + 1)
        )
        room.last_number = last
        await transaction.flush()
        assert (await unread(transaction, people.davi, room))[0] >= MOST_UNREAD_COUNTED
        await mark_read_up_to(transaction, room, people.davi, last - 7)
        assert await unread(transaction, people.davi, room) == (7, 0)
        await mark_read_up_to(transaction, room, people.davi, last)
        assert await unread(transaction, people.davi, room) == (0, 0)


async def test_the_sidebar_takes_as_many_queries_for_many_rooms_as_for_one(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        counts = []
        for wanted in (1, 25):
            for number in range(wanted):
                room = await make_room(transaction, people, f"Room {wanted} {number}")
                await say(transaction, room, people.ana, f"@Davi {wanted} {number}")
            await transaction.flush()
            with noting_statements() as asked:
                joined = await list_joined(transaction, people.davi)
            counts.append(len(asked))
            assert len([each for each in joined if each.mentions]) >= wanted
        assert counts[0] == counts[1]
        assert 0 < counts[1] <= 3


@dataclass
class Mirror:
    """What one room should be, kept in plain numbers. `said` are (author, whom it names) by number."""

    inside: dict[int, int] = field(default_factory=dict)
    said: dict[int, tuple[int, set[int]]] = field(default_factory=dict)
    last: int = 0

    def counts(self, member_id: int) -> tuple[int, int]:
        new = [
            named
            for number, (author, named) in self.said.items()
            if number > self.inside[member_id] and author != member_id
        ]
        return len(new), sum(1 for named in new if named & {0, member_id})


ACTIONS = ("say", "name", "everybody", "edit", "delete", "read", "leave", "join")
steps = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 1), st.integers(0, 2), st.integers(0, 9)), max_size=30
)


@given(steps)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
async def test_unread_counts_equal_a_recount_whatever_happened_before(
    database: Database, todo: list[tuple[str, int, int, int]]
) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        crowd = [people.ana, people.carla, people.davi]
        rooms = [await make_room(transaction, people, f"Recount {number}") for number in range(2)]
        mirrors = [Mirror({person.id: 0 for person in crowd}) for _ in rooms]
        for index, (action, which, who, number) in enumerate(todo):
            room, mirror, person = rooms[which], mirrors[which], crowd[who]
            texts = {"say": "Words", "name": "@Davi look", "everybody": "@room look", "edit": "@Carla look"}
            names = {"say": set(), "name": {people.davi.id}, "everybody": {0}, "edit": {people.carla.id}}
            if action in ("say", "name", "everybody"):
                await say(transaction, room, person, f"{texts[action]} {index}", f"{room.id} {index}")
                mirror.inside.setdefault(person.id, mirror.last)
                mirror.last += 1
                mirror.said[mirror.last] = (person.id, names[action])
                if mirror.inside[person.id] == mirror.last - 1:
                    mirror.inside[person.id] = mirror.last
            elif action in ("edit", "delete") and number in mirror.said:
                statement = select(Message).where(Message.room_id == room.id, Message.number == number)
                message = (await transaction.scalars(statement)).one()
                author = next(each for each in crowd if each.id == message.member_id)
                if action == "delete":
                    await delete_message(transaction, message, people.ana)
                    del mirror.said[number]
                else:
                    await edit_message(transaction, message, author, text=f"{texts['edit']} {index}", origin="")
                    mirror.said[number] = (author.id, names["edit"])
            elif action == "read":
                changed = await mark_read_up_to(transaction, room, person, number)
                if person.id in mirror.inside:
                    reached = max(mirror.inside[person.id], min(number, mirror.last))
                    assert changed == (reached != mirror.inside[person.id])
                    mirror.inside[person.id] = reached
                else:
                    assert not changed
            elif action == "leave":
                await memberships.leave(transaction, room, person)
                mirror.inside.pop(person.id, None)
            elif action == "join":
                await memberships.join(transaction, room, person)
                mirror.inside.setdefault(person.id, mirror.last)
        for room, mirror in zip(rooms, mirrors, strict=True):
            assert room.last_number == mirror.last
            for person in crowd:
                joined = {each.room.id: (each.unread, each.mentions) for each in await list_joined(transaction, person)}
                assert (room.id in joined) == (person.id in mirror.inside)
                if person.id in mirror.inside:
                    assert joined[room.id] == mirror.counts(person.id)
            room.archived_at = now()  # out of the way of the next example
        await transaction.flush()


@pytest.mark.parametrize("kind", ["direct", "discussion"])
async def test_direct_rooms_and_discussions_count_like_others(database: Database, kind: str) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        if kind == "direct":
            room = await open_direct(transaction, [people.ana, people.davi])
        else:
            room = await open_discussion(transaction, "record-5", "A book")
            await memberships.join(transaction, room, people.davi)
        await say(transaction, room, people.ana, "Hello @Davi")
        assert await unread(transaction, people.davi, room) == (1, 1)
