"""The keyboard alone leads everywhere, and what happens is said to those to whom a page is read."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.browser.lines import say_lines
from tests.browser.pages import REFRESH, ready
from tests.conftest import Server
from tests.waiting import until


async def press_pair(page: Page, keys: str, address: str) -> None:
    """Press two keys until they lead somewhere: on a busy machine they may come too far apart to be a pair."""

    async def led() -> bool:
        for key in keys:
            await page.keyboard.press(key)
        return page.url == address

    await until(led)


async def test_single_keys_lead_to_places_and_along_lists(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/")
    for keys, path in (("gc", "/collections"), ("gr", "/chat"), ("gn", "/notifications"), ("gh", "/")):
        await press_pair(page, keys, ana.origin + path)
    page = await ana.open("/c/books")
    links = page.locator("tbody tr td:nth-child(3) > a")
    await page.keyboard.press("j")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await expect(links.nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.locator("#main input[type=search]")).to_be_focused()
    await page.keyboard.type("gh?jke")
    await expect(page.locator("#main input[type=search]")).to_have_value("gh?jke")


async def test_a_menu_closes_behind_who_goes_on_by_tab(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    menu = page.locator("#more")
    await menu.locator("> summary").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(menu).to_have_attribute("open", "")
    await expect(menu.locator("a, button").first).to_be_focused()
    await menu.locator("a:visible, button:visible").last.focus()
    await page.keyboard.press("Tab")
    await expect(menu).not_to_have_attribute("open", "")


async def test_keys_edit_reply_and_add(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/1")
    await page.keyboard.press("e")
    await expect(page).to_have_url(f"{ana.origin}/c/books/1/edit")
    await expect(page.get_by_role("button", name="Save")).to_be_visible()
    page = await ana.open("/c/books")
    await page.keyboard.press("n")
    await expect(page).to_have_url(f"{ana.origin}/c/books/new")
    page = await ana.open("/chat/general")
    await page.locator("h1").click()
    await page.keyboard.press("r")
    await expect(page.locator("[data-reply-to]")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()


async def test_the_way_to_attach_files_has_the_focus_and_moves_nothing(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/chat/general")
    box = page.get_by_label("Message", exact=True)
    await box.focus()
    place = await box.bounding_box()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_label("Attach files")).to_be_focused()
    assert await box.bounding_box() == place


async def test_a_record_is_edited_though_its_discussion_ends_with_a_message_of_ones_own(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/1")
    box = page.get_by_label("Message", exact=True)
    await page.keyboard.press("m")
    await expect(box).to_be_focused()
    await page.keyboard.type("Torn")
    await box.press("Enter")
    said = page.locator("ol.messages > .message.mine")
    await expect(said).to_have_count(1)
    await ready(page)
    await page.get_by_role("heading", level=1).click()
    await page.keyboard.press("e")
    await expect(page).to_have_url(f"{ana.origin}/c/books/1/edit")
    page = await ana.open("/c/books/1")
    await said.focus()
    await page.keyboard.press("e")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("Torn")


async def test_a_message_is_written_by_a_key_and_the_tools_of_one_are_one_stop(server: Server, person: Any) -> None:
    await say_lines(server, ["One", "Two"])
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/chat/general")
    box = page.get_by_label("Message", exact=True)
    await page.keyboard.press("m")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("")
    one, two = (page.locator(f"ol.messages > .message[data-key={text}]") for text in ("One", "Two"))
    await one.focus()
    for _ in range(2):  # its time, its tools
        await page.keyboard.press("Tab")
    await expect(one.get_by_role("button", name="React")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(one.get_by_role("link", name="Reply")).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowLeft")
    await expect(one.locator(".tools :focus")).to_have_count(1)
    await page.keyboard.press("Tab")
    await expect(two.locator("a.when")).to_be_focused()
    await page.keyboard.press("r")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("")


async def test_a_question_mark_lists_the_keys_and_they_can_be_turned_off(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    await page.keyboard.press("j")
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await expect(page).to_have_url(f"{ana.origin}/c/books")
    tick = dialog.get_by_role("checkbox", name="Use single-key shortcuts in this browser")
    await expect(tick).to_be_checked()
    await tick.uncheck()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.locator("tbody tr td:nth-child(3) > a").first).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.locator("tbody tr td:nth-child(3) > a").first).to_be_focused()
    await page.goto(f"{ana.origin}/keys")
    await page.get_by_role("checkbox", name="Use single-key shortcuts in this browser").check()
    await press_pair(page, "gc", f"{ana.origin}/collections")


async def test_a_page_that_is_gone_to_begins_at_its_heading(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/")
    await page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Books").click()
    await expect(page.get_by_role("heading", name="Books", level=1)).to_be_focused()
    await page.get_by_role("navigation", name="Workspace").get_by_role("link", name="general").click()
    await expect(page.get_by_role("heading", name="# general", level=1)).to_be_focused()


async def test_a_page_to_add_something_begins_in_its_first_field_and_leaves_the_focus_where_it_goes(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    for path, first, second in (
        ("/collections/new", "Name", "First field"),
        ("/chat/new", "Name", "Description"),
        ("/c/books/new", "Title", "Author"),
    ):
        page = await ana.open(path)
        await expect(page.locator("#main").get_by_label(first)).to_be_focused()
        await page.keyboard.press("Tab")
        await page.evaluate(REFRESH)
        await expect(page.locator("#main").get_by_label(second)).to_be_focused()


async def test_messages_of_others_are_said_those_of_one_moment_together(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    bruno = await person(server, "acme", "bruno@acme.test")
    page, theirs = await ana.open("/chat/general"), await bruno.open("/chat/general")
    spoken = page.locator("room-messages > [data-spoken]")
    await expect(spoken).to_have_attribute("role", "status")

    async def say(*texts: str) -> None:
        for text in texts:
            await theirs.get_by_label("Message", exact=True).fill(text)
            await theirs.get_by_label("Message", exact=True).press("Enter")
        await expect(page.get_by_text(texts[-1], exact=True)).to_be_visible()

    await say("Is the shelf full?")
    await expect(spoken).to_have_text("Bruno: Is the shelf full?")
    await page.clock.install()
    await say_lines(server, ["One", "Two", "Three"])  # at one moment, however slow the machine is
    await expect(page.get_by_text("Three", exact=True)).to_be_visible()
    await page.clock.run_for(2000)
    await expect(spoken).to_have_text("New messages: 3")
    await ready(page)
    await page.get_by_label("Message", exact=True).fill("No")
    await page.get_by_label("Message", exact=True).press("Enter")
    await expect(page.locator("ol.messages").get_by_text("No", exact=True)).to_be_visible()
    await page.clock.run_for(2000)
    await expect(spoken).to_have_text("New messages: 3")
