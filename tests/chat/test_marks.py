"""Marks on messages: pinned to the room, saved for later, unread from here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import httpx
import pytest

from app.accounts.members import Member, find_member
from app.chat.memberships import get_room
from app.chat.message_changes import delete_message
from app.chat.messages import Message
from app.chat.pins import MOST_PINNED, count_pinned, pin_message
from app.chat.posting import post_message
from app.chat.saved import DONE_KEPT_FOR, SavedMessage, delete_done, list_saved, save_message
from app.database import Database, Transaction, now
from app.web.forms import Invalid
from tests.conftest import Server
from tests.sent_forms import FormReader

ACME = 1


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        yield client


async def say(client: httpx.AsyncClient, text: str, to: str = "/chat/general") -> int:
    answer = await client.post(to, data={"text": text, "key": text}, headers={"x-page": "1"})
    return int(answer.json()["number"])


async def list_marked(client: httpx.AsyncClient, page: str) -> list[int]:
    """Which messages a page with a timeline marks as saved."""
    (marked,) = re.findall(r' data-saved="([^"]*)"', (await client.get(page)).text)
    return sorted(int(each) for each in marked.split())


async def test_what_is_pinned_is_listed_until_it_is_taken_off_or_deleted(ana: httpx.AsyncClient) -> None:
    number = await say(ana, "The door code has changed")
    address = f"/chat/general/messages/{number}/pin"
    for _ in range(2):
        assert (await ana.post(address, data={"on": "1"})).headers["location"] == "/chat/general/pins"
    for page in ("/chat/general/pins", "/chat/general/about"):
        assert "The door code has changed" in (await ana.get(page)).text
    assert 'class="pinned"' in (await ana.get(f"/chat/general?at={number}")).text
    await ana.post(address)
    assert "The door code has changed" not in (await ana.get("/chat/general/pins")).text
    await ana.post(address, data={"on": "1"})
    gone = await ana.post(f"/chat/general/messages/{number}/delete")
    assert "The door code" not in (await ana.get("/chat/general/pins")).text
    assert (await ana.post(address, data={"on": "1"})).status_code == 410
    offer = gone.headers["location"].partition("undo=")[2]
    assert (await ana.post(f"/undo/{offer}")).status_code == 303
    assert "The door code has changed" in (await ana.get("/chat/general/pins")).text


async def test_a_message_of_a_discussion_is_pinned_from_the_page_of_its_record(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    said = {"text": "Page 12 is missing", "key": "missing"}
    number = (await ana.post("/discussion/record-12", data=said, headers={"x-page": "1"})).json()["number"]
    page = (await ana.get("/c/books/12")).text
    assert "Pin to the discussion" in page
    address = page.partition('data-react="')[2].partition("/react")[0]
    assert address.endswith(f"/messages/{number}")
    assert (await ana.post(f"{address}/pin", data={"on": "1"})).status_code == 303
    page = (await ana.get("/c/books/12")).text
    assert "1 pinned message" in page
    assert 'class="pinned"' in page
    async with aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi:
        page = (await davi.get("/c/books/12")).text
        assert "1 pinned message" in page
        assert "Pin to the discussion" in page, "of a discussion all who may read what it is about"


async def test_the_pins_of_a_discussion_speak_of_it_and_lead_to_its_record(ana: httpx.AsyncClient) -> None:
    said = {"text": "Page 13 is missing", "key": "missing-13"}
    number = (await ana.post("/discussion/record-13", data=said, headers={"x-page": "1"})).json()["number"]
    room = "/chat/about-record-13"
    empty = (await ana.get(f"{room}/pins")).text
    assert "Choose “Pin to the discussion”" in empty
    way = re.search(r'<p class="breadcrumb">(.*?)</p>', empty, re.S)
    assert way
    assert re.findall(r'href="([^"]*)"', way[1]) == ["/c/books", "/c/books/13#discussion"]
    assert "Books" in way[1]
    page = (await ana.get(room)).text
    assert "Pin to the discussion" in page
    assert "Pin to the room" not in page
    assert "Open record" in page
    for path in ("", "/edit", "/history"):
        each = (await ana.get(f"{room}/messages/{number}{path}")).text
        assert '<p class="breadcrumb"><a href="/c/books">Books</a>' in " ".join(each.split()).replace("> <a", "><a"), (
            path
        )


async def test_what_is_saved_waits_for_its_member_alone_until_it_is_done(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    number = await say(ana, "Look for the old map")
    address = f"/chat/general/messages/{number}/save"
    async with aclosing(shared_server.let_in("acme", "carla@acme.test")) as carla:
        assert (await carla.post(address)).headers["location"] == "/saved"
        assert "Look for the old map" in (await carla.get("/saved")).text
        assert "Saved for later" in (await carla.get("/")).text
        await carla.post(address, data={"done": "1"})
        assert "Look for the old map" in (await carla.get("/saved")).text.partition("<h2>Done</h2>")[2]
        assert "Saved for later" not in (await carla.get("/")).text
        await carla.post(address)
        assert "<h2>Done</h2>" not in (await carla.get("/saved")).text
    assert "Look for the old map" not in (await ana.get("/saved")).text


async def test_the_page_of_a_message_without_scripts_saves_it_and_no_more_and_others_keep_theirs(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    number = await say(ana, "Oil the old press")
    page = f"/chat/general/messages/{number}"

    async def send_form(client: httpx.AsyncClient, button: str) -> None:
        text = (await client.get(page)).text
        assert [each for each in ("Save for later", "Remove from saved") if each in text] == [button]
        (form,) = (each for each in FormReader(text).forms if each.action == f"{page}/save")
        answer = await client.post(form.action, data=form.sent)
        assert (answer.status_code, answer.headers["location"]) == (303, "/saved")

    await send_form(ana, "Save for later")
    async with aclosing(shared_server.let_in("acme", "carla@acme.test")) as carla:
        await send_form(carla, "Save for later")
        await send_form(carla, "Remove from saved")
        assert "Oil the old press" not in (await carla.get("/saved")).text
        await carla.post(f"{page}/save", data={"off": "1"})
        assert "Save for later" in (await carla.get(page)).text, "what is not saved stays so"
    assert "Oil the old press" in (await ana.get("/saved")).text.partition("<h2>Done</h2>")[0]
    assert "Remove from saved" in (await ana.get(page)).text
    await ana.post(f"{page}/save", data={"done": "1"})
    await ana.post(f"{page}/save", data={"off": "1"})
    assert "Oil the old press" not in (await ana.get("/saved")).text, "nor among what was ticked off"


async def test_a_page_marks_what_its_reader_has_saved_there_and_nothing_else(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    async with (
        aclosing(shared_server.let_in("acme", "carla@acme.test")) as carla,
        aclosing(shared_server.let_in("globex", "gil@globex.test")) as gil,
    ):
        for client, name in ((ana, "Shelf of saved"), (ana, "Other shelf of saved"), (gil, "Shelf of saved")):
            assert (await client.post("/chat/new", data={"name": name})).status_code == 303
        shelf, other, discussion = "/chat/shelf-of-saved", "/chat/other-shelf-of-saved", "/chat/about-record-15"
        for text in ("One", "Two", "Three", "Four", "Five"):
            for client, to in ((ana, shelf), (ana, other), (ana, "/discussion/record-15"), (gil, shelf)):
                await say(client, f"{text} for {to}", to)
        for client, room, number in (
            *((ana, shelf, 1), (ana, other, 2), (ana, discussion, 3), (carla, shelf, 4), (gil, shelf, 5)),
            *((ana, shelf, 3), (carla, shelf, 2)),
        ):
            assert (await client.post(f"{room}/messages/{number}/save")).status_code == 303
        await ana.post(f"{shelf}/messages/3/save", data={"done": "1"})
        await carla.post(f"{shelf}/messages/2/save", data={"off": "1"})
        for client, page, numbers in (
            *((ana, shelf, [1]), (ana, other, [2]), (ana, discussion, [3]), (ana, "/c/books/15", [3])),
            *((carla, shelf, [4]), (carla, other, []), (carla, discussion, []), (carla, "/c/books/15", [])),
            (gil, shelf, [5]),
        ):
            assert await list_marked(client, page) == numbers, page


async def open_general(transaction: Transaction, *names: str) -> list[Member]:
    found = [await find_member(transaction, f"{name}@acme.test") for name in names]
    return [each for each in found if each]


async def post(transaction: Transaction, member: Member, text: str) -> Message:
    room = await get_room(transaction, member, "general")
    message, _ = await post_message(transaction, room, member, key=text, text=text, origin="")
    return message


async def test_a_room_has_only_so_many_pins(database: Database) -> None:
    async with database.write(ACME) as transaction:
        (ana,) = await open_general(transaction, "ana")
        room = await get_room(transaction, ana, "general")
        for number in range(MOST_PINNED):
            message = await post(transaction, ana, f"Line {number}")
            assert await pin_message(transaction, room, message, ana, on=True)
        with pytest.raises(Invalid, match="messages are pinned here already"):
            await pin_message(transaction, room, await post(transaction, ana, "One more"), ana, on=True)
        await delete_message(transaction, message, ana)
        assert await count_pinned(transaction, [room.id]) == {room.id: MOST_PINNED - 1}


async def test_what_was_ticked_off_long_ago_is_deleted_and_what_waits_stays(database: Database) -> None:
    async with database.write(ACME) as transaction:
        (ana,) = await open_general(transaction, "ana")
        for text in ("Waits", "Done now", "Done long ago"):
            message = await post(transaction, ana, text)
            await save_message(transaction, message, ana, saved=True)
            if text != "Waits":
                await save_message(transaction, message, ana, saved=True, done=True)
        old = await transaction.get(SavedMessage, (message.id, ana.id))
        assert old
        old.done_at = now() - DONE_KEPT_FOR - timedelta(days=1)
        await transaction.flush()
    async with database.write(ACME) as transaction:
        assert await delete_done(transaction, 100) == 1
    async with database.read(ACME) as transaction:
        (ana,) = await open_general(transaction, "ana")
        assert [each.text for each in await list_saved(transaction, ana)] == ["Waits"]
        assert [each.text for each in await list_saved(transaction, ana, done=True)] == ["Done now"]
