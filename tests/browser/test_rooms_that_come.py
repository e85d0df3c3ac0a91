"""A room that comes to a page by what is pushed is followed from there on, whenever the page learns of it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from playwright.async_api import Page, expect

from app.chat.memberships import get_room, invite, leave
from app.chat.new_rooms import create_room, open_direct
from app.chat.room_changes import archive_room, change_room
from tests.browser.lines import say_lines
from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.browser.test_sidebar import lines
from tests.conftest import Server
from tests.live.test_brought_channels import writing

ACME = 1


async def make_room(server: Server, *, private: bool = True, with_carla: bool = True) -> None:
    """A room of Bruno's."""
    async with writing(server) as (transaction, bruno, carla):
        room = await create_room(transaction, bruno, name="Poetry", private=private)
        if with_carla:
            await invite(transaction, room, bruno, carla)


async def let_in(server: Server) -> None:
    """Bruno lets Carla into the room."""
    async with writing(server) as (transaction, bruno, carla):
        await invite(transaction, await get_room(transaction, bruno, "poetry"), bruno, carla)


async def go_out(server: Server) -> None:
    """Carla leaves the room."""
    async with writing(server) as (transaction, bruno, carla):
        await leave(transaction, await get_room(transaction, bruno, "poetry"), carla)


async def cut(page: Page) -> None:
    """Take the network from a page."""
    await page.context.set_offline(True)
    await expect(page.locator("html")).to_have_attribute("data-live", "off")


async def come_back(page: Page) -> None:
    """Give it back, and wait until the page has what it missed."""
    await page.context.set_offline(False)
    await expect(page.locator("html")).to_have_attribute("data-live", "on", timeout=20_000)
    await ready(page)


async def add_book(server: Server) -> None:
    """Add a book beside the server, as the last of what happens."""
    added = await asyncio.to_thread(
        server.run, "record", "add", "acme", "books", "title=Helena", "--as", "ana@acme.test"
    )
    assert added.returncode == 0, added.stderr


async def test_a_page_that_was_away_counts_what_was_said_in_a_room_its_reader_got_into_meanwhile(
    server: Server, person: Any
) -> None:
    await make_room(server, with_carla=False)
    page = await (await person(server, "acme", "carla@acme.test")).open("/c/books")
    await cut(page)
    await let_in(server)
    await say_lines(server, ["One", "Two", "@Carla"], slug="poetry")
    await come_back(page)
    unread = lines(page).filter(has_text="Poetry").locator(".unread")
    await expect(unread).to_have_text("3")
    await expect(unread).to_have_attribute("data-mentions", "1")
    await say_lines(server, ["Four"], slug="poetry")
    await expect(unread).to_have_text("4")
    await assert_equals_a_fresh_load(page)


async def test_what_is_said_in_the_moment_after_somebody_was_let_in_is_counted(server: Server, person: Any) -> None:
    await make_room(server, with_carla=False)
    page = await (await person(server, "acme", "carla@acme.test")).open("/c/books")
    await let_in(server)
    await say_lines(server, ["One", "Two"], slug="poetry")
    await add_book(server)
    await expect(page.get_by_role("link", name="Helena")).to_be_visible()
    await expect(lines(page).filter(has_text="Poetry").locator(".unread")).to_have_text("2")
    await assert_equals_a_fresh_load(page)


async def test_who_leaves_a_private_room_and_is_let_in_again_at_once_goes_on_counting(
    server: Server, person: Any
) -> None:
    await make_room(server)
    page = await (await person(server, "acme", "carla@acme.test")).open("/c/books")
    await go_out(server)
    await let_in(server)
    await say_lines(server, ["One", "Two"], slug="poetry")
    await expect(lines(page).filter(has_text="Poetry").locator(".unread")).to_have_text("2")
    await assert_equals_a_fresh_load(page)


