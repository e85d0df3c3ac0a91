"""Nothing moves under the reader's eyes when something is pushed: locks, rows, who reads, who types.

A figure of the browser's own (https://web.dev/articles/cls), which is about places and not about times.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.pages import ready
from tests.conftest import Server

WIDTHS = [{"width": 1280, "height": 800}, {"width": 390, "height": 844}]
MOST = 0.01
# What a reader's own input moves within half a second is no shift; nothing is pressed here.
WATCH = """() => {
  window.shifts = [];
  const place = ({ x, y }) => `${x},${y}`;
  const tell = ({ node, previousRect: from, currentRect: to }) =>
    `${node?.nodeName} ${node?.id} ${node?.className} ${place(from)} to ${place(to)}`;
  new PerformanceObserver((list) => {
    for (const { hadRecentInput, value, sources } of list.getEntries()) {
      if (!hadRecentInput) window.shifts.push({ value, sources: sources.map(tell) });
    }
  }).observe({ type: "layout-shift", buffered: false });
}"""
TWO_FRAMES = "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())))"


async def assert_still(page: Page) -> None:
    await page.evaluate(TWO_FRAMES)
    shifts = await page.evaluate("window.shifts")
    assert sum(shift["value"] for shift in shifts) <= MOST, shifts


@pytest.mark.parametrize("viewport", WIDTHS, ids=["desktop", "phone"])
async def test_what_is_pushed_moves_little(server: Server, person: Any, viewport: dict[str, int]) -> None:
    ana = await person(server, "acme", "ana@acme.test", viewport=viewport, reduced_motion="no-preference")
    carla = await server.sign_in("acme", "carla@acme.test")
    visit = {"sec-fetch-dest": "document", "sec-fetch-site": "same-origin"}

    page = await ana.open("/c/books")
    await page.evaluate(WATCH)
    assert (await carla.get("/c/books/42/edit", headers=visit)).status_code == 200
    await expect(page.locator("tbody .mark")).to_have_count(1)
    await assert_still(page)
    assert (await carla.post("/c/books/new", data={"title": "Uma aprendizagem"})).status_code == 303
    await expect(page.get_by_role("row").filter(has_text="Uma aprendizagem")).to_be_visible()
    await assert_still(page)

    page = await ana.open("/c/books/41")
    await page.evaluate(WATCH)
    assert (await carla.get("/c/books/41/edit", headers=visit)).status_code == 200
    await expect(page.locator(".lock .banner")).to_be_visible()
    await assert_still(page)

    page = await ana.open("/chat/general")
    await ready(page)
    await page.evaluate(WATCH)
    assert (await carla.post("/chat/general/typing")).status_code == 204
    await expect(page.locator("typing-line span")).to_contain_text("Carla")
    await assert_still(page)
    await carla.aclose()


@pytest.mark.parametrize("viewport", WIDTHS, ids=["desktop", "phone"])
async def test_what_is_said_in_a_room_that_is_not_full_moves_nothing_at_once(
    server: Server, person: Any, viewport: dict[str, int]
) -> None:
    ana = await person(server, "acme", "ana@acme.test", viewport=viewport, reduced_motion="no-preference")
    carla = await server.sign_in("acme", "carla@acme.test")
    made = await carla.post("/chat/new", data={"name": "Short room"})
    assert made.status_code == 303
    room = made.headers["location"].partition("?")[0]
    for text in ("First", "Second"):
        assert (await carla.post(room, data={"text": text, "key": f"key-{text}"})).status_code < 400
    page = await ana.open(room)
    await ready(page)
    await expect(page.locator("ol.messages > .message")).to_have_count(2)
    await page.evaluate(WATCH)
    for count, text in enumerate(("Third", "Fourth line\nof two"), 3):
        assert (await carla.post(room, data={"text": text, "key": f"key-{count}"})).status_code < 400
        await expect(page.locator("ol.messages > .message")).to_have_count(count)
        await assert_still(page)
    await carla.aclose()


# As if so much time had gone by since what moves by itself has begun.
LATER = "for (const each of document.getAnimations()) each.currentTime = 10000"


@pytest.mark.parametrize("viewport", WIDTHS, ids=["desktop", "phone"])
async def test_what_scripts_say_takes_the_place_that_was_kept_for_it(
    server: Server, person: Any, viewport: dict[str, int]
) -> None:
    ana = await person(server, "acme", "ana@acme.test", viewport=viewport, reduced_motion="no-preference")
    [(record,)] = server.store.rows(
        "SELECT record.id FROM record JOIN collection ON collection.id = record.collection_id"
        " WHERE slug = 'books' AND number = 40 AND record.tenant_id = 1"
    )
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
        for key in ("key-first", "key-second", "key-third"):
            await carla.post(f"/discussion/record-{record}", data={"text": "Hello", "key": key})
    page: Page = ana.page
    await page.add_init_script(f"({WATCH})();")
    painted = asyncio.Event()

    async def wait(route: Route) -> None:
        await painted.wait()
        await route.continue_()

    await page.route("**/js/*.js", wait)
    for path, there in (("/", ".home-list"), ("/c/books/40", ".history"), ("/chat/general", "ol.messages")):
        await page.goto(ana.origin + path, wait_until="commit")
        await expect(page.locator(f"{there} time").first).to_be_attached()
        await page.evaluate(TWO_FRAMES)
        await page.evaluate(LATER)
        await page.evaluate(TWO_FRAMES)
        painted.set()
        await expect(page.locator(f"{there} time").first).to_have_attribute("data-shown", "")
        await ready(page)
        await assert_still(page)
        painted.clear()


@pytest.mark.console("ERR_FAILED")
async def test_messages_are_seen_though_their_script_does_not_come(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.page.route("**/js/rooms.js", lambda route: route.abort())
    await ana.page.goto(f"{ana.origin}/chat/general")
    await expect(ana.page.locator("ol.messages > .message").first).to_be_visible(timeout=2000)
