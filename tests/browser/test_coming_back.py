"""Who comes back to a page is where they were; and a page that can't be had leaves the address where the page is."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.lines import say_lines
from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.conftest import Server

# The message at the top of a room, and how far it is from there.
PLACE = """(box) => {
  const edge = box.getBoundingClientRect().top;
  const all = [...box.querySelectorAll("ol.messages > .message")];
  const item = all.find((each) => each.getBoundingClientRect().bottom > edge + 2);
  return [item.dataset.number, Math.round(item.getBoundingClientRect().top - edge)];
}"""


async def scroll(element: Locator, top: int) -> None:
    await element.evaluate("(element, top) => element.scrollTo(0, top)", top)


async def bring_to_the_middle(list_: Locator, item: Locator) -> int:
    """Where the list is scrolled to then."""
    await item.evaluate("(item) => item.scrollIntoView({ block: 'center' })")
    return int(await list_.evaluate("(element) => element.scrollTop"))


async def expect_at(element: Locator, top: int) -> None:
    """Wait until it is scrolled there, and see that it stays so for a frame."""
    for _ in range(2):
        await expect(element).to_have_js_property("scrollTop", top)
        await element.evaluate("() => new Promise(requestAnimationFrame)")


async def go_back(page: Page, times: int = 1) -> None:
    await page.evaluate("(times) => history.go(-times)", times)


async def test_back_and_a_reload_lead_to_where_one_was_in_a_list(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    records = page.locator("record-list")
    row = records.get_by_role("link", name="Iracema")
    top = await bring_to_the_middle(records, row)
    await row.click()
    await expect(page.get_by_role("heading", name="Iracema", level=1)).to_be_visible()
    await page.get_by_role("link", name="Rooms", exact=True).click()
    await expect(page.get_by_role("heading", name="Rooms", level=1)).to_be_visible()
    await go_back(page)
    await expect(page.get_by_role("heading", name="Iracema", level=1)).to_be_visible()
    await go_back(page)
    await expect_at(records, top)
    await ready(page)
    await page.reload()
    await expect_at(records, top)

    await row.click()
    await expect(page.get_by_role("heading", name="Iracema", level=1)).to_be_visible()
    await page.get_by_role("link", name="Books", exact=True).first.click()
    await expect_at(records, 0)  # it was asked for, and is not gone back to
    await go_back(page, 2)
    await expect_at(records, top)
    await page.get_by_role("columnheader", name="Title").get_by_role("link").dispatch_event("click")  # scrolls nothing
    await expect(page).to_have_url(f"{ana.origin}/c/books?sort=f1")
    await expect_at(records, 0)
    await go_back(page)
    await expect_at(records, top)
    await ready(page)
    await assert_equals_a_fresh_load(page)


async def test_the_sidebar_stays_where_it_is_scrolled_to(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": 1280, "height": 200})
    page = await ana.open("/c/books")
    side = page.locator(".side")
    await scroll(side, 60)
    await page.get_by_role("link", name="general").click()
    await expect(page.get_by_role("heading", name="general", level=1)).to_be_visible()
    await expect_at(side, 60)
    await scroll(side, 90)
    await go_back(page)
    await expect(page.get_by_role("heading", name="Books", level=1)).to_be_visible()
    await expect_at(side, 90)
    await ready(page)
    await page.reload()
    await expect_at(side, 90)


async def test_back_leads_to_the_message_that_one_read_in_a_room(server: Server, person: Any) -> None:
    await say_lines(server, [f"Line {number}" for number in range(150)], "ana")
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/chat/general?at=end")
    room = page.locator("room-messages")
    await scroll(room, 0)
    await expect(room.locator(".message", has_text="Line 80").first).to_be_attached()
    await room.locator(".message", has_text="Line 80").evaluate("(item) => item.scrollIntoView({ block: 'start' })")
    place = await room.evaluate(PLACE)
    await page.get_by_role("link", name="Books").click()
    await expect(page.get_by_role("heading", name="Books", level=1)).to_be_visible()
    await say_lines(server, ["Said meanwhile"], "bruno")
    await go_back(page)
    await expect(room.locator(".message", has_text="Line 80")).to_be_in_viewport()
    await ready(page)
    assert await room.evaluate(PLACE) == place
    assert page.url == f"{ana.origin}/chat/general?at=end"
    await page.get_by_role("button", name="New messages below").click()
    await expect(room.locator(".message").last).to_contain_text("Said meanwhile")


@pytest.mark.console("status of 503")
@pytest.mark.parametrize("why", ["offline", "restart"])
async def test_back_to_a_page_that_can_not_be_had_leaves_page_and_address_as_they_are(
    shared_server: Server, person: Any, why: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    records = page.locator("record-list")
    row = records.get_by_role("link", name="Iracema")
    top = await bring_to_the_middle(records, row)
    await row.click()
    iracema = page.get_by_role("heading", name="Iracema", level=1)
    await expect(iracema).to_be_visible()
    await page.locator(".side").get_by_role("link", name="general").click()
    await expect(page.get_by_role("heading", name="general", level=1)).to_be_visible()
    box = page.get_by_label("Message", exact=True)
    await box.fill("Typed before")
    toast = page.locator("#toasts .toast")

    async def fail(route: Route) -> None:
        await route.fulfill(status=503, body="Restarting", content_type="text/html")

    async def cut(is_cut: bool) -> None:
        if why == "offline":
            await ana.context.set_offline(is_cut)
        elif is_cut:
            await page.route("**/c/books**", fail)
        else:
            await page.unroute("**/c/books**")

    said = "No connection to the server." if why == "offline" else "The server could not respond."
    for times in (1, 2):
        await cut(True)
        await go_back(page, times)
        await expect(toast).to_contain_text(said)
        await expect(page).to_have_url(f"{ana.origin}/chat/general")
        await expect(box).to_have_value("Typed before")
        await expect(box).to_be_focused()
        await cut(False)
        await toast.get_by_role("button", name="Dismiss").click()
        await box.focus()
    await go_back(page)
    await expect(iracema).to_be_visible()
    assert page.url.endswith("/c/books/23")
    await go_back(page)
    await expect_at(records, top)
    assert page.url == f"{ana.origin}/c/books"
    await page.evaluate("history.forward()")
    await expect(iracema).to_be_visible()


async def test_a_list_has_its_pages_as_records_come_and_go(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    pager = page.get_by_role("navigation", name="Pages")
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        for number in range(9):
            await bruno.post("/c/books/new", data={"title": f"Volume {number}"})
        await expect(page.locator("#count")).to_have_text("51")
        await expect(pager).to_contain_text("Page 1 of 2")
        await ready(page)
        await assert_equals_a_fresh_load(page)
        await bruno.post("/c/books/51/delete", data={"version": "1"})
        await expect(page.locator("#count")).to_have_text("50")
        await expect(pager).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "field", "values"),
    [
        ("/c/books", "q", ("iracema", "dracula")),
        ("/chat/search", "q", ("hello", "books")),
        ("/members", "q", ("bruno", "carla")),
        ("/audit", "days", ("1", "7")),
        ("/notifications", "kind", ("", "")),
    ],
)
async def test_of_two_searches_the_last_one_is_shown(
    shared_server: Server, person: Any, path: str, field: str, values: tuple[str, str]
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open(path)
    form = page.locator(f"#main form[method=get]:has([name={field}])")
    control = form.locator(f"[name={field}]")
    is_typed = await control.evaluate("(element) => element.localName === 'input'")
    if not is_typed:
        offered = await control.locator("option").evaluate_all("(options) => options.map((each) => each.value)")
        values = (offered[1], offered[2])
    asked, going_on = asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        asked.set()
        await going_on.wait()
        await route.continue_()

    await page.route(lambda address: f"{field}={values[0]}" in address, wait)
    for value in values:
        if is_typed:
            await control.fill(value)
            await control.press("Enter")
        else:
            await control.select_option(value)
            await form.get_by_role("button", name="Filter").click()
        await asked.wait()
    await expect(page).to_have_url(re.compile(f"{field}={values[1]}"))
    going_on.set()
    await expect(control).to_have_value(values[1])
    await ready(page)
    assert f"{field}={values[1]}" in page.url
