"""A page is asked for as its link is pointed at: nothing is read or opened by that, and what is shown is up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from playwright.async_api import Page, Request, Response, Route, expect

from app.web.assets import static_url
from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.conftest import Server
from tests.waiting import until

PREFETCH = "prefetch"


def is_ahead(path: str) -> Callable[[Response], bool]:
    def is_it(response: Response) -> bool:
        return response.url.endswith(path) and response.request.headers.get("purpose") == PREFETCH

    return is_it


def count_asked(page: Page) -> list[tuple[str, bool]]:
    """The pages that are asked for from now on, and whether ahead."""
    asked: list[tuple[str, bool]] = []

    def note(request: Request) -> None:
        if "/static/" not in request.url:
            asked.append((request.url.partition("//")[2].partition("/")[2], "purpose" in request.headers))

    page.on("request", note)
    return asked


async def point_at(page: Page, name: str, path: str) -> None:
    """Point at a link of the sidebar until its page has come."""
    async with page.expect_response(is_ahead(path)) as came:
        await page.locator(".side").get_by_role("link", name=name).hover()
    await (await came.value).finished()


async def test_a_page_that_was_pointed_at_is_shown_as_it_is_now(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/")
    await point_at(page, "Books", "/c/books")
    script = static_url("js/lists.js")
    await expect(page.locator(f"head > link[rel=modulepreload][href='{script}']")).to_have_count(1)  # with its scripts
    carla = await server.sign_in("acme", "carla@acme.test")
    added = await carla.post("/c/books/new", data={"title": "Said meanwhile"})
    assert added.status_code == 303
    asked = count_asked(page)
    await page.locator(".side").get_by_role("link", name="Books").click()
    await expect(page.get_by_role("heading", name="Books", level=1)).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text="Said meanwhile")).to_be_visible()
    await ready(page)
    assert not any(ahead for path, ahead in asked if path == "c/books")
    await assert_equals_a_fresh_load(page)
    await carla.aclose()


async def test_a_room_that_is_pointed_at_is_not_opened_until_it_is(server: Server, person: Any) -> None:
    def is_visited() -> bool:
        found = "SELECT 1 FROM visit JOIN room ON room.id = subject_id WHERE visit.kind = 'room' AND slug = 'general'"
        return bool(server.store.rows(f"{found} AND visit.member_id = 1"))

    ana = await person(server, "acme", "ana@acme.test")
    carla = await server.sign_in("acme", "carla@acme.test")
    await carla.post("/chat/general", data={"text": "Good morning, @Ana", "key": "ahead-1"})
    page = await ana.open("/")
    unread = page.locator("#bell [data-unread]")
    told = str(await unread.get_attribute("data-unread"))
    assert int(told) > 0
    await point_at(page, "general", "/chat/general")
    fresh = await ana.context.new_page()
    await fresh.goto(ana.origin + "/")
    assert await fresh.locator("#bell [data-unread]").get_attribute("data-unread") == told
    await fresh.close()
    assert not is_visited()
    await page.locator(".side").get_by_role("link", name="general").click()
    await expect(page.locator(".messages").get_by_text("Good morning, @Ana")).to_be_visible()
    await expect(unread).not_to_have_attribute("data-unread", told)
    await until(is_visited)
    await carla.aclose()


async def test_what_takes_a_lock_is_counted_or_is_no_page_is_not_asked_for_ahead(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/1")
    await page.evaluate(f"import('{static_url('js/prefetch.js')}')")
    asked = count_asked(page)
    for untouched in (page.get_by_role("link", name="Edit", exact=True), page.locator("[data-quick-switcher]")):
        await untouched.dispatch_event("touchstart")
    await point_at(page, "Books", "/c/books")
    assert asked == [("c/books", True)]
    await page.get_by_role("link", name="Edit", exact=True).focus()
    await page.locator(".side").get_by_role("link", name="general").focus()
    await point_at(page, "Rooms", "/chat")
    assert asked == [("c/books", True), ("chat", True)]


async def test_a_page_is_asked_for_as_its_link_is_pressed_and_shown_as_it_is_let_go(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/")
    await page.evaluate(f"import('{static_url('js/prefetch.js')}')")
    asked = count_asked(page)
    books = page.locator(".side").get_by_role("link", name="Books")
    elsewhere: list[dict[str, Any]] = [{"button": 1}, {"button": 2}, {"ctrlKey": True}, {"metaKey": True}]
    for how in (*elsewhere, {"shiftKey": True}, {"altKey": True}):
        await books.dispatch_event("pointerdown", how)
    assert not asked
    async with page.expect_response(is_ahead("/c/books")):
        await books.dispatch_event("pointerdown", {"button": 0})
    await books.dispatch_event("click")
    await expect(page.get_by_role("heading", name="Books", level=1)).to_be_visible()
    async with page.expect_response("**/chat/general") as seen:
        await page.locator(".side").get_by_role("link", name="general").dispatch_event("touchstart")
    assert is_ahead("/chat/general")(await seen.value)
    assert ("c/books", True) in asked


async def test_two_pages_at_most_are_asked_for_at_a_time(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/")
    going_on = asyncio.Event()

    async def hold_back(route: Route) -> None:
        if route.request.headers.get("purpose") == PREFETCH:
            await going_on.wait()
        await route.continue_()

    await page.route("**/c/books/*", hold_back)
    await page.goto(ana.origin + "/c/books")
    await ready(page)
    asked = count_asked(page)
    rows = page.locator("record-list tbody tr a")
    for place in (0, 1):
        async with page.expect_request(lambda request: request.headers.get("purpose") == PREFETCH):
            await rows.nth(place).hover()
    await rows.nth(2).dispatch_event("touchstart")
    assert [ahead for _, ahead in asked] == [True, True]
    going_on.set()


async def test_who_saves_data_is_asked_nothing_ahead(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.page.add_init_script("Object.defineProperty(navigator, 'connection', {value: {saveData: true}})")
    page = await ana.open("/")
    await page.evaluate(f"import('{static_url('js/prefetch.js')}')")
    asked = count_asked(page)
    await page.locator(".side").get_by_role("link", name="Books").dispatch_event("touchstart")
    await page.locator(".side").get_by_role("link", name="general").click()
    await expect(page.locator("#composer-text")).to_be_visible()
    assert ("chat/general", False) in asked
    assert not any(ahead for _, ahead in asked)