async def test_a_page_that_was_away_shows_no_room_that_its_reader_has_left_meanwhile(
    server: Server, person: Any
) -> None:
    await make_room(server, private=False)
    page = await (await person(server, "acme", "carla@acme.test")).open("/c/books")
    await cut(page)
    await go_out(server)
    await say_lines(server, ["One"], slug="poetry")
    await add_book(server)
    await come_back(page)
    await expect(page.get_by_role("link", name="Helena")).to_be_visible()
    await expect(lines(page).filter(has_text="Poetry")).to_have_count(0)
    await assert_equals_a_fresh_load(page)


async def test_a_room_that_is_no_more_archived_counts_what_was_said_in_it_while_a_page_was_away(
    server: Server, person: Any
) -> None:
    await make_room(server)
    async with writing(server) as (transaction, bruno, _):
        await archive_room(transaction, await get_room(transaction, bruno, "poetry"), bruno, archived=True)
    page = await (await person(server, "acme", "carla@acme.test")).open("/c/books")
    await cut(page)
    async with writing(server) as (transaction, bruno, _):
        await archive_room(transaction, await get_room(transaction, bruno, "poetry"), bruno, archived=False)
    await say_lines(server, ["One", "Two"], slug="poetry")
    await come_back(page)
    await expect(lines(page).filter(has_text="Poetry").locator(".unread")).to_have_text("2")
    await assert_equals_a_fresh_load(page)


async def test_a_page_that_was_away_is_live_when_its_reader_has_lost_a_room(server: Server, person: Any) -> None:
    await make_room(server)
    page = await (await person(server, "acme", "carla@acme.test")).open("/c/books")
    await cut(page)
    await go_out(server)
    await come_back(page)
    await expect(lines(page).filter(has_text="Poetry")).to_have_count(0)
    await expect(page.locator("html[data-refused]")).to_have_count(0)
    await assert_equals_a_fresh_load(page)


async def test_who_writes_into_a_room_they_looked_at_is_offered_no_more_to_join_and_who_leaves_it_is(
    server: Server, person: Any
) -> None:
    await make_room(server, private=False, with_carla=False)
    await say_lines(server, ["Welcome"], slug="poetry")
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/chat/poetry")
    listed, other = await carla.context.new_page(), await carla.context.new_page()
    await listed.goto(carla.origin + "/chat")
    await other.goto(carla.origin + "/chat/poetry")
    for each in (listed, other):
        await ready(each)
    await expect(other.get_by_role("button", name="Join")).to_be_visible()
    await page.get_by_role("textbox", name="Message").fill("Good morning")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Join")).to_have_count(0)
    await expect(other.get_by_role("button", name="Join")).to_have_count(0)
    in_list = listed.locator(".rooms tbody tr").filter(has_text="Poetry")
    await expect(in_list.get_by_text("joined")).to_be_visible()
    for each in (page, other, listed):
        await ready(each)
        await assert_equals_a_fresh_load(each)
    await go_out(server)
    await expect(page.get_by_role("button", name="Join")).to_be_visible()
    await expect(in_list.get_by_role("button", name="Join")).to_be_visible()
    await assert_equals_a_fresh_load(page)
    await page.get_by_role("button", name="Join").click()
    await expect(other.get_by_role("button", name="Join")).to_have_count(0)
    await expect(page.get_by_role("button", name="Join")).to_have_count(0)


async def test_lists_of_rooms_show_private_ones_that_their_reader_got_into_or_has_lost(
    server: Server, person: Any
) -> None:
    page = await (await person(server, "acme", "carla@acme.test")).open("/chat")
    line = page.locator(".rooms tbody tr").filter(has_text=re.compile("Poetry|Prose"))
    await make_room(server)
    await expect(line).to_have_text(re.compile("Poetry"))
    async with writing(server) as (transaction, bruno, _):
        await change_room(
            transaction, await get_room(transaction, bruno, "poetry"), bruno, name="Prose", description=""
        )
    await expect(line).to_have_text(re.compile("Prose"))
    await go_out(server)
    await expect(line).to_have_count(0)
    async with writing(server) as (transaction, bruno, carla):
        await open_direct(transaction, [carla, bruno])
    await expect(page.locator(".rooms tbody tr").filter(has_text="Bruno")).to_have_count(1)
    await assert_equals_a_fresh_load(page)
