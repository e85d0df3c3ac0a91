"""The sidebar's rooms: what is new in them is counted, and comes where it was not shown."""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Locator, Page, expect

from app.accounts.members import find_member
from app.chat.memberships import Membership, get_room, set_notify
from app.chat.message_changes import delete_message
from app.chat.messages import get_message
from app.chat.new_rooms import create_room
from app.chat.posting import post_message
from app.chat.room_changes import change_room
from app.chat.sidebar import ROOMS_SHOWN
from app.features import open_database
from tests.browser.lines import say_lines
from tests.browser.pages import assert_equals_a_fresh_load
from tests.conftest import Server

ACME = 1


async def make_rooms(server: Server, count: int) -> None:
    """Rooms of acme in which everybody is, `room-00` and on."""
    database = open_database(server.store.url)
    async with database.write(ACME) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana
        others = [await find_member(transaction, f"{name}@acme.test") for name in ("bruno", "carla")]
        for number in range(count):
            room = await create_room(transaction, ana, name=f"Room {number:02d}")
            transaction.add_all(Membership(room_id=room.id, member_id=each.id) for each in others if each)
    await database.close()


def lines(page: Page) -> Locator:
    return page.get_by_role("region", name="Rooms").get_by_role("listitem")


async def test_a_room_that_is_not_shown_comes_with_what_is_new_and_another_goes(server: Server, person: Any) -> None:
    await make_rooms(server, ROOMS_SHOWN + 5)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/chat/room-03")
    shown = await lines(page).locator(".name").all_inner_texts()
    assert len(shown) == ROOMS_SHOWN
    hidden = next(name for name in (f"Room {n:02d}" for n in range(ROOMS_SHOWN + 5)) if name not in shown)
    line = lines(page).filter(has_text=hidden)
    await say_lines(server, ["One", "Two", "@Carla"], slug=hidden.lower().replace(" ", "-"))
    await expect(line).to_have_count(1)
    await expect(line.locator(".unread")).to_have_text("3")
    await expect(line.locator(".unread")).to_have_attribute("data-mentions", "1")
    await expect(page).to_have_title("(3) Room 03 · Biblioteca Acme")
    await expect(lines(page)).to_have_count(ROOMS_SHOWN)
    names = await lines(page).locator(".name").all_inner_texts()
    assert names == sorted(names, key=str.lower)
    await expect(page.locator("#rooms [aria-current=page]")).to_contain_text("Room 03")
    await assert_equals_a_fresh_load(page)
    await line.get_by_role("link").click()
    await expect(page.locator("#rooms [aria-current=page]")).to_contain_text(hidden)
    await expect(line.locator(".unread")).to_be_hidden()
    await expect(page).to_have_title(f"{hidden} · Biblioteca Acme")


async def test_what_is_said_and_taken_back_at_once_is_not_counted(server: Server, person: Any) -> None:
    await make_rooms(server, ROOMS_SHOWN + 5)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books")
    shown = await lines(page).locator(".name").all_inner_texts()
    hidden = next(name for name in (f"Room {n:02d}" for n in range(ROOMS_SHOWN + 5)) if name not in shown)
    database = open_database(server.store.url)
    async with database.write(ACME) as transaction:
        bruno = await find_member(transaction, "bruno@acme.test")
        assert bruno
        room = await get_room(transaction, bruno, hidden.lower().replace(" ", "-"))
        said, _ = await post_message(transaction, room, bruno, key="said", text="Said", origin="")
    async with database.write(ACME) as transaction:
        room = await get_room(transaction, bruno, room.slug)
        await delete_message(transaction, await get_message(transaction, room, said.number), bruno)
        await post_message(transaction, room, bruno, key="more", text="Said better", origin="")
    await database.close()
    await expect(lines(page).filter(has_text=hidden).locator(".unread")).to_have_text("1")
    await expect(page).to_have_title("(1) Books · Biblioteca Acme")
    await assert_equals_a_fresh_load(page)


