"""On a line that is slow, or gives no answer, what is typed comes to the server; until then the page says so."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.conftest import Person, Server
from tests.waiting import until

NEW = "/c/books/new"
EDIT = "/c/books/37/edit"
NOT_SAVED = "Draft not saved yet"
# As much as a field takes: 120,000 bytes, which take longer than the page waits for the answer to a short text.
LONG = "é" * 20_000
BYTES_A_SECOND = 20_000
# Notes when it was ever hidden since.
WATCH = """(line) => {
  line.dataset.wasHidden = 'no';
  const look = () => { if (line.hidden) line.dataset.wasHidden = 'yes'; };
  new MutationObserver(look).observe(line, { attributeFilter: ['hidden'] });
}"""

# Notes how long calls are waited for.
WATCH_PATIENCE = """() => {
  window.patience = [];
  const { timeout } = AbortSignal;
  AbortSignal.timeout = (ms) => { window.patience.push(ms); return timeout.call(AbortSignal, ms); };
}"""


@pytest.fixture
async def davi(shared_server: Server, person: Any) -> Person:
    return await person(shared_server, "acme", "davi@acme.test")


async def leave_nothing(page: Page, path: str) -> None:
    """Save what is typed."""
    await page.get_by_label("Title").fill("A title")
    await page.get_by_label("Notes").fill("Short")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("Short")


@pytest.mark.parametrize("path", [NEW, EDIT])
async def test_a_long_draft_is_not_given_up_while_it_is_on_its_way(davi: Person, path: str) -> None:
    page = await davi.open(path)
    tried: list[str] = []
    page.on("request", lambda request: tried.append(request.url) if request.url.endswith("/draft") else None)
    line = await davi.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": BYTES_A_SECOND}
    await line.send("Network.enable")
    await line.send("Network.emulateNetworkConditions", slow)
    async with page.expect_response(lambda answer: answer.url.endswith("/draft")) as kept:
        await page.get_by_label("Notes").fill(LONG)
    assert (await kept.value).status == 204
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    assert len(tried) == 1
    await line.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    await leave_nothing(page, path)


@pytest.mark.parametrize("path", [NEW, EDIT])
async def test_that_a_draft_is_not_saved_yet_is_said_until_it_is(davi: Person, path: str) -> None:
    page = await davi.open(path)
    held: list[Route] = []
    await page.route("**/draft", lambda route: held.append(route))
    await page.get_by_label("Notes").fill("Nobody answers")
    said = page.get_by_text(NOT_SAVED)
    await expect(said).to_be_visible(timeout=20_000)
    await said.evaluate(WATCH)
    tries = len(held)
    await until(lambda: len(held) > tries + 1)
    await page.get_by_label("Notes").press_sequentially(" yet")
    await expect(said).to_have_attribute("data-was-hidden", "no")
    await page.unroute_all(behavior="ignoreErrors")
    await expect(page.get_by_text("Draft saved")).to_be_visible(timeout=20_000)
    await expect(said).to_be_hidden()
    await leave_nothing(page, path)


@pytest.mark.parametrize("path", [NEW, EDIT])
async def test_saving_does_not_wait_for_a_draft_without_an_answer(davi: Person, path: str) -> None:
    page = await davi.open(path)
    held: list[Route] = []
    await page.route("**/draft", lambda route: held.append(route))
    await page.get_by_label("Title").fill("A title")
    await page.get_by_label("Notes").fill(LONG)
    await until(lambda: held)
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("ééé", timeout=15_000)
    await page.unroute_all(behavior="ignoreErrors")


async def test_a_long_message_and_its_draft_are_waited_for_as_long_as_a_slow_line_takes(davi: Person) -> None:
    page = await davi.open("/chat/general")
    await page.evaluate(WATCH_PATIENCE)
    box = page.locator("message-composer textarea")
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.ok):
        await box.fill("é" * 8_000)  # 48,000 bytes
    async with page.expect_response(lambda answer: answer.url.endswith("/chat/general") and answer.ok):
        await box.press("Enter")
    assert len([ms for ms in await page.evaluate("patience") if ms > 32_000]) == 2


@pytest.mark.parametrize("status", [429, pytest.param(503, marks=pytest.mark.console("status of 503"))])
async def test_the_draft_of_a_message_that_is_not_taken_for_now_is_sent_again(davi: Person, status: int) -> None:
    page = await davi.open("/chat/general")
    draft = "**/chat/general/draft"
    await page.route(draft, lambda route: route.fulfill(status=status, headers={"x-page": "1"}), times=1)
    box = page.locator("message-composer textarea")
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.ok):
        await box.fill("Later")
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.ok):
        await box.fill("")
