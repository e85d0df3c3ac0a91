"""A record's file whose upload gets no answer, or stands still: it comes once, the form says what it waits for, and is
saved with it, or without it when it is removed."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Error, Page, Route, expect

from tests.browser.test_files_sent_again import network_is_back, socket_is_back
from tests.browser.test_kinds_in_forms import add_fields
from tests.conftest import Person, Server
from tests.waiting import until

FILES = re.compile(r"/c/books/files/f\d+")
NEW, EDIT = "/c/books/new", "/c/books/35/edit"


@pytest.fixture
async def carla(server: Server, person: Any) -> Person:
    await add_fields(server)
    return await person(server, "acme", "carla@acme.test")


async def begin(person: Person, address: str) -> Page:
    """A form with a field of files, into which something is typed; its clock stands at the test's word."""
    await person.page.clock.install()
    page = await person.open(address)
    await page.get_by_label("Title").fill("With a plan")
    return page


async def choose(page: Page, *names: str, size: int = 5) -> None:
    chosen: Any = [{"name": name, "mimeType": "text/plain", "buffer": b"x" * size} for name in names]
    await page.get_by_label("Photos").set_input_files(chosen)


def coming(page: Page) -> Any:
    return page.locator("file-field .brought li")


def status(page: Page) -> Any:
    return page.locator("file-field > [role=status]")


async def save(page: Page) -> None:
    await page.get_by_role("button", name="Save", exact=True).click()


async def expect_saved(page: Page, *names: str) -> None:
    await expect(page.get_by_role("heading", name="With a plan")).to_be_visible()
    await expect(page.locator("dl.fields .files > *")).to_have_text(list(names))


@pytest.mark.parametrize("lost", ["before", "in the middle", "after storing"])
@pytest.mark.parametrize("address", [NEW, EDIT])
async def test_a_file_without_an_answer_comes_once_and_the_form_that_waited_for_it_is_saved(
    server: Server, carla: Person, address: str, lost: str
) -> None:
    page = await begin(carla, address)
    client: httpx.AsyncClient = await server.sign_in("acme", "carla@acme.test")
    keys: list[str] = []
    passes = False

    async def lose(route: Route) -> None:
        body = route.request.post_data_buffer or b""
        keys.extend(re.findall(r'name="upload"\r\n\r\n([\w-]+)', body.decode()))
        if passes:
            await route.continue_()
            return
        if lost != "before":
            path = route.request.url.partition("localhost")[2].partition("/")[2]
            sent = body if lost == "after storing" else body[: len(body) - 100]
            headers = {"content-type": route.request.headers["content-type"], "x-page": "1"}
            answer = await client.post(f"/{path}", content=sent, headers=headers)
            assert answer.status_code == (200 if lost == "after storing" else 400)
        await route.abort()

    await page.route(FILES, lose)
    await choose(page, "plan.txt", "list.txt")
    await expect(coming(page).filter(has_text="Not uploaded")).to_have_count(2)
    await expect(status(page)).to_contain_text("plan.txt, list.txt: Not uploaded yet. It is tried again by itself.")
    await save(page)
    await expect(status(page)).to_contain_text("Will be saved as soon as the files are uploaded.")
    passes = True
    await network_is_back(page)
    await expect_saved(page, "plan.txt", "list.txt")
    assert keys[:2] == keys[2:]
    assert server.store.rows("SELECT count(*) FROM record_file")[0][0] == 2
    await client.aclose()


async def test_a_form_whose_file_does_not_come_is_saved_without_it_when_that_is_removed(carla: Person) -> None:
    page = await begin(carla, EDIT)
    await page.route(FILES, lambda route: route.abort())
    await choose(page, "plan.txt")
    await expect(coming(page)).to_contain_text("plan.txt Not uploaded Try again")
    await save(page)
    await expect(status(page)).to_contain_text("Remove a file to save without it.")
    await page.get_by_role("button", name="Remove plan.txt").click()
    await expect_saved(page)


async def test_an_upload_that_stands_still_is_given_up_and_tried_again_by_itself(carla: Person) -> None:
    page = await begin(carla, NEW)
    tries: list[Route] = []

    async def keep_still(route: Route) -> None:
        tries.append(route)

    async def is_tried() -> bool:
        return len(tries) == 1

    await page.route(FILES, keep_still)
    await choose(page, "plan.txt")
    await until(is_tried)
    await expect(page.get_by_role("progressbar", name="plan.txt")).to_be_visible()
    await expect(status(page)).to_have_text("Uploading…")
    await page.clock.fast_forward(20_500)
    await expect(coming(page)).to_contain_text("Not uploaded")
    await page.unroute(FILES)
    with contextlib.suppress(Error):  # the page has given it up
        await tries[0].abort()
    await page.clock.fast_forward(20_500)
    await expect(page.get_by_role("checkbox", name="plan.txt")).to_be_checked()
    await expect(coming(page)).to_have_count(0)
    await save(page)
    await expect_saved(page, "plan.txt")


