"""A file that did not come from a box to the server is sent again by itself: as long as it is wanted, in its turn, and
not more often than the server takes it."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx
import pytest
from playwright.async_api import Error, Page, Route, expect

from tests.browser.pages import ready
from tests.browser.test_files_in_boxes import ROOM, brought, expect_said
from tests.browser.test_outbox import attach, box, say
from tests.conftest import Person, Server
from tests.waiting import until

FILES = "**/chat/general/files"


@pytest.fixture
async def ana(server: Server, person: Any) -> Person:
    return await person(server, "acme", "ana@acme.test")


async def network_is_back(page: Page) -> None:
    await page.evaluate("dispatchEvent(new Event('online'))")


async def socket_is_back(page: Page) -> None:
    """Says it as the socket does; what listens to it has heard it after that."""
    await page.evaluate(
        "for (const state of ['off', 'on']) document.documentElement.dataset.live = state;"
        " new Promise(done => setTimeout(done))"
    )


async def go_away_and_back(page: Page) -> None:
    await page.locator(".side a[href='/c/books']").click()
    await expect(box(page)).to_have_count(0)
    await page.locator(f".side a[href^='{ROOM}']").first.click()
    await expect(box(page)).to_be_visible()


@pytest.mark.parametrize("came", [True, False], ids=["the server has it", "the server has it not"])
async def test_a_file_without_an_answer_is_in_the_box_once_when_one_goes_away_and_comes_back(
    server: Server, ana: Person, came: bool
) -> None:
    page = await ana.open(ROOM)
    client: httpx.AsyncClient = await server.sign_in("acme", "ana@acme.test")
    taken_out: list[str] = []
    page.on("request", lambda request: taken_out.append(request.url) if request.url.endswith("/take-out") else None)

    async def lose_the_answer(route: Route) -> None:
        if came:
            headers = {"content-type": route.request.headers["content-type"], "x-page": "1"}
            await client.post(f"{ROOM}/files", content=route.request.post_data_buffer, headers=headers)
        await route.abort()

    await page.route(FILES, lose_the_answer)
    await attach(page, "lost.txt")
    await expect(page.locator(".brought .failed")).to_contain_text("lost.txt Not attached")
    await go_away_and_back(page)
    await expect(brought(page)).to_have_text(["lost.txt"])
    await expect(page.locator(".brought li [name=file]")).to_have_count(int(came))
    await page.unroute(FILES)
    await network_is_back(page)
    await expect(page.locator(".brought li [name=file]")).to_have_count(1)
    await say(page, "With what was lost")
    await expect_said(page, "With what was lost", "lost.txt")
    assert taken_out == []
    await client.aclose()


async def test_a_file_that_is_taken_out_while_it_is_sent_again_does_not_come_back(server: Server, ana: Person) -> None:
    page = await ana.open(ROOM)
    client: httpx.AsyncClient = await server.sign_in("acme", "ana@acme.test")
    tries: list[Route] = []

    async def store(route: Route) -> None:
        headers = {"content-type": route.request.headers["content-type"], "x-page": "1"}
        stored = await client.post(f"{ROOM}/files", content=route.request.post_data_buffer, headers=headers)
        assert stored.status_code == 200, stored.text

    await page.route(FILES, lambda route: tries.append(route))
    await attach(page, "unwanted.txt")
    await until(lambda: len(tries) == 1)
    await store(tries[0])
    await tries[0].abort()
    await page.get_by_role("button", name="Try again").click()
    await until(lambda: len(tries) == 2)
    async with page.expect_response(lambda answer: answer.url.endswith("/take-out") and answer.status == 204):
        await page.get_by_role("button", name="Remove unwanted.txt").click()
    await store(tries[1])
    await page.unroute(FILES)
    async with page.expect_response(lambda answer: answer.url.endswith("/take-out") and answer.status == 204):
        await go_away_and_back(page)
    await expect(brought(page)).to_have_count(0)
    await page.reload()
    await ready(page)
    await expect(brought(page)).to_have_count(0)
    await client.aclose()


@pytest.mark.console("status of 4")
@pytest.mark.parametrize("status", [401, 429])
async def test_a_file_that_the_server_takes_only_later_is_not_sent_at_every_occasion(ana: Person, status: int) -> None:
    page = ana.page
    await page.clock.install()
    await ana.open(ROOM)
    tries: list[Route] = []

    async def answer(route: Route) -> None:
        tries.append(route)
        await route.fulfill(status=status, headers={"retry-after": "90"})

    await page.route(FILES, answer)
    await attach(page, "early.txt")
    await expect(page.locator(".brought .failed")).to_contain_text("early.txt Not attached")
    if status == 429:  # with the network the socket comes back, which says that one is signed in
        await network_is_back(page)
        await page.clock.fast_forward(80_000)
        await network_is_back(page)
    assert len(tries) == 1
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/files") else None)
    await page.unroute(FILES)
    if status == 401:
        await socket_is_back(page)  # as it is for who has signed in again
    else:
        await page.clock.fast_forward(11_000)
    await expect(page.locator(".brought li [name=file]")).to_have_count(1)
    assert len(sent) == 1


async def test_files_that_are_sent_again_are_so_one_after_another_and_in_their_order(ana: Person) -> None:
    page = await ana.open(ROOM)
    await page.route(FILES, lambda route: route.abort())
    for count, name in enumerate(("first.txt", "second.txt", "third.txt"), 1):
        await attach(page, name)
        await expect(page.locator(".brought .failed")).to_have_count(count)
    await page.unroute(FILES)
    seen: list[str] = []
    for event in ("request", "response"):
        page.on(event, lambda what, event=event: seen.append(event) if what.url.endswith(f"{ROOM}/files") else None)
    await network_is_back(page)
    await expect(page.locator(".brought li [name=file]")).to_have_count(3)
    assert seen == ["request", "response"] * 3
    await say(page, "Three files")
    await expect_said(page, "Three files", "first.txt", "second.txt", "third.txt")


async def test_a_file_that_has_wholly_arrived_is_given_time_to_be_stored(ana: Person) -> None:
    page = ana.page
    await page.clock.install()
    await page.add_init_script(  # what is held before it leaves the browser is said to have arrived
        "const { send } = XMLHttpRequest.prototype; XMLHttpRequest.prototype.send = function (body) {"
        " send.call(this, body); this.upload.dispatchEvent(new ProgressEvent('load')); };"
    )
    await ana.open(ROOM)
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    async def is_held() -> bool:
        return len(held) == 1

    await page.route(FILES, hold)
    await attach(page, "large.txt")
    await until(is_held)
    await page.clock.fast_forward(110_000)
    await expect(page.locator(".brought li").get_by_role("progressbar")).to_have_count(1)
    await page.clock.fast_forward(11_000)

    async def is_given_up() -> bool:  # or tried again already, where the socket came back
        return len(held) == 2 or await page.locator(".brought .failed", has_text="large.txt Not attached").count() == 1

    await until(is_given_up)
    with contextlib.suppress(Error):  # the page has given it up
        await held[0].abort()


@pytest.mark.parametrize("by", ["itself", "being taken out"])
async def test_what_hindered_a_file_is_said_no_more_when_it_has_come_or_is_not_wanted(ana: Person, by: str) -> None:
    page = await ana.open(ROOM)
    await page.route(FILES, lambda route: route.abort())
    await attach(page, "plan.txt")
    said = page.locator("message-composer [data-error]")
    await expect(said).to_contain_text("plan.txt: ")
    await page.unroute(FILES)
    if by == "itself":
        await network_is_back(page)
        await expect(brought(page)).to_have_count(1)
    else:
        await page.locator("[data-files] [data-drop-file]").click()
    await expect(said).to_be_hidden()
