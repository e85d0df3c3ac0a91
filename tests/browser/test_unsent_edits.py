"""What is typed on an edit page and does not reach the server stays in the tab, and is offered on return."""

from __future__ import annotations

import asyncio
import json
import re
from itertools import count
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.pages import ready
from tests.conftest import Person, Server
from tests.fields import NOTES

NUMBERS = count(20)
LOST = re.compile(r"/c/books/\d+/(draft|lock/release)$")


@pytest.fixture
def number() -> int:
    return next(NUMBERS)


async def edit(person: Person, number: int) -> Page:
    """Open the edit page, and wait until its lock is confirmed."""
    async with person.page.expect_response(lambda answer: answer.url.endswith("/lock/renew") and answer.status == 204):
        await person.open(f"/c/books/{number}/edit")
    return person.page


async def abort(route: Route) -> None:
    await route.abort()


async def lose_beacons(page: Page) -> None:
    """What a page sends as it goes is lost; the browser's driver does not see it."""
    await page.evaluate("navigator.sendBeacon = () => true")


def kept_drafts(server: Server, number: int) -> list[str]:
    """The notes in drafts of a book, the newest first."""
    rows = server.store.rows(
        'SELECT draft."values" FROM draft JOIN record ON record.id = draft.row_id'
        ' WHERE draft."values" IS NOT NULL AND record.collection_id = 1 AND record.number = ?',
        number,
    )
    return [(json.loads(values) if isinstance(values, str) else values)[NOTES] for (values,) in rows]


async def unsent(page: Page) -> int:
    """How many edits the tab keeps."""
    return int(await page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('unsent')).length"))


async def test_a_long_text_that_was_pasted_just_before_a_link_is_kept(
    shared_server: Server, person: Any, number: int
) -> None:
    davi = await person(shared_server, "acme", "davi@acme.test")
    page = await edit(davi, number)
    await page.get_by_label("Notes").fill("x" * 70_000)
    async with page.expect_response(lambda answer: answer.url.endswith("/lock/release") and answer.status == 204):
        await page.get_by_role("link", name="general").first.click()
    assert kept_drafts(shared_server, number) == ["x" * 70_000]
    await page.wait_for_url("**/chat/general")
    assert await unsent(page) == 0
    page = await edit(davi, number)
    await expect(page.get_by_text("You have unsaved changes from")).to_be_visible()


@pytest.mark.parametrize("how", ["link", "address", "reload"])
async def test_what_no_call_brought_to_the_server_is_brought_when_one_is_back(
    shared_server: Server, person: Any, number: int, how: str
) -> None:
    davi = await person(shared_server, "acme", "davi@acme.test")
    page = await edit(davi, number)
    await davi.context.route(LOST, abort)
    await page.get_by_label("Notes").fill("Typed and lost on the way")
    if how == "link":
        async with page.expect_event("requestfailed", lambda request: request.url.endswith("/lock/release")):
            await page.get_by_role("link", name="general").first.click()
        await page.wait_for_url("**/chat/general")
        await davi.context.unroute(LOST, abort)
    else:
        await lose_beacons(page)
        if how == "address":
            await page.goto(davi.origin + "/chat/general")
        else:
            await page.reload()
        await davi.context.unroute(LOST, abort)
    if how == "reload":
        await expect(page.get_by_label("Notes")).to_have_value("Typed and lost on the way")
    page = await davi.open(f"/c/books/{number}/edit")
    offer = page.get_by_role("link", name="Continue here").or_(page.get_by_role("button", name="Restore"))
    await expect(offer.or_(page.get_by_label("Notes"))).to_be_visible()
    if await offer.count():
        await offer.click()
    await expect(page.get_by_label("Notes")).to_have_value("Typed and lost on the way")
    assert await unsent(page) == 0


async def test_what_comes_late_is_offered_beside_what_another_has_saved_since(
    shared_server: Server, person: Any, number: int
) -> None:
    davi = await person(shared_server, "acme", "davi@acme.test")
    page = await edit(davi, number)
    await davi.context.route(re.compile(r"/c/books/\d+/draft$"), abort)
    await davi.context.route(re.compile(r"/c/books/\d+/lock/release$"), abort)
    await page.get_by_label("Notes").fill("Davi's")
    await lose_beacons(page)
    await page.goto("about:blank")
    shared_server.store.rows(
        "UPDATE record SET lock_until = ? WHERE collection_id = 1 AND number = ?",
        shared_server.store.read_lease_clock() - 1,
        number,
    )
    ana = await person(shared_server, "acme", "ana@acme.test")
    there = await edit(ana, number)
    await there.get_by_label("Notes").fill("Ana's")
    await there.get_by_role("button", name="Save").click()
    await expect(there.locator("dl.fields")).to_contain_text("Ana's")
    await davi.context.unroute_all()
    await davi.open(f"/c/books/{number}")
    await expect(page.get_by_text("You have unsaved changes from")).to_be_visible()
    await page.get_by_role("link", name="Continue with them").click()
    await expect(page.get_by_role("radio", name="Davi's")).to_be_checked()
    await expect(page.get_by_role("radio", name="Ana's")).to_be_visible()


