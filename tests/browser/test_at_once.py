"""What can be taken back is shown at once, and put back where it is refused or gets no answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.lines import say_lines
from tests.browser.pages import ready
from tests.conftest import Person, Server


@pytest.fixture
async def ana(server: Server, person: Any) -> Person:
    ana: Person = await person(server, "acme", "ana@acme.test")
    return ana


@asynccontextmanager
async def unanswered(page: Page, address: str) -> AsyncIterator[None]:
    """Until the block ends nothing that is sent there is answered; then none of it is."""
    ended = asyncio.Event()

    async def wait(route: Route) -> None:
        await ended.wait()
        await route.abort()

    await page.route(address, wait)
    yield
    ended.set()
    await expect(page.locator("#toasts .toast")).to_contain_text("No connection to the server.")
    await page.unroute(address)
    await page.locator("#toasts .toast").get_by_role("button", name="Dismiss").click()


@pytest.mark.console("ERR_FAILED")
async def test_a_collection_is_pinned_at_once(ana: Person) -> None:
    page = await ana.open("/c/books")
    pin = page.get_by_role("button", name="Pin to home")
    await pin.hover()
    await page.wait_for_load_state("networkidle")
    async with unanswered(page, "**/c/books/pin"):
        await pin.click()
        await expect(pin).to_have_attribute("aria-pressed", "true")
        await expect(pin).to_have_css("opacity", "1")
        await expect(pin).to_have_attribute("aria-busy", "false")
    await expect(pin).to_have_attribute("aria-pressed", "false")
    await pin.click()
    await expect(pin).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(pin).to_have_attribute("aria-pressed", "true")


@pytest.mark.console("ERR_FAILED")
@pytest.mark.parametrize(("path", "button"), [("/c/books", "#pin"), ("/c/books/40", "#follow")])
async def test_what_can_not_be_shown_yet_is_busy_as_any_other_button(ana: Person, path: str, button: str) -> None:
    await ana.page.route("**/js/at-once.js", lambda route: route.abort())
    page = await ana.open(path)
    pressed = page.locator(button)
    await ready(page)
    before = await pressed.inner_text(), await pressed.get_attribute("aria-pressed")
    async with unanswered(page, "**/pin" if button == "#pin" else "**/follow/*"):
        await pressed.press("Enter")
        await expect(pressed).to_have_attribute("aria-busy", "true")
        await expect(pressed).to_have_css("opacity", "0.45")
        assert (await pressed.inner_text(), await pressed.get_attribute("aria-pressed")) == before
    await expect(pressed).not_to_have_attribute("aria-busy", "true")


@pytest.mark.console("ERR_FAILED")
async def test_a_record_is_followed_at_once(ana: Person) -> None:
    page = await ana.open("/c/books/40")
    follow = page.locator("#follow")
    await expect(follow).to_have_text("Follow")
    async with unanswered(page, "**/follow/*"):
        await follow.click()
        await expect(follow).to_have_text("Following")
        await expect(follow).to_have_attribute("title", "Unfollow")
    await expect(follow).to_have_text("Follow")
    assert await follow.get_attribute("title") is None
    await follow.click()
    await expect(follow).to_have_text("Following")
    await ready(page)
    async with unanswered(page, "**/unfollow/*"):
        await follow.click()
        await expect(follow).to_have_text("Follow")
    await expect(follow).to_have_text("Following")


@pytest.mark.console("ERR_FAILED")
async def test_a_saved_message_is_done_at_once(server: Server, ana: Person) -> None:
    await say_lines(server, ["Order labels"])
    [(number,)] = server.store.rows("SELECT last_number FROM room WHERE slug = 'general' AND tenant_id = 1")
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as client:
        await client.post(f"/chat/general/messages/{number}/save", data={})
    page = await ana.open("/saved")
    tick = page.get_by_role("listitem").filter(has_text="Order labels").get_by_role("button")
    async with unanswered(page, "**/save"):
        await tick.click()
        await expect(tick).to_have_accessible_name("Mark as not done: Order labels")
        await expect(tick.locator("svg")).to_have_count(1)
    await expect(tick).to_have_accessible_name("Mark as done: Order labels")
    await tick.click()
    await page.locator("h1").click()
    await expect(page.locator(".saved.done")).to_contain_text("Order labels")


async def test_a_saved_message_that_is_ticked_keeps_its_place_until_one_leaves_the_list(
    server: Server, ana: Person
) -> None:
    await say_lines(server, ["Order labels", "Call the binder"])
    [(last,)] = server.store.rows("SELECT last_number FROM room WHERE slug = 'general' AND tenant_id = 1")
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as client:
        for number in (last - 1, last):
            await client.post(f"/chat/general/messages/{number}/save", data={})
    page = await ana.open("/saved")
    lines = page.locator(".saved:not(.done) > li")
    texts = await lines.all_text_contents()
    ticks = [lines.nth(place).get_by_role("button") for place in range(2)]
    async with page.expect_response(lambda response: response.url.endswith("/saved")):
        await ticks[0].click()
    await expect(ticks[0]).to_have_accessible_name("Mark as not done: Call the binder")
    assert await lines.all_text_contents() == texts
    await ticks[1].click()
    await expect(ticks[1]).to_have_accessible_name("Mark as not done: Order labels")
    await ticks[0].click()
    await expect(ticks[0]).to_have_accessible_name("Mark as done: Call the binder")
    await page.locator("h1").click()
    await expect(page.locator(".saved.done")).to_contain_text("Order labels")
    await expect(page.locator(".saved:not(.done)")).to_contain_text("Call the binder")


async def test_who_presses_again_before_the_answer_has_the_last_word(ana: Person) -> None:
    page = await ana.open("/c/books/40")
    other = await ana.context.new_page()
    await other.goto(page.url)
    follow = page.locator("#follow")
    answered = asyncio.Event()
    sent: list[str] = []

    async def wait(route: Route) -> None:
        sent.append(route.request.url.split("/")[3])
        await answered.wait()
        await route.continue_()

    await page.route("**/*follow/*", wait)
    await follow.click()
    await expect(follow).to_have_text("Following")
    await follow.click()
    await expect(follow).to_have_text("Follow")
    async with page.expect_response("**/unfollow/*"):
        answered.set()
    assert sent == ["follow", "unfollow"]
    await expect(follow).to_have_text("Follow")
    await page.unroute("**/*follow/*")
    await ready(page)
    await follow.click()
    await expect(other.locator("#follow")).to_have_text("Following")


async def test_what_is_pinned_is_so_in_ones_other_tabs(ana: Person) -> None:
    page = await ana.open("/c/books")
    other = await ana.context.new_page()
    await other.goto(page.url)
    await ready(other)
    await page.locator("#pin").click()
    await expect(other.locator("#pin")).to_have_attribute("aria-pressed", "true")


@pytest.mark.console("ERR_FAILED")
async def test_notifications_are_read_at_once(server: Server, ana: Person) -> None:
    await say_lines(server, ["@Ana, what do you think?"])
    page = await ana.open("/notifications")
    unread = page.locator(".notifications .unread-group")
    before = await unread.count()
    assert before
    for button, left in (("Mark read: general", before - 1), ("Mark all read", 0)):
        async with unanswered(page, "**/notifications/read*"):
            await page.get_by_role("button", name=button).click()
            await expect(unread).to_have_count(left)
        await expect(unread).to_have_count(before)
    await page.get_by_role("button", name="Mark all read").click()
    await expect(unread).to_have_count(0)
    await expect(page.get_by_role("button", name="Mark all read")).to_have_count(0)


@pytest.mark.console("ERR_FAILED")
@pytest.mark.console("status of 403")
async def test_an_emoji_is_given_and_taken_back_at_once(server: Server, ana: Person) -> None:
    await say_lines(server, ["Done"])
    [(number,)] = server.store.rows("SELECT last_number FROM room WHERE slug = 'general' AND tenant_id = 1")
    address = f"/chat/general/messages/{number}/react"
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        await bruno.post(address, data={"emoji": "👍"})
    page = await ana.open("/chat/general?at=end")
    reactions = page.locator("ol.messages > .message").last.locator(".reactions")
    thumb = reactions.get_by_role("button")
    ended = asyncio.Event()
    sent: list[str] = []

    async def refuse(route: Route) -> None:
        sent.append(route.request.post_data or "")
        await ended.wait()
        refusal = {"x-page": "1", "content-type": "text/plain; charset=utf-8"}
        await route.fulfill(status=403, headers=refusal, body="You may only read this room.")

    await page.route(f"**{address}", refuse)
    await thumb.click()
    await expect(thumb).to_have_text("👍 2")
    await expect(thumb).to_have_attribute("aria-pressed", "true")
    ended.set()
    await expect(page.locator("#composer")).to_contain_text("You may only read this room.")
    await expect(thumb).to_have_text("👍 1")
    await expect(thumb).to_have_attribute("aria-pressed", "false")
    assert len(sent) == 1
    await page.unroute(f"**{address}")

    async with page.expect_response(f"**{address}"):
        await thumb.click()
    await expect(thumb).to_have_text("👍 2")
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        await bruno.post(address, data={"emoji": "👍", "on": ""})
    await expect(thumb).to_have_text("👍 1")
    await thumb.press("Enter")
    await expect(reactions.locator("form:visible")).to_have_count(0)
    await expect(reactions).to_have_count(0)
    await expect(page.locator("ol.messages > .message").last).to_be_focused()
