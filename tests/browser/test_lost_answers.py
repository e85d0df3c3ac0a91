"""The answer to a form is lost when the server has stored what it asked for: pressed again, it makes nothing twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.pages import ready
from tests.conftest import Server

ALREADY = "This was already created"


async def lose_answer(server: Server, page: Page, path: str, button: str) -> None:
    """Press a button; the server does what it asks for, and the page never hears of it."""
    pressed = page.get_by_role("button", name=button, exact=True)
    await lose_answer_to(server, page, path, pressed)
    await expect(pressed).to_be_enabled()


async def lose_answer_to(server: Server, page: Page, path: str, pressed: Locator) -> None:
    """Likewise, whatever is pressed."""

    lost = asyncio.Event()

    async def lose(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        async with server.client("acme") as client:
            headers = await route.request.all_headers()
            names = ("cookie", "content-type", "origin", "sec-fetch-site")
            sent = {name: headers[name] for name in names if name in headers}
            answer = await client.post(path, content=route.request.post_data_buffer, headers=sent)
        assert answer.status_code in (200, 303)
        await route.abort()
        lost.set()

    await page.route(f"**{path}", lose)
    await pressed.click()
    async with asyncio.timeout(20):
        await lost.wait()
    await page.unroute_all()


def titles(server: Server, like: str) -> list[str]:
    found = server.store.rows(f"SELECT search FROM record WHERE search LIKE '%{like}%' ORDER BY number")
    return [row[0] for row in found]


@pytest.mark.parametrize("reload", [False, True], ids=["at once", "after a reload"])
async def test_a_record_is_added_once(shared_server: Server, person: Any, reload: bool) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    title = f"Lost {'and found' if reload else 'at sea'}"
    await page.get_by_label("Title").fill(title)
    await lose_answer(shared_server, page, "/c/books/new", "Save")
    await expect(page.get_by_label("Title")).to_have_value(title)
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    if reload:
        await page.reload()
        await ready(page)
        await expect(page.get_by_label("Title")).to_have_value(title)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name=title)).to_be_visible()
    assert len(titles(shared_server, title.lower())) == 1
    await ana.open("/c/books/new")
    await expect(page.get_by_label("Title")).to_have_value("")
    await page.get_by_label("Title").fill(title)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name=title)).to_be_visible()
    assert len(titles(shared_server, title.lower())) == 2, "what was sent before has nothing to do with a new form"


async def test_what_is_typed_after_a_lost_answer_is_not_dropped(shared_server: Server, person: Any) -> None:
    bruno = await person(shared_server, "acme", "bruno@acme.test")
    page = await bruno.open("/c/books/new")
    await page.get_by_label("Title").fill("Gone on")
    await lose_answer(shared_server, page, "/c/books/new", "Save")
    await page.get_by_label("Author").fill("Someone")
    await page.get_by_role("button", name="Save").click()
    told = page.get_by_role("alert").filter(has_text=ALREADY)
    await expect(told).to_be_visible()
    await expect(page.get_by_label("Author")).to_have_value("Someone")
    assert len(titles(shared_server, "gone on")) == 1
    await page.get_by_label("Author").fill("Somebody else")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await told.get_by_role("link", name="View").click()
    await expect(page.get_by_role("heading", name="Gone on")).to_be_visible()
    await bruno.open("/c/books/new")
    await expect(page.get_by_label("Author")).to_have_value("Somebody else")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("Somebody else")
    assert len(titles(shared_server, "gone on")) == 2


async def test_a_link_is_made_once_though_the_page_follows_what_was_made(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/members")
    await lose_answer(shared_server, page, "/members/links", "Create link")
    await expect(page.get_by_role("heading", name="Pending invitations")).to_be_visible()
    await page.get_by_role("button", name="Create link").click()
    await expect(page.get_by_text("The link was already created")).to_be_visible()
    assert shared_server.store.rows("SELECT count(*) FROM invitation")[0][0] == 1
    await page.get_by_role("button", name="Create link").click()
    await expect(page.get_by_text("Copy the link now: it is shown only once.")).to_be_visible()
    assert shared_server.store.rows("SELECT count(*) FROM invitation")[0][0] == 2


async def test_a_room_begun_afresh_is_another_one(shared_server: Server, person: Any) -> None:
    carla = await person(shared_server, "acme", "carla@acme.test")
    page = await carla.open("/chat/new")
    await page.get_by_label("Name").fill("Harbour")
    await lose_answer(shared_server, page, "/chat/new", "Create room")
    await carla.open("/chat/new")
    await expect(page.get_by_label("Name")).to_have_value("Harbour")
    await page.get_by_role("button", name="Start over").click()
    await page.get_by_label("Name").fill("Harbour")
    await page.get_by_role("button", name="Create room").click()
    await expect(page.get_by_role("heading", name="Harbour")).to_be_visible()
    assert page.url.endswith("/chat/harbour-2")


async def test_without_scripts_a_button_that_is_pressed_twice_makes_one(shared_server: Server, person: Any) -> None:
    davi = await person(shared_server, "acme", "davi@acme.test", java_script_enabled=False)
    page = await davi.open("/chat/new", live=False)
    await page.get_by_label("Name").fill("Quiet")
    await page.get_by_role("button", name="Create room").dblclick()
    await expect(page.get_by_role("heading", name="Quiet")).to_be_visible()
    assert page.url.endswith("/chat/quiet")
    assert shared_server.store.rows("SELECT count(*) FROM room WHERE name = 'Quiet'")[0][0] == 1


async def test_an_edit_is_saved_once(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/33/edit")
    await page.get_by_label("Notes").fill("Saved, and nobody said so")
    await lose_answer(shared_server, page, "/c/books/33/edit", "Save")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("Saved, and nobody said so")
    await expect(page.get_by_text("Nothing was saved")).to_have_count(0)
    assert page.url.endswith("/c/books/33")


async def test_an_emoji_is_given_once_and_what_went_wrong_is_said_no_longer(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/chat/general?at=end")
    message = page.locator("ol.messages > .message").last

    async def give() -> None:
        await message.hover()
        await message.get_by_role("button", name="React").click()

    party = page.locator("emoji-picker").get_by_role("gridcell", name="🎉").first
    address = f"/chat/general/messages/{await message.get_attribute('data-number')}/react"
    await give()
    await lose_answer_to(shared_server, page, address, party)
    said = page.get_by_text("That did not work. Try again.")
    await expect(said).to_be_visible()
    await expect(message.locator(".reactions")).to_have_text("🎉 1")
    await give()
    await party.click()
    await expect(said).to_be_hidden()
    await expect(message.locator(".reactions")).to_have_text("🎉 1")
    await message.locator(".reactions button").click()
    await expect(message.locator(".reactions")).to_have_count(0)
