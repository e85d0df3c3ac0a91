"""What is typed on a page before its scripts have come is kept like what is typed after."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.pages import ready
from tests.browser.test_kinds_in_forms import add_fields, make_file
from tests.conftest import Person, Server
from tests.waiting import until

ROOM = "/chat/general"
NEW = "/c/books/new"
BOX = "message-composer textarea"
# Each page with its script, the element of that, and a field that takes a text.
PLACES = [
    (ROOM, "rooms", "message-composer", BOX),
    (NEW, "kept-form", "kept-form", "[name=f1]"),
    ("/c/books/35/edit", "record-editor", "record-editor", "[name=f7]"),
    ("/announcements", "kept-form", "kept-form", "#field-text"),
    ("message", "kept-form", "kept-form", "#field-text"),
]


@pytest.fixture
async def ana(shared_server: Server, person: Any) -> Person:
    return await person(shared_server, "acme", "ana@acme.test")


@asynccontextmanager
async def late(page: Page, script: str, element: str) -> AsyncIterator[None]:
    """A script that comes when the block is over. Whoever is in front of the page is faster."""
    may_come = asyncio.Event()

    async def hold(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    await page.route(f"**/{script}.js", hold)
    try:
        yield
        assert not await page.evaluate(f"Boolean(customElements.get('{element}'))")
    finally:
        may_come.set()
    await until(lambda: page.evaluate(f"Boolean(customElements.get('{element}'))"))
    await page.unroute(f"**/{script}.js", hold)
    await ready(page)


async def own_message(page: Page) -> str:
    """The address at which a message of one's own is edited without scripts."""
    await page.locator(BOX).fill("To be edited")
    await page.keyboard.press("Enter")
    own = page.locator("ol.messages > .mine", has_text="To be edited").last
    return str(await own.locator("[data-edit]").first.get_attribute("href"))


async def type_on(page: Page, field: str, text: str) -> None:
    await page.locator(field).focus()
    await page.keyboard.press("Control+End")
    await page.keyboard.type(text)


async def leave(page: Page, call: str) -> None:
    """Follow a link, and wait for the answer to what is sent then."""
    link = page.locator(".side a[href='/c/books']").first
    if not call:
        await link.click()
    else:
        async with page.expect_response(lambda answer: answer.url.endswith(call) and answer.status == 204):
            await link.click()
    await page.wait_for_url("**/c/books")


async def clear(person: Person, path: str, field: str) -> None:
    """Leave nothing to other tests."""
    page = person.page
    afresh = page.get_by_role("button", name="Start over")
    if await afresh.count() and await afresh.first.is_visible():
        await afresh.first.click()
        await expect(page.locator(field)).not_to_have_value(re.compile("early"))
    elif "edit" in path and "books" in path:
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("dl.fields")).to_be_visible()
    elif path == ROOM:
        async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.ok):
            await page.locator(field).fill("")


@pytest.mark.parametrize("how", ["reload", "link"])
@pytest.mark.parametrize(("path", "script", "element", "field"), PLACES, ids=[path for path, *_ in PLACES])
async def test_what_is_typed_before_the_script_outlives(
    ana: Person, path: str, script: str, element: str, field: str, how: str
) -> None:
    page = ana.page
    if path == "message":
        path = await own_message(await ana.open(ROOM))
    async with late(page, script, element):
        await page.goto(ana.origin + path, wait_until="commit")
        before = await page.locator(field).input_value()
        await type_on(page, field, " typed early")
    await expect(page.locator(field)).to_have_value(before + " typed early")
    if how == "reload":
        await page.reload()
    else:
        await leave(page, "/lock/release" if "books" in path and "edit" in path else "")
        await ana.open(path)
        restore = page.get_by_role("button", name="Restore")
        if await restore.count():
            await restore.click()
            await expect(restore).to_have_count(0)
    await expect(page.locator(field)).to_have_value(before + " typed early")
    await ready(page)
    await clear(ana, path, field)


async def test_what_is_typed_in_a_box_before_its_script_stands_after_what_the_tab_had(ana: Person) -> None:
    page = await ana.open(ROOM)
    answered = page.locator("ol.messages > .message").last
    await answered.hover()
    await answered.locator("[data-reply]").first.click()
    await page.route("**/draft", lambda route: route.abort())
    await page.locator(BOX).fill("From before")
    async with late(page, "rooms", "message-composer"):
        await page.reload(wait_until="commit")
        await type_on(page, BOX, "and early")
    await expect(page.locator(BOX)).to_have_value("From before\nand early")
    await expect(page.locator(".answering")).to_be_visible()
    await page.unroute_all(behavior="ignoreErrors")
    await page.reload()
    await ready(page)
    await expect(page.locator(BOX)).to_have_value("From before\nand early")
    await expect(page.locator(".answering")).to_be_visible()
    await page.locator("[data-answer-off]").click()
    await clear(ana, ROOM, BOX)


