"""The home page as it lives: what others do is on it at once, and what is read is not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.conftest import Person, Server


@pytest.fixture
async def bruno(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Bruno, signed in without a browser."""
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as client:
        yield client


@pytest.fixture
async def home(server: Server, person: Any) -> Page:
    """Carla's home page."""
    carla: Person = await person(server, "acme", "carla@acme.test")
    return await carla.open("/")


async def test_the_last_line_of_a_room_comes_changes_and_goes(
    server: Server, person: Any, home: Page, bruno: httpx.AsyncClient
) -> None:
    lines = home.locator("#home-lines > li:not([hidden])")
    await expect(lines).to_have_count(0)
    await expect(home.locator("#home-rooms")).to_be_hidden()
    await bruno.post("/chat/general", data={"text": "The binder called", "key": "line-1"})
    await expect(lines).to_have_count(1)
    await expect(lines).to_contain_text("Bruno: The binder called")
    await bruno.post("/chat/general", data={"text": "It is ready", "key": "line-2"})
    await expect(lines).to_have_count(1)
    await expect(lines).to_contain_text("Bruno: It is ready")
    ((number,),) = server.store.rows("SELECT max(number) FROM message WHERE room_id = 1")
    await bruno.post(f"/chat/general/messages/{number}/edit", data={"text": "It is nearly ready", "edits": "0"})
    await expect(lines).to_contain_text("Bruno: It is nearly ready")
    async with aclosing(server.let_in("acme", "carla@acme.test")) as elsewhere:
        await elsewhere.post("/chat/general", data={"text": "I fetch it", "key": "line-3"})
        await elsewhere.post("/chat/general/read", data={"number": str(number + 1)})
    await expect(home.locator("#home-rooms")).to_be_hidden()
    await bruno.post("/chat/general", data={"text": "Not for long", "key": "line-4"})
    await expect(lines).to_contain_text("Not for long")
    await bruno.post(f"/chat/general/messages/{number + 2}/delete")
    await expect(home.get_by_text("Not for long")).to_have_count(0)


async def test_who_edits_and_what_one_is_told_come_and_go(home: Page, bruno: httpx.AsyncClient) -> None:
    edited = home.locator("#home-edited")
    await expect(edited).to_be_hidden()
    page = (await bruno.get("/c/books/40/edit", headers={"sec-fetch-site": "same-origin"})).text
    await expect(edited).to_contain_text("Dom Casmurro")
    await expect(edited).to_contain_text("Bruno")
    token = re.search(r'name="lock-token" value="([^"]+)"', page)
    assert token
    await bruno.post("/c/books/40/lock/release", data={"lock-token": token[1]})
    await expect(edited).to_be_hidden()
    waiting = home.get_by_role("region", name="Waiting for you")
    await expect(waiting).to_contain_text("Nothing is waiting for you.")
    await bruno.post("/chat/general", data={"text": "Look, @Carla", "key": "told-1"})
    await expect(waiting).to_contain_text("Bruno mentioned you in general")
    await bruno.post("/announcements", data={"title": "Closed on Friday", "text": "Inventory"})
    await expect(home.get_by_role("region", name="Announcements")).to_contain_text("Closed on Friday")


async def test_a_collection_is_pinned_by_a_star_and_an_open_home_page_has_it_first(
    server: Server, person: Any, home: Page
) -> None:
    carla: Person = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books")
    star = page.get_by_role("button", name="Pin to home")
    await expect(star).to_have_attribute("aria-pressed", "false")
    await star.click()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await expect(star).to_be_focused()
    await expect(home.get_by_role("region", name="Pinned collections")).to_contain_text("Books")
    await star.click()
    await expect(home.get_by_role("region", name="Pinned collections")).to_have_count(0)


@pytest.mark.parametrize("path", ["/", "/settings", "/members", "/audit", "/account", "/notifications/preferences"])
async def test_no_page_scrolls_sideways_where_it_is_narrow(shared_server: Server, person: Any, path: str) -> None:
    ana: Person = await person(shared_server, "acme", "ana@acme.test", viewport={"width": 320, "height": 700})
    page = await ana.open(path)
    assert await page.evaluate("document.documentElement.scrollWidth") == 320
    if path != "/":
        current = page.locator(".shell-tabs [aria-current]")
        await expect(current).to_be_in_viewport(ratio=0.9)


async def test_on_a_phone_a_line_has_the_width_of_its_card(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test", viewport={"width": 390, "height": 844})
    page = await carla.open("/")
    line = page.locator(".home-list li").first
    widths = await line.evaluate(
        "li => [li, li.querySelector('.what')].map((each) => each.clientWidth || each.getBoundingClientRect().width)"
    )
    assert widths[1] > widths[0] * 0.75
