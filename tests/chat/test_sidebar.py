"""The sidebar shows what a member uses, however many rooms and collections there are."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from app.accounts.members import find_member
from app.accounts.visits import Visit, Visits, write_visits
from app.chat.drafts import keep_message_draft
from app.chat.memberships import set_notify
from app.chat.new_rooms import create_room
from app.chat.posting import post_message
from app.chat.reading import list_joined, mark_read_up_to
from app.chat.sidebar import ROOMS_SHOWN, Sidebar, choose_rooms, list_sidebars, write_sidebar
from app.database import Database, Transaction, now
from app.records.collections import create_collection
from app.records.used_collections import COLLECTIONS_SHOWN, list_used

ACME = 1


def names(sidebar: Sidebar) -> list[str]:
    return [shown.joined.room.name for shown in sidebar.shown]


async def sidebar_of(transaction: Transaction, member_id: int, current: str = "") -> Sidebar:
    return (await list_sidebars(transaction, [member_id], current))[member_id]


async def test_rooms_that_are_unread_or_were_opened_last_are_shown_and_the_others_followed(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana, bruno = [await find_member(transaction, f"{name}@acme.test") for name in ("ana", "bruno")]
        assert ana
        assert bruno
        rooms = [await create_room(transaction, ana, name=f"Room {number:02d}") for number in range(ROOMS_SHOWN + 10)]
        await write_visits(transaction, {(ana.id, "room", rooms[-1].id)})
        before = await sidebar_of(transaction, ana.id)
        assert len(before.shown) == ROOMS_SHOWN
        assert "Room 24" in names(before)
        assert "Room 23" not in names(before)
        await post_message(transaction, rooms[-2], bruno, key="new", text="New, @Ana", origin="")
        after = await sidebar_of(transaction, ana.id)
        assert {"Room 23", "Room 24"} <= set(names(after))
        assert len(after.shown) == ROOMS_SHOWN
        assert names(after) == sorted(names(after), key=str.lower)
        assert all(f"news.{room.id}" in after.follow.split() for room in rooms)
        await mark_read_up_to(transaction, rooms[-2], ana, rooms[-2].last_number)
        assert "Room 23" not in names(await sidebar_of(transaction, ana.id))
        assert "Room 22" in names(await sidebar_of(transaction, ana.id, "room-22"))


async def test_rooms_with_nothing_to_tell_are_shown_and_followed_as_all_others(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana, bruno = [await find_member(transaction, f"{name}@acme.test") for name in ("ana", "bruno")]
        assert ana
        assert bruno
        rooms = [await create_room(transaction, ana, name=f"{letter} room") for letter in "zÉdXáqbNcomkeflvwjhgs"]
        await write_visits(transaction, {(ana.id, "room", rooms[0].id), (ana.id, "room", rooms[3].id)})
        await set_notify(transaction, rooms[1], ana, "nothing")
        await set_notify(transaction, rooms[2], ana, "mentions")
        await post_message(transaction, rooms[5], bruno, key="new", text="New", origin="")
        await keep_message_draft(transaction, ana, f"room-{rooms[6].id}", "Not sent", key="typed")
        await transaction.flush()
        everything = await list_joined(transaction, ana)
        visits = {each.room.id: each.visited_at for each in everything if each.visited_at}
        assert len(visits) == 2
        for current in ("", rooms[7].slug, rooms[-1].slug, "elsewhere"):
            wanted = choose_rooms(everything, visits, current)
            sidebar = await sidebar_of(transaction, ana.id, current)
            assert sidebar.quiet
            assert names(sidebar) == names(wanted)
            assert sidebar.shown == wanted.shown
            assert (sidebar.follow, sidebar.kept, sidebar.opened) == (wanted.follow, wanted.kept, wanted.opened)


async def test_what_is_shown_of_a_room_is_as_it_is_by_now(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana, bruno = [await find_member(transaction, f"{name}@acme.test") for name in ("ana", "bruno")]
        assert ana
        assert bruno
        room = await create_room(transaction, ana, name="Alpha")

        async def shown() -> list[object]:
            await transaction.flush()
            sidebar = await sidebar_of(transaction, ana.id)
            assert write_sidebar(sidebar, "en") == write_sidebar.__wrapped__(sidebar, "en")
            each = next(each for each in sidebar.shown if each.joined.room.id == room.id)
            joined, about = each.joined, each.joined.room
            told = [joined.unread, joined.mentions, joined.drafted, joined.membership.read_number]
            return [joined.name, each.order, about.slug, about.kind, joined.membership.notify, *told, each.seen]

        assert await shown() == ["Alpha", f"0 alpha {room.id:012d}", "alpha", "public", "everything", 0, 0, False, 0, 0]
        await transaction.change(room, name="Beta", slug="beta")
        assert await shown() == ["Beta", f"0 beta {room.id:012d}", "beta", "public", "everything", 0, 0, False, 0, 0]
        await post_message(transaction, room, bruno, key="new", text="New, @Ana", origin="")
        assert (await shown())[5:9] == [1, 1, False, 0]
        await mark_read_up_to(transaction, room, ana, 1)
        assert (await shown())[5:9] == [0, 0, False, 1]
        await keep_message_draft(transaction, ana, f"room-{room.id}", "Not sent", key="typed")
        assert (await shown())[5:9] == [0, 0, True, 1]
        await set_notify(transaction, room, ana, "mentions")
        assert (await shown())[4] == "mentions"
        await write_visits(transaction, {(ana.id, "room", room.id)})
        assert (await shown())[-1] == 1
        await transaction.change(room, kind="private")
        assert (await shown())[3] == "private"
        await transaction.change(room, archived_at=now())
        assert room.id not in [each.joined.room.id for each in (await sidebar_of(transaction, ana.id)).shown]


async def test_more_unread_rooms_than_are_shown_are_counted_all_the_same(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana, bruno = [await find_member(transaction, f"{name}@acme.test") for name in ("ana", "bruno")]
        assert ana
        assert bruno
        for number in range(ROOMS_SHOWN + 3):
            room = await create_room(transaction, ana, name=f"Room {number:02d}")
            await post_message(transaction, room, bruno, key=f"k{number}", text="New", origin="")
        sidebar = await sidebar_of(transaction, ana.id)
        kept = [each.split(".")[1:] for each in sidebar.kept.split()]
        assert kept == [["e", "1", "0", "0"]] * 3


async def test_collections_that_a_member_opened_last_are_shown(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana, bruno = [await find_member(transaction, f"{name}@acme.test") for name in ("ana", "bruno")]
        assert ana
        assert bruno
        made = [await create_collection(transaction, name=f"Shelf {n:02d}") for n in range(COLLECTIONS_SHOWN + 5)]
        await write_visits(transaction, {(ana.id, "collection", made[-1].id)})
        shown = [each.name for each in (await list_used(transaction, ana)).collections]
        assert len(shown) == COLLECTIONS_SHOWN
        assert shown == sorted(shown)
        assert made[-1].name in shown
        assert made[-1].name not in [each.name for each in (await list_used(transaction, bruno)).collections]
        assert made[-2].name in [each.name for each in (await list_used(transaction, bruno, made[-2].slug)).collections]


async def test_what_is_opened_again_takes_the_place_of_what_was_opened_before(database: Database) -> None:
    visits = Visits(database)
    for _ in range(2):
        visits.note_opened(ACME, 1, "room", 1)
        await visits.write()
    visits.note_opened(ACME, 1, "room", 2)
    visits.note_opened(99, 1, "room", 2)  # a workspace that is gone
    assert not await visits.write()
    async with database.read(ACME) as transaction:
        rows = (await transaction.scalars(select(Visit).order_by(Visit.subject_id))).all()
        assert [row.subject_id for row in rows] == [1, 2]
        assert all(now() - row.visited_at < timedelta(minutes=5) for row in rows)
