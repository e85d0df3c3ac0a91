"""Rooms: what they are called, who may see them, and what nobody may do to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import permutations

import pytest
from litestar.exceptions import NotFoundException
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.accounts.members import Member, add_member, find_member
from app.chat import memberships
from app.chat.memberships import Membership, find_membership, find_visible, get_room
from app.chat.new_rooms import MOST_IN_DIRECT, create_room, ensure_general, open_direct, open_discussion
from app.chat.people import list_known_of_room, list_people
from app.chat.posting import post_message
from app.chat.reading import list_joined
from app.chat.room_changes import archive_room, change_room
from app.chat.room_lists import list_rooms
from app.chat.rooms import LONGEST_ROOM_NAME, Room
from app.chat.search import search_messages
from app.database import Database, Transaction, now
from app.web.errors import PageError
from app.web.forms import Invalid, clean_line
from tests.chat.test_messages import ACME, GLOBEX, People, people_of, say
from tests.conftest import Server


async def count(transaction: Transaction, model: type[Room] | type[Membership]) -> int:
    return await transaction.scalar(select(func.count()).select_from(model)) or 0


async def member_of_globex(transaction: Transaction) -> Member:
    gil = await find_member(transaction, "gil@globex.test")
    assert gil
    return gil


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Aquisições & Doações", "aquisicoes-doacoes"),
        ("  Straße  ", "strasse"),
        ("🌱", "seedling"),
        ("<b>Bold</b>", "b-bold-b"),
        ("../../etc", "etc"),
        ("\u202eevil", "evil"),
        ("日本", "riben"),
        ("\u3164.", "room"),
        ("General", "general-2"),
        ("New", "room-new"),
        ("search", "room-search"),
        ("Direct", "room-direct"),
        ("Direct 1 2", "room-direct-1-2"),
        ("About record 42", "room-about-record-42"),
        ("x" * LONGEST_ROOM_NAME, "x" * 60),
    ],
)
async def test_a_rooms_address_is_made_from_its_name_and_is_no_other_pages(
    database: Database, name: str, slug: str
) -> None:
    async with database.write(ACME) as transaction:
        ana = (await people_of(transaction)).ana
        await ensure_general(transaction)
        first = await create_room(transaction, ana, name=name)
        second = await create_room(transaction, ana, name=name)
        assert first.slug == slug
        assert second.slug != slug
        assert second.slug.startswith(slug.removesuffix("-2"))
        assert (await get_room(transaction, ana, slug)).id == first.id
        assert first.name == clean_line(name)


async def test_rooms_of_one_name_are_numbered_without_taking_each_others_address(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = (await people_of(transaction)).ana
        slugs = [
            (await create_room(transaction, ana, name=name)).slug for name in ("Tea", "Tea 2", "Tea", "tea", "TEA")
        ]
        assert slugs == ["tea", "tea-2", "tea-3", "tea-4", "tea-5"]


@pytest.mark.parametrize(
    ("name", "description", "field"),
    [
        ("", "", "name"),
        (" \t\n", "", "name"),
        ("x" * (LONGEST_ROOM_NAME + 1), "", "name"),
        ("Tea", "x" * 501, "description"),
    ],
)
async def test_what_a_room_can_not_be_called_is_refused_and_nothing_changes(
    database: Database, name: str, description: str, field: str
) -> None:
    async with database.write(ACME) as transaction:
        ana = (await people_of(transaction)).ana
        room = await create_room(transaction, ana, name="Before", description="As it was")
        rooms = await count(transaction, Room)
        for attempt in (
            create_room(transaction, ana, name=name, description=description),
            change_room(transaction, room, ana, name=name, description=description),
        ):
            with pytest.raises(Invalid) as caught:
                await attempt
            assert caught.value.errors.keys() == {field}
        assert await count(transaction, Room) == rooms
        assert (room.name, room.description) == ("Before", "As it was")


async def test_who_makes_a_room_is_in_it_alone(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.davi, name="Alone", private=True)
        assert [person.id for person in await list_people(transaction, room)] == [people.davi.id]
        assert (room.kind, room.created_by_id, room.last_number) == ("private", people.davi.id, 0)


async def test_only_open_public_rooms_are_offered_to_join(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        await ensure_general(transaction)
        await create_room(transaction, people.ana, name="Offered")
        await create_room(transaction, people.ana, name="Hidden", private=True)
        await open_direct(transaction, [people.ana, people.davi])
        await open_discussion(transaction, "record-1", "A book")
        closed = await create_room(transaction, people.ana, name="Closed")
        await archive_room(transaction, closed, people.ana, archived=True)
        assert {room.slug for room in await list_rooms(transaction, people.carla)} == {"general", "offered"}


async def test_the_general_room_is_made_once_and_has_everybody_but_those_removed(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        await memberships.end_membership(transaction, general, people.davi)
        gone = await add_member(transaction, email="gone@acme.test", name="Gone", role="member", password_hash="")
    async with database.write(ACME) as transaction:
        general, gone = await transaction.get_one(Room, general.id), await transaction.get_one(Member, gone.id)
        assert await find_membership(transaction, general, people.davi), "whoever is missing joins with the next one"
        await memberships.end_membership(transaction, general, gone)
        gone.removed_at = now()
        await transaction.flush()
        rooms, members = await count(transaction, Room), await count(transaction, Membership)
        assert (await ensure_general(transaction)).id == general.id
        assert (await count(transaction, Room), await count(transaction, Membership)) == (rooms, members)
        assert await find_membership(transaction, general, gone) is None


async def test_the_general_room_is_renamed_but_keeps_its_address_and_everybody_in_it(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        await change_room(transaction, general, people.davi, name="Everybody", description="All of us")
        assert (general.slug, general.name) == ("general", "Everybody")
        assert (await ensure_general(transaction)).id == general.id
        for refused in (
            memberships.leave(transaction, general, people.davi),
            memberships.remove(transaction, general, people.ana, people.davi),
            archive_room(transaction, general, people.ana, archived=True),
        ):
            with pytest.raises(PageError) as caught:
                await refused
            assert caught.value.status_code == 403
        assert await find_membership(transaction, general, people.davi)
        assert general.archived_at is None


async def test_a_direct_room_is_the_same_in_whatever_order_people_are_named(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        three = (people.ana, people.carla, people.davi)
        rooms = {(await open_direct(transaction, order)).id for order in permutations(three)}
        assert len(rooms) == 1
        pair = await open_direct(transaction, three[:2])
        assert pair.id not in rooms
        assert {person.id for person in await list_people(transaction, pair)} == {people.ana.id, people.carla.id}


async def test_a_direct_room_has_two_to_eight_people(database: Database) -> None:
    async with database.write(ACME) as transaction:
        crowd = [
            await add_member(transaction, email=f"p{n}@acme.test", name=f"Person {n}", role="member", password_hash="")
            for n in range(MOST_IN_DIRECT + 1)
        ]
        for wrong in ([], crowd[:1], [crowd[0], crowd[0]], crowd):
            with pytest.raises(Invalid) as caught:
                await open_direct(transaction, wrong)
            assert caught.value.errors.keys() == {"people"}
        room = await open_direct(transaction, crowd[:MOST_IN_DIRECT])
        assert len(await list_people(transaction, room)) == MOST_IN_DIRECT
        assert len(room.name) <= LONGEST_ROOM_NAME


async def test_a_direct_room_is_neither_left_nor_changed_nor_opened_to_others(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await open_direct(transaction, [people.ana, people.carla])
        for refused in (
            memberships.leave(transaction, room, people.carla),
            memberships.invite(transaction, room, people.ana, people.davi),
            memberships.join(transaction, room, people.davi),
            memberships.remove(transaction, room, people.ana, people.carla),
            change_room(transaction, room, people.ana, name="Ours", description=""),
            archive_room(transaction, room, people.ana, archived=True),
        ):
            with pytest.raises(PageError) as caught:
                await refused
            assert caught.value.status_code == 403
        assert len(await list_people(transaction, room)) == 2


@pytest.mark.parametrize("what", ["direct", "discussion"])
async def test_two_who_open_the_same_room_at_once_get_one(database: Database, what: str) -> None:
    async def open_it() -> int:
        async with database.write(ACME) as transaction:
            people = await people_of(transaction)
            if what == "direct":
                return (await open_direct(transaction, [people.ana, people.davi])).id
            return (await open_discussion(transaction, "record-7", "A book")).id

    assert len(set(await asyncio.gather(*(open_it() for _ in range(6))))) == 1


async def test_a_discussion_is_open_to_everybody_and_its_members_do_not_change_it(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await open_discussion(transaction, "record-7", "A book " * 40)
        assert len(room.name) <= LONGEST_ROOM_NAME
        assert (await open_discussion(transaction, "record-8", "Another")).id != room.id
        assert (await get_room(transaction, people.davi, room.slug)).id == room.id
        await memberships.join(transaction, room, people.davi)
        for refused in (
            change_room(transaction, room, people.davi, name="Mine", description=""),
            archive_room(transaction, room, people.ana, archived=True),
            memberships.invite(transaction, room, people.davi, people.carla),
        ):
            with pytest.raises(PageError):
                await refused
        await memberships.leave(transaction, room, people.davi)
        assert await find_membership(transaction, room, people.davi) is None


async def test_a_room_is_changed_by_those_in_it_and_by_no_admin_outside(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.carla, name="Tea")
        await memberships.join(transaction, room, people.davi)
        await change_room(transaction, room, people.davi, name="Coffee", description="Black")
        assert (room.slug, room.name, room.description) == ("tea", "Coffee", "Black")
        with pytest.raises(PageError) as caught:
            await change_room(transaction, room, people.ana, name="Water", description="")
        assert caught.value.status_code == 403
        assert room.name == "Coffee"


async def test_an_archived_room_is_read_and_searched_but_neither_listed_nor_written_to(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.carla, name="Old days")
        await memberships.join(transaction, room, people.davi)
        await say(transaction, room, people.carla, "Remember the gramophone")
        await archive_room(transaction, room, people.carla, archived=True)
        since = room.archived_at
        await archive_room(transaction, room, people.ana, archived=True)
        assert room.archived_at == since, "archiving again changes nothing"
        assert (await get_room(transaction, people.davi, room.slug)).id == room.id
        assert len(await search_messages(transaction, people.davi, "gramophone")) == 1
        assert room.id not in {each.room.id for each in await list_joined(transaction, people.davi)}
        with pytest.raises(PageError) as caught:
            await post_message(transaction, room, people.davi, key="late", text="Too late", origin="")
        assert caught.value.status_code == 403
        assert room.last_number == 1
        with pytest.raises(PageError):
            await archive_room(transaction, room, people.davi, archived=False)
        await archive_room(transaction, room, people.carla, archived=False)
        assert room.id in {each.room.id for each in await list_joined(transaction, people.davi)}


async def test_joining_again_keeps_what_one_had_there(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Tea")
        await memberships.join(transaction, room, people.davi)
        await memberships.set_notify(transaction, room, people.davi, "mentions")
        await say(transaction, room, people.ana, "One")
        again = await memberships.join(transaction, room, people.davi)
        assert (again.notify, again.read_number) == ("mentions", 0)
        assert not await memberships.invite(transaction, room, people.ana, people.davi)
        assert len(await list_people(transaction, room)) == 2


@pytest.mark.parametrize("notify", ["", "sometimes", "Everything", "nothing "])
async def test_only_the_three_ways_of_being_told_can_be_chosen(database: Database, notify: str) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Tea")
        for each in memberships.NOTIFY:
            await memberships.set_notify(transaction, room, people.ana, each)
        with pytest.raises(Invalid):
            await memberships.set_notify(transaction, room, people.ana, notify)
        membership = await find_membership(transaction, room, people.ana)
        assert membership
        assert membership.notify == "nothing"


async def test_people_are_removed_by_admins_and_who_made_the_room_alone(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        eva = await add_member(transaction, email="eva@acme.test", name="Eva", role="member", password_hash="")
        room = await create_room(transaction, people.carla, name="Vault", private=True)
        for person in (people.davi, eva):
            assert await memberships.invite(transaction, room, people.carla, person)
        with pytest.raises(PageError) as caught:
            await memberships.remove(transaction, room, people.davi, eva)
        assert caught.value.status_code == 403
        await memberships.remove(transaction, room, people.carla, people.davi)
        await memberships.remove(transaction, room, people.carla, people.davi)
        await memberships.remove(transaction, room, people.bruno, eva)
        assert [person.name for person in await list_people(transaction, room)] == ["Carla"]


async def test_those_who_can_not_sign_in_are_neither_listed_nor_offered(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Tea")
        await memberships.join(transaction, room, people.davi)
        outside = await list_known_of_room(transaction, people.ana, room, inside=False)
        assert [person.name for person in outside] == ["Bruno", "Carla"]
        people.davi.suspended_at = people.carla.removed_at = now()
        await transaction.flush()
        assert [person.name for person in await list_people(transaction, room)] == ["Ana"]
        outside = await list_known_of_room(transaction, people.ana, room, inside=False)
        assert [person.name for person in outside] == ["Bruno"]


async def make_private(transaction: Transaction, people: People) -> Room:
    return await create_room(transaction, people.carla, name="Vault", private=True)


async def make_direct(transaction: Transaction, people: People) -> Room:
    return await open_direct(transaction, [people.carla, people.bruno])


async def make_removed(transaction: Transaction, people: People) -> Room:
    room = await make_private(transaction, people)
    for person in (people.ana, people.davi):
        await memberships.invite(transaction, room, people.carla, person)
        await say(transaction, room, person, f"{person.name} was here")
        await memberships.remove(transaction, room, people.carla, person)
    return room


@pytest.mark.parametrize("make", [make_private, make_direct, make_removed])
async def test_who_is_outside_finds_nothing_of_a_closed_room_by_any_way(
    database: Database, make: Callable[[Transaction, People], Awaitable[Room]]
) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make(transaction, people)
        await say(transaction, room, people.carla, "@Ana @Davi @room the gramophone")
        numbers = room.last_number
        for outsider in (people.ana, people.davi):  # the owner of the workspace is one like others
            with pytest.raises(NotFoundException):
                await get_room(transaction, outsider, room.slug)
            assert await find_visible(transaction, outsider, room.id) is None
            assert await search_messages(transaction, outsider, "gramophone") == []
            assert await search_messages(transaction, outsider, "gramophone", room=room) == []
            assert await search_messages(transaction, outsider, "gramophone", author_id=people.carla.id) == []
            assert room.id not in {each.room.id for each in await list_joined(transaction, outsider)}
            for refused in (
                memberships.join(transaction, room, outsider),
                memberships.invite(transaction, room, outsider, outsider),
                memberships.set_notify(transaction, room, outsider, "nothing"),
                change_room(transaction, room, outsider, name="Mine", description=""),
                post_message(transaction, room, outsider, key="in", text="Let me in", origin=""),
            ):
                with pytest.raises(PageError):
                    await refused
            assert await find_membership(transaction, room, outsider) is None
            assert room.id not in {each.id for each in await list_rooms(transaction, outsider)}
        assert room.last_number == numbers
        assert len(await search_messages(transaction, people.carla, "gramophone")) == 1


async def test_rooms_of_one_address_in_two_workspaces_know_nothing_of_each_other(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        ours = await create_room(transaction, people.ana, name="Tea")
        await say(transaction, ours, people.ana, "Of acme alone")
        discussion = await open_discussion(transaction, "record-1", "A book")
    async with database.write(GLOBEX) as transaction:
        gil = await member_of_globex(transaction)
        with pytest.raises(NotFoundException):
            await get_room(transaction, gil, "tea")
        assert await find_visible(transaction, gil, ours.id) is None
        theirs = await create_room(transaction, gil, name="Tea")
        assert (theirs.slug, theirs.last_number) == ("tea", 0)
        assert theirs.id != ours.id
        assert (await open_discussion(transaction, "record-1", "Another book")).id != discussion.id
        assert await search_messages(transaction, gil, "acme") == []
        assert {person.name for person in await list_people(transaction, theirs)} == {gil.name}


async def test_the_database_itself_lets_nobody_into_a_room_of_another_workspace(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Tea")
        ana_id, room_id = people.ana.id, room.id
    for room_of, member_of in ((room_id, None), (None, ana_id)):
        with pytest.raises(IntegrityError):
            async with database.write(GLOBEX) as transaction:
                gil = await member_of_globex(transaction)
                theirs = await create_room(transaction, gil, name="Coffee", private=True)
                transaction.add(Membership(room_id=room_of or theirs.id, member_id=member_of or gil.id))
                await transaction.flush()


async def test_direct_rooms_are_called_after_the_others_also_when_one_is_called_something_else(
    shared_server: Server,
) -> None:
    carla = await shared_server.sign_in("acme", "carla@acme.test")
    bruno = await shared_server.sign_in("acme", "bruno@acme.test")
    people = shared_server.store.rows("SELECT id, name FROM member WHERE tenant_id = 1 AND name IN ('Bruno', 'Carla')")
    ids = {name: number for number, name in people}
    made = await carla.post("/chat/direct", data={"person": f"#{ids['Bruno']}"})
    assert "<h1>Carla</h1>" in (await bruno.get(made.headers["location"])).text
    try:
        await carla.post("/account/name", data={"name": "Carla <b>Sá</b>"})
        assert "<h1>Carla &lt;b&gt;Sá&lt;/b&gt;</h1>" in (await bruno.get(made.headers["location"])).text
    finally:
        await carla.post("/account/name", data={"name": "Carla"})
        await carla.aclose()
        await bruno.aclose()
