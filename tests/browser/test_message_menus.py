"""What is done to messages by keys and menus: the focus stays where one is, and nothing is said to have failed."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.lines import say_lines
from tests.browser.pages import ready
from tests.conftest import Server


async def open_menu(page: Page, message: Locator) -> Locator:
    await message.focus()
    more = message.get_by_role("button", name="More")
    await more.focus()
    await page.keyboard.press("Enter")
    menu = page.locator("message-menu")
    await expect(menu).to_be_visible()
    return more


async def test_the_focus_goes_back_to_the_message_from_its_menu_and_from_the_emoji(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await say_lines(server, ["Apples", "Pears"])
    page = await ana.open("/chat/general")
    message = page.locator("ol.messages > .message", has_text="Apples")
    more = await open_menu(page, message)
    await page.keyboard.press("Escape")
    await expect(more).to_be_focused()
    for act, what in (
        ("Save for later", page.get_by_text("Saved for later.")),
        ("Pin to the room", message.locator(".pinned:not(.saved-mark)")),
        ("Mark as unread from here", page.locator("#unread-line")),
    ):
        await open_menu(page, message)
        await page.get_by_role("button", name=act).press("Enter")
        await expect(what).to_be_visible()
        await expect(more).to_be_focused()
    await expect(page.locator("#composer [data-error]")).to_be_hidden()

    react = message.get_by_role("button", name="React")
    await react.press("Enter")
    search = page.get_by_role("combobox", name="Search emoji")
    await expect(search).to_be_focused()
    await expect(page.get_by_role("rowgroup", name="Frequently used")).to_be_visible()
    await expect(page.get_by_role("rowgroup", name="Recently used")).to_have_count(0)
    await search.fill("heart")
    await page.keyboard.press("Escape")
    await expect(react).to_be_focused()
    await react.press("Enter")
    await search.fill("heart")
    await expect(page.get_by_role("gridcell", selected=True)).to_have_text("❤️")
    await page.keyboard.press("Enter")
    await expect(message.locator(".reactions")).to_contain_text("❤️")
    await expect(react).to_be_focused()
    await page.get_by_role("button", name="Emoji").press("Enter")
    await expect(search).to_be_focused()
    await expect(page.get_by_role("rowgroup", name="Recently used").get_by_role("gridcell")).to_have_text(["❤️"])
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Emoji")).to_be_focused()


async def test_j_begins_at_the_newest_message_in_view(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await say_lines(server, [f"Line {number}" for number in range(40)])
    page = await ana.open("/chat/general?at=end")
    await ready(page)
    messages = page.locator("ol.messages > .message")
    await expect(messages.last).to_be_in_viewport()
    await page.locator("h1").click()
    await page.keyboard.press("j")
    await expect(messages.last).to_be_focused()
    await page.keyboard.press("k")
    await expect(messages.nth(-2)).to_be_focused()


async def test_a_saved_message_says_so_on_every_page_of_its_reader_and_is_taken_out_there(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await say_lines(server, ["Apples", "Pears"])
    page = await ana.open("/chat/general")
    other = await page.context.new_page()
    await other.goto(page.url)
    await ready(other)
    message = page.locator("ol.messages > .message", has_text="Apples")
    await open_menu(page, message)
    await page.get_by_role("button", name="Save for later").press("Enter")
    for each in (page, other):
        saved = each.locator("ol.messages > .message", has=each.locator(".saved-mark"))
        await expect(saved).to_have_count(1)
        await expect(saved).to_contain_text("Apples")
    await other.reload()
    await ready(other)
    await expect(other.locator(".message .saved-mark")).to_have_count(1)
    await open_menu(page, message)
    await page.get_by_role("button", name="Remove from saved").press("Enter")
    for each in (page, other):
        await expect(each.locator(".message .saved-mark")).to_have_count(0)
    await other.goto(f"{ana.origin}/saved")
    await expect(other.get_by_text("Apples")).to_have_count(0)


async def test_ones_own_newest_message_is_not_marked_as_unread(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/chat/general")
    unread = page.get_by_role("button", name="Mark as unread from here")
    mine = page.locator("ol.messages > .message.mine").first
    await open_menu(page, mine)
    await expect(unread).to_be_visible()  # others have answered it
    await page.keyboard.press("Escape")
    await say_lines(server, ["Mine"], "ana")
    mine = page.locator("ol.messages > .message", has_text="Mine")
    await open_menu(page, mine)
    await expect(unread).to_be_hidden()
    await page.keyboard.press("Escape")
    await say_lines(server, ["Theirs"])
    await expect(page.get_by_text("Theirs", exact=True)).to_be_visible()
    await open_menu(page, mine)
    await expect(unread).to_be_visible()


@pytest.mark.console("ERR_INTERNET_DISCONNECTED")
@pytest.mark.console("ERR_FAILED")
async def test_that_something_did_not_work_is_said_until_the_network_is_back(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await say_lines(server, ["Apples"])
    page = await ana.open("/chat/general")
    message = page.locator("ol.messages > .message", has_text="Apples")
    error = page.locator("#composer [data-error]")

    async def reconnect() -> None:
        await page.context.set_offline(True)
        await page.context.set_offline(False)

    async def get_more() -> None:
        await say_lines(server, ["Pears"])

    for back in (reconnect, get_more):
        await page.route("**/save", lambda route: route.abort())
        await open_menu(page, message)
        await page.get_by_role("button", name="Save for later").press("Enter")
        await expect(error).to_have_text("That did not work. Try again.")
        await page.unroute("**/save")
        await back()
        await expect(error).to_be_hidden()