async def test_a_message_that_is_there_again_counts_again_and_a_page_without_rooms_counts_none(
    server: Server, person: Any
) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books")
    unread = lines(page).filter(has_text="general").locator(".unread")
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        for text in ("One", "Two"):
            await bruno.post("/chat/general", data={"text": text, "key": text})
        await expect(unread).to_have_text("2")
        ((number,),) = server.store.rows("SELECT max(number) FROM message WHERE room_id = 1")
        deleted = await bruno.post(f"/chat/general/messages/{number}/delete")
        await expect(unread).to_have_text("1")
        (offer,) = parse_qs(urlsplit(deleted.headers["location"]).query)["undo"]
        assert (await bruno.post(f"/undo/{offer}")).status_code == 303
    await expect(unread).to_have_text("2")
    await assert_equals_a_fresh_load(page)
    await expect(page).to_have_title("(2) Books · Biblioteca Acme")
    await page.evaluate("document.querySelector('a[href=\"/c/books/2\"]').setAttribute('href', '/c/books/9999')")
    await page.locator("a[href='/c/books/9999']").click()
    await expect(page).to_have_title("(2) Page not found · Biblioteca Acme")


async def test_the_open_room_stays_in_the_sidebar_when_many_others_are_unread(server: Server, person: Any) -> None:
    await make_rooms(server, ROOMS_SHOWN + 5)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/chat/room-03")
    for number in range(4, ROOMS_SHOWN + 5):
        await say_lines(server, [f"Said {number}"], slug=f"room-{number:02d}")
    await expect(page).to_have_title(re.compile(r"^\(16\) "))
    await assert_equals_a_fresh_load(page)
    database = open_database(server.store.url)
    async with database.write(ACME) as transaction:
        bruno = await find_member(transaction, "bruno@acme.test")
        assert bruno
        await change_room(
            transaction, await get_room(transaction, bruno, "room-03"), bruno, name="A better name", description=""
        )
    await database.close()
    await expect(page.get_by_role("heading", name="A better name")).to_be_visible()
    await expect(page.locator("#rooms [aria-current=page]")).to_have_text(re.compile("A better name"))
    await expect(lines(page)).to_have_count(ROOMS_SHOWN)
    await assert_equals_a_fresh_load(page)
    await say_lines(server, ["@Carla"], slug="room-02")
    await expect(lines(page).filter(has_text="Room 02")).to_have_count(1)
    await expect(page.locator("#rooms [aria-current=page]")).to_have_text(re.compile("A better name"))
    await assert_equals_a_fresh_load(page)


async def test_a_muted_room_takes_nobody_s_place_and_what_is_deleted_elsewhere_is_not_counted(
    server: Server, person: Any
) -> None:
    await make_rooms(server, ROOMS_SHOWN + 5)
    database = open_database(server.store.url)
    async with database.write(ACME) as transaction:
        carla = await find_member(transaction, "carla@acme.test")
        bruno = await find_member(transaction, "bruno@acme.test")
        assert carla
        assert bruno
        for number in range(ROOMS_SHOWN + 5):
            room = await get_room(transaction, bruno, f"room-{number:02d}")
            if number == ROOMS_SHOWN + 4:
                await set_notify(transaction, room, carla, "nothing")
            elif number:
                await post_message(transaction, room, bruno, key=f"k{number}", text="Said", origin="")
    page = await (await person(server, "acme", "carla@acme.test")).open("/c/books")
    await expect(page).to_have_title(re.compile(r"^\(18\) "))
    shown = await lines(page).locator(".name").all_inner_texts()
    hidden = next(name for name in (f"Room {n:02d}" for n in range(1, ROOMS_SHOWN + 4)) if name not in shown)
    await say_lines(server, ["Said"], slug=f"room-{ROOMS_SHOWN + 4:02d}")
    async with database.write(ACME) as transaction:
        room = await get_room(transaction, bruno, hidden.lower().replace(" ", "-"))
        await delete_message(transaction, await get_message(transaction, room, 1), bruno)
    await database.close()
    await expect(page).to_have_title(re.compile(r"^\(17\) "))
    assert await lines(page).locator(".name").all_inner_texts() == shown
    await assert_equals_a_fresh_load(page)


async def test_the_small_links_of_the_sidebar_show_where_one_is_too(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/saved")
    side = page.get_by_role("navigation", name="Workspace")
    await expect(side.locator("[aria-current]")).to_have_text(["Saved messages"])


async def test_who_has_no_collection_and_can_make_none_has_no_heading_of_collections(
    server: Server, person: Any
) -> None:
    server.store.rows("UPDATE collection SET deleted_at = created_at WHERE tenant_id = 1")
    carla = await person(server, "acme", "carla@acme.test")
    ana = await person(server, "acme", "ana@acme.test")
    heading = "#collections h2"
    await expect((await carla.open("/chat")).locator(heading)).to_be_hidden()
    await expect((await ana.open("/chat")).locator(heading)).to_be_visible()
