"""A part that is pushed may bring channels along: who gets it, live or later, gets what comes on them from there on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from app.accounts.members import Member, find_member
from app.chat.memberships import invite, leave
from app.chat.new_rooms import create_room
from app.chat.posting import post_message
from app.chat.rooms import Room
from app.database import Database, Partial, Transaction
from app.features import open_database
from app.live.log import Event, publish, read_after
from tests.conftest import Server
from tests.live.test_socket import hello, open_page, read_until

ACME = 1
MANY = 60  # more than a page may say hellos


@asynccontextmanager
async def writing(server: Server) -> AsyncIterator[tuple[Transaction, Member, Member]]:
    """A transaction in acme beside the server, with Bruno and Carla. What several write reaches pages in one frame."""
    database = open_database(server.store.url)
    async with database.write(ACME) as transaction:
        bruno, carla = [await find_member(transaction, f"{name}@acme.test") for name in ("bruno", "carla")]
        assert bruno
        assert carla
        yield transaction, bruno, carla
    await database.close()


async def make_rooms(server: Server, count: int) -> list[int]:
    """Private rooms of Bruno's."""
    async with writing(server) as (transaction, bruno, _):
        return [(await create_room(transaction, bruno, name=f"Room {n}", private=True)).id for n in range(count)]


async def let_in_and_say(server: Server, room_ids: list[int], *, out: bool = False) -> None:
    """Bruno lets Carla into rooms, and says something there at once; `out`: she leaves them then."""
    for room_id in room_ids:
        async with writing(server) as (transaction, bruno, carla):
            await invite(transaction, await transaction.get(Room, room_id), bruno, carla)
        async with writing(server) as (transaction, bruno, carla):
            room = await transaction.get(Room, room_id)
            await post_message(transaction, room, bruno, key=f"said {room_id}", text="Said", origin="")
        if out:
            async with writing(server) as (transaction, _, carla):
                await leave(transaction, await transaction.get(Room, room_id), carla)
    async with writing(server) as (transaction, _, _):
        publish(transaction, "tenant", "that is all")


def marks_in(frames: list[str]) -> list[int]:
    """The rooms of the marks of something new."""
    return [int(each) for each in re.findall(r'hx-target="#room-(\d+)-unread" hx-swap="beforeend"', "".join(frames))]


async def test_the_log_keeps_what_a_part_brings_along(database: Database) -> None:
    async with database.write(ACME) as transaction:
        transaction.partials.append(Partial("user.1", "<p>part</p>", follow="news.7 news.8"))
        publish(transaction, "tenant", "<!--no mark-->")
    after = transaction.batch.after
    wanted = [Event(after + 1, "user.1", "<p>part</p>", "news.7 news.8"), Event(after + 2, "tenant", "<!--no mark-->")]
    assert transaction.batch.events == wanted
    async with database.read(ACME) as reading:
        assert await read_after(reading, after) == wanted


@pytest.mark.parametrize("shared", [True, False], ids=["a short replay", "one by channels"])
async def test_who_comes_back_gets_what_was_said_in_all_rooms_they_were_let_into_by_one_hello(
    server: Server, shared: bool
) -> None:
    room_ids = await make_rooms(server, MANY)
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
        channels, cursor = await open_page(carla)
        if not shared:
            async with writing(server) as (transaction, _, _):
                for _ in range(1001):
                    publish(transaction, "admins", "not for Carla")
        await let_in_and_say(server, room_ids)
        async with server.connect("acme", carla) as socket:
            await hello(socket, channels, cursor)
            frames = await read_until(socket, "that is all")
            assert marks_in(frames) == room_ids
            assert "not for Carla" not in "".join(frames)
            async with writing(server) as (transaction, bruno, _):
                room = await transaction.get(Room, room_ids[0])
                await post_message(transaction, room, bruno, key="later", text="Later", origin="")
            frames = await read_until(socket, "beforeend")
            assert marks_in(frames) == room_ids[:1]


async def test_of_rooms_that_were_lost_again_who_comes_back_gets_nothing(server: Server) -> None:
    room_ids = await make_rooms(server, 3)
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
        channels, cursor = await open_page(carla)
        await let_in_and_say(server, room_ids, out=True)
        async with server.connect("acme", carla) as socket:
            assert "refused" not in await hello(socket, channels, cursor)
            assert marks_in(await read_until(socket, "that is all")) == []


async def test_live_pages_are_served_more_than_they_asked_for_whichever_worker_they_are_at(several: Server) -> None:
    room_ids = await make_rooms(several, 3)
    async with aclosing(await several.sign_in("acme", "carla@acme.test")) as carla:
        channels, cursor = await open_page(carla)
        async with several.connect("acme", carla) as one, several.connect("acme", carla) as other:
            for socket in (one, other):
                await hello(socket, channels, cursor)
            async with aclosing(await several.sign_in("acme", "bruno@acme.test")) as bruno:
                for room_id in room_ids:
                    slug = f"room-{room_ids.index(room_id)}"
                    invited = await bruno.post(f"/chat/{slug}/invite", data={"person": "carla@acme.test"})
                    assert invited.status_code == 303
                    said = await bruno.post(f"/chat/{slug}", data={"text": "Said", "key": slug})
                    assert said.status_code == 303
                await bruno.post("/c/books/new", data={"title": "That is all"})
            for socket in (one, other):
                assert marks_in(await read_until(socket, "That is all")) == room_ids


async def test_all_that_a_pushed_part_follows_it_brings_along(server: Server) -> None:
    await let_in_and_say(server, await make_rooms(server, 3))
    database = open_database(server.store.url)
    async with database.read(ACME) as transaction:
        parts = [event for event in await read_after(transaction, 0) if "<sidebar-rooms" in event.body]
    await database.close()
    assert parts
    for part in parts:
        assert re.findall(r'data-follow="([^"]*)"', part.body) == [part.follow]