@pytest.mark.console("status of 4")
@pytest.mark.parametrize("code", [401, 429])
async def test_an_upload_waits_until_the_server_takes_it(carla: Person, code: int) -> None:
    page = await begin(carla, EDIT)
    tries: list[Route] = []

    async def refuse(route: Route) -> None:
        tries.append(route)
        await route.fulfill(
            status=code, headers={"retry-after": "90", "content-type": "text/plain"}, body="Not at this moment."
        )

    await page.route(FILES, refuse)
    await choose(page, "plan.txt")
    await expect(status(page)).to_contain_text("plan.txt: Not at this moment.")
    if code == 429:  # with the network the socket comes back, which says that one is signed in
        await network_is_back(page)
    assert len(tries) == 1
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if FILES.search(request.url) else None)
    await page.unroute(FILES)
    if code == 401:
        await socket_is_back(page)  # as it is for who has signed in again
    else:
        await page.clock.fast_forward(91_000)
    await expect(page.get_by_role("checkbox", name="plan.txt")).to_be_checked()
    assert len(sent) == 1


@pytest.mark.parametrize("cancelled", [True, False], ids=["cancelled", "the cancel did not get through"])
async def test_who_cancels_after_saving_adds_no_record_when_the_file_comes(carla: Person, cancelled: bool) -> None:
    page = await begin(carla, NEW)
    uploads: list[Route] = []
    cancels: list[Route] = []
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    await page.route(FILES, lambda route: uploads.append(route))
    await choose(page, "plan.txt")
    await save(page)
    await expect(status(page)).to_contain_text("Will be saved as soon as the files are uploaded.")
    await until(lambda: uploads)
    await page.route("**/c/books/new/draft", lambda route: cancels.append(route))
    await page.get_by_role("button", name="Cancel").click()
    await until(lambda: any("cancel=yes" in (each.request.post_data or "") for each in cancels))
    await uploads[0].continue_()
    await expect(page.get_by_role("checkbox", name="plan.txt")).to_be_checked()
    for each in cancels:
        await (each.continue_() if cancelled else each.abort())
    if cancelled:
        await expect(page.get_by_role("heading", name="Books", level=1)).to_be_visible()
    else:
        await page.unroute("**/c/books/new/draft")
        await expect(page.get_by_role("button", name="Save", exact=True)).to_be_enabled()
    assert not [url for url in posted if url.endswith("/c/books/new")]


@pytest.mark.console("status of 422")
async def test_a_file_that_is_refused_is_not_tried_again_and_saving_says_that_it_is_missing(carla: Person) -> None:
    page = await begin(carla, NEW)
    await choose(page, "plan.txt", "large.txt", size=26_000_000)
    await expect(status(page)).to_have_text("plan.txt, large.txt: A file can be up to 25 MB.")
    damaged: Any = {"name": "bad.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n and no more"}
    await page.get_by_label("Photos").set_input_files(damaged)
    await expect(coming(page)).to_contain_text("bad.png Not uploaded")
    await save(page)
    await expect(page.get_by_role("button", name="Remove bad.png")).to_be_focused()
    await expect(status(page)).to_contain_text("Remove a file to save without it.")
    await page.keyboard.press("Enter")
    await expect(coming(page)).to_have_count(0)
    await save(page)
    await expect_saved(page)


@pytest.mark.parametrize("how", ["left", "cancelled"])
async def test_a_page_that_is_left_before_a_file_has_come_says_so_unless_it_was_cancelled(
    carla: Person, how: str
) -> None:
    page = await begin(carla, EDIT)
    await page.route(FILES, lambda route: route.abort())
    await choose(page, "plan.txt")
    await expect(coming(page)).to_contain_text("Not uploaded")
    said = page.locator("#toasts").get_by_text("Not uploaded, as the page was left: plan.txt")
    if how == "left":
        await page.locator(".side a[href='/c/books']").click()
        await expect(said).to_be_visible()
    else:
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.locator("dl.fields")).to_be_visible()
        await expect(said).to_have_count(0)