async def test_what_the_tab_had_comes_into_each_field_before_what_was_typed_before_the_script(ana: Person) -> None:
    page = await ana.open(NEW)
    await page.route("**/draft", lambda route: route.abort())
    await page.get_by_label("Title").fill("From before")
    await page.get_by_label("Notes").fill("Notes from before")
    async with late(page, "kept-form", "kept-form"):
        await page.reload(wait_until="commit")
        await page.get_by_label("Author").fill("Somebody early")
        await page.get_by_label("Notes").fill("Notes that are early")
    await page.unroute_all(behavior="ignoreErrors")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    other = await ana.context.new_page()
    await other.goto(ana.origin + NEW)
    for each in (page, other):
        await expect(each.get_by_label("Title")).to_have_value("From before")
        await expect(each.get_by_label("Author")).to_have_value("Somebody early")
        await expect(each.get_by_label("Notes")).to_have_value("Notes from before\nNotes that are early")
    await other.close()
    await page.reload()
    await ready(page)
    await clear(ana, NEW, "[name=f1]")


async def test_what_is_typed_again_before_the_script_as_the_tab_had_it_is_saved(ana: Person) -> None:
    page = await ana.open(NEW)
    await page.route("**/draft", lambda route: route.abort())
    await page.evaluate("navigator.sendBeacon = () => true")
    await page.get_by_label("Title").fill("The same, early")
    async with late(page, "kept-form", "kept-form"):
        await page.reload(wait_until="commit")
        await page.get_by_label("Title").fill("The same, early")
        await page.unroute("**/draft")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await page.reload()
    await ready(page)
    await expect(page.get_by_label("Title")).to_have_value("The same, early")
    await clear(ana, NEW, "[name=f1]")


async def test_what_an_edit_had_before_is_offered_after_what_is_typed_before_the_script_is_saved(ana: Person) -> None:
    page = await ana.open("/c/books/36/edit")
    lost = re.compile(r"/c/books/36/(draft|lock/release)$")
    await page.route(lost, lambda route: route.abort())
    await page.evaluate("navigator.sendBeacon = () => true")
    await page.get_by_label("Author").fill("From before")
    async with late(page, "record-editor", "record-editor"):
        await page.reload(wait_until="commit")
        await page.get_by_label("Notes").fill("Typed early")
        await page.unroute(lost)
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("Typed early")
    await expect(page.get_by_text("You have unsaved changes from")).to_be_visible()
    await page.get_by_role("link", name="Continue with them").click()
    await expect(page.get_by_text("From before")).to_be_visible()
    await page.get_by_role("button", name="Discard").click()
    await expect(page.get_by_text("You have unsaved changes from")).to_have_count(0)


@pytest.mark.sqlite
async def test_a_file_that_is_unticked_before_the_script_of_its_field_is_not_in_the_draft(
    server: Server, person: Any
) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open(NEW)
    picture = page.get_by_role("checkbox", name="teal.png")
    await page.get_by_label("Photos").set_input_files(make_file("teal"))
    await expect(picture).to_be_checked()
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    async with (
        page.expect_response(lambda answer: answer.url.endswith("/new/draft") and answer.status == 204),
        late(page, "file-field", "file-field"),
    ):
        await page.reload(wait_until="commit")
        await picture.uncheck()
    await page.evaluate("sessionStorage.clear()")
    page = await carla.open(NEW)
    await expect(page.get_by_label("Photos")).to_be_visible()
    await expect(picture).to_have_count(0)


@pytest.mark.sqlite
@pytest.mark.parametrize("script", ["file-field", "kept-form"])
async def test_what_the_tab_had_of_files_is_back_without_the_one_that_is_unticked_before_a_script(
    server: Server, person: Any, script: str
) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open(NEW)
    teal = page.get_by_role("checkbox", name="teal.png")
    plum = page.get_by_role("checkbox", name="plum.png")
    await page.get_by_label("Photos").set_input_files(make_file("teal"))
    await expect(teal).to_be_checked()
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await page.route("**/draft", lambda route: route.abort())
    await page.evaluate("navigator.sendBeacon = () => true")
    await page.get_by_label("Photos").set_input_files(make_file("plum"))
    await expect(plum).to_be_checked()
    async with late(page, script, script):
        await page.reload(wait_until="commit")
        await teal.uncheck()
    await expect(plum).to_be_checked()
    await expect(teal).not_to_be_checked()
    await page.unroute("**/draft")


@pytest.mark.sqlite
async def test_who_was_chosen_is_back_beside_a_name_that_is_typed_before_the_script(
    server: Server, person: Any
) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open(NEW)
    keeper = page.get_by_role("combobox", name="Keeper")
    await page.route("**/draft", lambda route: route.abort())
    await page.evaluate("navigator.sendBeacon = () => true")
    await keeper.press_sequentially("br")
    await page.get_by_role("option", name="Bruno").click()
    await expect(page.locator("choice-field [data-ts-item]")).to_have_count(1)
    async with late(page, "choice-field", "choice-field"):
        await page.reload(wait_until="commit")
        await page.locator("choice-field input[name]").fill("Early")
    await expect(page.locator("choice-field [data-ts-item]")).to_have_text(re.compile("Bruno"))
    await expect(keeper).to_have_value("Early")
    await page.unroute("**/draft")