async def test_what_was_saved_is_not_offered_again(shared_server: Server, person: Any, number: int) -> None:
    davi = await person(shared_server, "acme", "davi@acme.test")
    page = await edit(davi, number)
    await page.get_by_label("Notes").fill("Saved at once")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("Saved at once")
    await ready(page)
    assert await unsent(page) == 0
    await page.reload()
    await ready(page)
    await expect(page.get_by_text("You have unsaved changes from")).to_have_count(0)


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "saved"])
async def test_what_is_typed_on_while_a_save_is_on_its_way_is_not_lost(
    shared_server: Server, person: Any, number: int, refused: bool
) -> None:
    davi = await person(shared_server, "acme", "davi@acme.test")
    page = await edit(davi, number)
    sent, may_go = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        sent.set()
        await may_go.wait()
        await route.fallback()

    await page.route(f"**/c/books/{number}/edit", hold, times=1)
    if refused:
        await page.get_by_label("Title").fill("")
    await page.get_by_label("Notes").fill("Typed before")
    await page.get_by_role("button", name="Save").click()
    async with asyncio.timeout(20):
        await sent.wait()
    drafts: list[str] = []
    page.on("request", lambda request: drafts.append(request.url) if request.url.endswith("/draft") else None)
    await page.get_by_label("Notes").fill("Typed before and on")
    await page.evaluate("window.dispatchEvent(new Event('blur'))")
    assert drafts == []  # it would be taken for another's beside the save
    may_go.set()
    if refused:
        await expect(page.locator("#error-f1")).to_be_visible()
        await expect(page.get_by_label("Notes")).to_have_value("Typed before and on")
        await expect(page.get_by_text("Draft saved")).to_be_visible()
    else:
        await expect(page.locator("dl.fields")).to_contain_text("Typed before")
        await expect(page.get_by_text("You have unsaved changes from")).to_be_visible()
    assert kept_drafts(shared_server, number) == ["Typed before and on"]


async def take_over(server: Server, number: int, **then: str) -> None:
    """Bruno takes the record away from its holder, and saves or deletes it."""
    client = await server.sign_in("acme", "bruno@acme.test")
    [(token,)] = server.store.rows("SELECT lock_token FROM record WHERE collection_id = 1 AND number = ?", number)
    taken = await client.post(f"/c/books/{number}/lock/take-over", data={"seen-lock": str(token)})
    page = (await client.get(taken.headers["location"])).text
    proof, version = (
        re.findall(r'name="lock-token" value="([^"]+)"', page)[0],
        re.findall(r'data-version="(\d+)"', page)[0],
    )
    if then:
        done = await client.post(
            f"/c/books/{number}/edit", data={"lock-token": proof, "version": version, "has-fields": "f1 f7", **then}
        )
    else:
        await client.post(f"/c/books/{number}/lock/release", data={"lock-token": proof})
        done = await client.post(f"/c/books/{number}/delete", data={"version": version})
    assert done.status_code == 303, done.text
    await client.aclose()


@pytest.mark.parametrize("gone", [False, True], ids=["saved by the other", "deleted by the other"])
async def test_what_the_holder_types_as_the_record_is_taken_from_them_is_kept_and_offered(
    shared_server: Server, person: Any, number: int, gone: bool
) -> None:
    davi = await person(shared_server, "acme", "davi@acme.test")
    page = await edit(davi, number)
    await davi.context.route(LOST, abort)
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/draft")):
        await page.get_by_label("Notes").fill("Davi's last words")
    await take_over(shared_server, number, **({} if gone else {"f1": "Bruno's title", "f7": "Bruno's"}))
    await davi.context.unroute(LOST, abort)
    if gone:
        await expect(page.get_by_role("button", name="Restore")).to_be_visible(timeout=20_000)
        await page.get_by_role("button", name="Restore").click()
    await expect(page.get_by_text("You have unsaved changes from")).to_be_visible(timeout=20_000)
    assert kept_drafts(shared_server, number) == ["Davi's last words"]
    assert await unsent(page) == 0
    await page.get_by_role("link", name="Continue with them").click()
    await page.get_by_role("button", name="Restore").click()
    await expect(page.get_by_label("Notes")).to_have_value("Davi's last words")
    if not gone:
        await expect(page.get_by_label("Title")).to_have_value("Bruno's title")


async def test_the_notice_of_a_draft_goes_from_the_other_pages_when_it_is_settled(
    shared_server: Server, person: Any, number: int
) -> None:
    davi = await person(shared_server, "acme", "davi@acme.test")
    page = await edit(davi, number)
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await page.get_by_label("Notes").fill("Settled in a moment")
    await page.get_by_role("link", name="general").first.click()
    await page.wait_for_url("**/chat/general")
    other = await davi.context.new_page()
    await other.goto(f"{davi.origin}/c/books/{number}")
    await ready(other)
    await expect(other.get_by_text("You have unsaved changes from")).to_be_visible()
    page = await edit(davi, number)
    await page.get_by_role("button", name="Restore").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("Settled in a moment")
    await expect(other.get_by_text("You have unsaved changes from")).to_have_count(0)
    await expect(other.locator("dl.fields")).to_contain_text("Settled in a moment")
