"""Files in the boxes of several tabs of one person: each goes with the message that it was attached to, and with no
other, whichever is sent first; and one that does not come holds up nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Dialog, Error, Page, Route, expect

from tests.browser.pages import ready
from tests.browser.test_outbox import attach, box, say, shown, waiting
from tests.conftest import Person, Server
from tests.waiting import until

ROOM = "/chat/general"
POSTS = re.compile(r"/chat/general$")
DRAFTS = re.compile(r"/chat/general/draft$")


@pytest.fixture
async def ana(server: Server, person: Any) -> Person:
    return await person(server, "acme", "ana@acme.test")


async def open_tab(person: Person) -> Page:
    """Another tab of the same browser, in the room."""
    page = await person.context.new_page()
    await page.goto(person.origin + ROOM)
    await ready(page)
    return page


def brought(page: Page) -> Any:
    return page.locator(".brought li .name")


async def attach_whole(page: Page, name: str) -> None:
    there = await brought(page).count()
    await attach(page, name)
    await expect(page.locator(".brought li [name=file]")).to_have_count(there + 1)


async def type_draft(page: Page, text: str) -> None:
    async with page.expect_response(DRAFTS):
        await box(page).press_sequentially(text)


async def hold_posts(page: Page) -> asyncio.Event:
    """Lose what the page posts to the room, until the event is set."""
    passes = asyncio.Event()

    async def lose(route: Route) -> None:
        await (route.continue_() if passes.is_set() or route.request.method != "POST" else route.abort())

    await page.route(POSTS, lose)
    return passes


async def expect_said(page: Page, text: str, *files: str) -> None:
    await expect(shown(page, text)).to_have_count(1)
    await expect(shown(page, text).locator(".file .name")).to_have_text(list(files))


@pytest.mark.parametrize("drafted", [False, True], ids=["typed quickly", "drafted"])
@pytest.mark.parametrize("browsers", ["one browser", "two browsers"])
async def test_a_file_of_a_message_that_waits_is_in_no_other_box(
    server: Server, person: Any, ana: Person, browsers: str, drafted: bool
) -> None:
    page = await ana.open(ROOM)
    passes = await hold_posts(page)
    await attach_whole(page, "salary.txt")
    if drafted:
        await type_draft(page, "Here is the file")
    async with page.expect_response("**/files/hold"):
        await say(page, "Here is the file")
    await expect(waiting(page)).to_contain_text("Not sent")
    other = await open_tab(ana if browsers == "one browser" else await person(server, "acme", "ana@acme.test"))
    await other.goto(other.url)
    await ready(other)
    await expect(brought(other)).to_have_count(0)
    await attach_whole(other, "other.txt")
    await say(other, "A quick other word")
    await expect_said(other, "A quick other word", "other.txt")
    passes.set()
    await page.evaluate("dispatchEvent(new Event('online'))")
    if drafted:  # both pages have gone on with one draft
        await expect(waiting(page)).to_contain_text("Something else was already sent")
        await waiting(page).get_by_role("button", name="Send this too").click()
    await expect_said(page, "Here is the file", "salary.txt")
    await expect(waiting(page)).to_have_count(0)
    await page.reload()
    await ready(page)
    await expect(brought(page)).to_have_count(0)


@pytest.mark.parametrize("first", ["the one with the file", "the other one"])
async def test_a_file_in_the_box_of_one_tab_is_in_none_of_another_as_long_as_that_tab_is_there(
    ana: Person, first: str
) -> None:
    page = await ana.open(ROOM)
    await attach_whole(page, "mine.txt")
    other = await open_tab(ana)
    await expect(brought(other)).to_have_count(0)
    await attach_whole(other, "other.txt")
    for reloaded, name in ((page, "mine.txt"), (other, "other.txt")):
        await reloaded.reload()
        await ready(reloaded)
        await expect(brought(reloaded)).to_have_text([name])
    said = [(page, "From here", "mine.txt"), (other, "From there", "other.txt")]
    for tab, text, name in said if first == "the one with the file" else reversed(said):
        await say(tab, text)
        await expect_said(tab, text, name)
    await expect_said(page, "From there", "other.txt")
    await expect_said(other, "From here", "mine.txt")


@pytest.mark.parametrize("drafted", [False, True], ids=["without a word", "with a draft"])
@pytest.mark.parametrize("browsers", ["one browser", "two browsers"])
async def test_files_of_a_tab_that_was_closed_are_in_the_box_that_is_opened_next(
    server: Server, person: Any, ana: Person, browsers: str, drafted: bool
) -> None:
    page = await open_tab(ana)
    await attach_whole(page, "left.txt")
    if drafted:
        await type_draft(page, "Left behind")
    await page.close()
    other = await open_tab(ana if browsers == "one browser" else await person(server, "acme", "ana@acme.test"))
    await expect(brought(other)).to_have_text(["left.txt"])
    await expect(box(other)).to_have_value("Left behind" if drafted else "")
    await say(other, "Gone on with")
    await expect_said(other, "Gone on with", "left.txt")


async def test_a_file_that_another_browser_shows_still_goes_with_the_message_that_took_it(
    server: Server, person: Any, ana: Person
) -> None:
    page = await ana.open(ROOM)
    passes = await hold_posts(page)
    await attach_whole(page, "taken.txt")
    other = await open_tab(await person(server, "acme", "ana@acme.test"))
    await expect(brought(other)).to_have_text(["taken.txt"])
    async with page.expect_response("**/files/hold"):
        await say(page, "Mine")
    await expect(waiting(page)).to_contain_text("Not sent")
    await say(other, "Not mine")
    await expect(waiting(other)).to_contain_text("A file is no longer available.")
    passes.set()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect_said(page, "Mine", "taken.txt")


async def test_a_message_that_is_taken_back_has_its_files_again_and_may_be_sent_anew(ana: Person) -> None:
    page = await ana.open(ROOM)
    passes = await hold_posts(page)
    await attach_whole(page, "back.txt")
    async with page.expect_response("**/files/hold"):
        await say(page, "Too soon")
    await expect(waiting(page)).to_contain_text("Not sent")
    async with page.expect_response("**/files/hold"):
        await waiting(page).get_by_role("button", name="Edit").click()
    await expect(brought(page)).to_have_text(["back.txt"])
    await page.reload()
    await ready(page)
    await expect(brought(page)).to_have_text(["back.txt"])
    passes.set()
    await say(page, "In time")
    await expect_said(page, "In time", "back.txt")


async def test_an_upload_that_stands_still_fails_holds_up_nothing_and_comes_by_itself(ana: Person) -> None:
    page = ana.page
    await page.clock.install()
    await ana.open(ROOM)
    tries: list[Route] = []

    async def keep_still(route: Route) -> None:
        tries.append(route)

    await page.route("**/chat/general/files", keep_still)
    await attach(page, "still.txt")
    await say(page, "With a file")
    await say(page, "Without")
    await expect(waiting(page)).to_have_count(2)
    await expect(waiting(page).first).to_contain_text("Will be sent as soon as the files are uploaded.")
    await expect(waiting(page).first.get_by_role("button", name="Edit")).to_be_visible()

    async def goes_on() -> bool:  # a socket that comes back meanwhile has the file tried once more
        if await waiting(page).filter(has_text="later messages go first").count() == 1:
            return True
        await page.clock.fast_forward(20_500)
        return False

    await until(goes_on)
    await expect(shown(page, "Without")).to_have_count(1)
    await expect(waiting(page).get_by_role("button", name="Send without still.txt")).to_be_visible()
    await page.unroute("**/chat/general/files")
    for route in tries:
        with contextlib.suppress(Error):  # the page has given it up
            await route.abort()

    async def comes() -> bool:
        await page.evaluate("dispatchEvent(new Event('online'))")
        return await shown(page, "With a file").count() == 1

    await until(comes)
    await expect_said(page, "With a file", "still.txt")
    await expect(waiting(page)).to_have_count(0)


async def test_what_is_being_brought_is_so_still_when_its_message_is_taken_back(ana: Person, server: Server) -> None:
    page = await ana.open(ROOM)
    passes = asyncio.Event()

    async def hold(route: Route) -> None:
        await passes.wait()
        await route.continue_()

    await page.route("**/chat/general/files", hold)
    await attach(page, "slow.txt")
    await say(page, "Too soon")
    await waiting(page).get_by_role("button", name="Edit").click()
    await expect(box(page)).to_have_value("Too soon")
    await expect(page.locator(".brought li").get_by_role("progressbar")).to_have_count(1)
    async with page.expect_response("**/files/hold"):
        passes.set()
    await expect(page.locator(".brought li [name=file]")).to_have_count(1)
    await box(page).press("Enter")
    await expect_said(page, "Too soon", "slow.txt")
    client: httpx.AsyncClient = await server.sign_in("acme", "ana@acme.test")
    assert "slow.txt" not in (await client.get(ROOM)).text.split("data-files")[-1]
    await client.aclose()


async def test_an_upload_that_failed_in_the_box_comes_by_itself_when_the_network_is_back(ana: Person) -> None:
    page = await ana.open(ROOM)
    await page.route("**/chat/general/files", lambda route: route.abort())
    await attach(page, "later.txt")
    await expect(page.locator(".brought .failed")).to_contain_text("later.txt Not attached")
    await page.unroute("**/chat/general/files")
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.locator(".brought li [name=file]")).to_have_count(1)
    await say(page, "With it")
    await expect_said(page, "With it", "later.txt")


@pytest.mark.parametrize("how", ["link", "reload"])
async def test_a_file_that_comes_while_its_room_is_being_rendered_is_in_the_box(
    server: Server, ana: Person, how: str
) -> None:
    page = await ana.open(ROOM)
    client: httpx.AsyncClient = await server.sign_in("acme", "ana@acme.test")
    uploads: list[Route] = []

    async def store(upload: Route) -> httpx.Response:
        headers = {"content-type": upload.request.headers["content-type"], "x-page": "1"}
        return await client.post(f"{ROOM}/files", content=upload.request.post_data_buffer, headers=headers)

    async def hold(upload: Route) -> None:
        uploads.append(upload)

    async def render_before_it_is_stored(route: Route) -> None:
        await page.unroute(POSTS)
        address = urlsplit(route.request.url)
        here = address._replace(netloc=f"127.0.0.1:{address.port}").geturl()
        rendered = await route.fetch(url=here, headers={**await route.request.all_headers(), "host": address.netloc})
        answer = await store(uploads[0])
        if how == "link":
            await uploads[0].fulfill(status=200, headers={"content-type": "text/html", "x-page": "1"}, body=answer.text)
        await route.fulfill(response=rendered)

    async def is_held() -> bool:
        return bool(uploads)

    await page.route("**/chat/general/files", hold)
    await attach(page, "between.txt")
    await until(is_held)
    if how == "link":
        await page.locator(".side a[href='/c/books']").click()
        await expect(box(page)).to_have_count(0)
        await page.mouse.move(600, 400)
    await page.route(POSTS, render_before_it_is_stored)
    if how == "link":
        await page.locator(f".side a[href^='{ROOM}']").first.click()
    else:
        await page.reload()
    await expect(box(page)).to_be_visible()
    await expect(brought(page)).to_have_text(["between.txt"])
    async with page.expect_response(POSTS):
        await say(page, "With it")
    await page.reload()
    await ready(page)
    await expect_said(page, "With it", "between.txt")
    await expect(brought(page)).to_have_count(0)
    await client.aclose()


@pytest.mark.console("ERR_")
async def test_of_a_file_that_is_on_its_way_as_its_page_is_left_the_browser_asks_and_the_next_page_says_it(
    ana: Person,
) -> None:
    page = await ana.open(ROOM)
    asked: list[str] = []

    async def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", leave)
    uploads: list[Route] = []
    await page.route("**/chat/general/files", lambda route: uploads.append(route))
    await attach(page, "on-its-way.txt")
    await until(lambda: uploads)
    await box(page).click()
    await box(page).press_sequentially("With a file")
    await page.reload()
    await ready(page)
    assert asked == ["beforeunload"]
    await expect(box(page)).to_have_value("With a file")
    await expect(page.get_by_text("Attach again: on-its-way.txt")).to_be_visible()
    await expect(brought(page)).to_have_count(0)
    await page.unroute("**/chat/general/files")
    await attach(page, "on-its-way.txt")
    await expect(page.locator(".brought li [name=file]")).to_have_count(1)
    await box(page).press("Enter")
    await expect_said(page, "With a file", "on-its-way.txt")
    await page.reload()
    assert asked == ["beforeunload"]
