"""What an undo says that is refused, or whose answer is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.lines import say_lines
from tests.browser.pages import open_acts
from tests.browser.test_lost_answers import lose_answer_to
from tests.conftest import Person, Server

REFUSED = "It was already undone, has changed since, or was done more than 10 minutes ago."


async def delete(person: Person, number: int) -> Page:
    """Delete a book, and wait for the offer to undo that."""
    page = await person.open(f"/c/books/{number}")
    await open_acts(page)
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()
    return page


async def test_an_undo_whose_answer_was_lost_leads_to_what_was_undone(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await delete(ana, 14)
    ((offer,),) = server.store.rows("SELECT max(id) FROM undo_offer")
    undo = page.get_by_role("button", name="Undo")
    await lose_answer_to(server, page, f"/undo/{offer}", undo)
    await expect(page.get_by_role("link", name="Edit")).to_be_visible()
    await undo.click()
    await page.wait_for_url("**/c/books/14")
    await expect(undo).to_have_count(0)
    await expect(page.get_by_text(REFUSED)).to_have_count(0)


@pytest.mark.console("status of 409")
async def test_an_undo_that_comes_too_late_says_why_and_looks_like_no_success(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await delete(ana, 15)
    server.store.rows("UPDATE undo_offer SET taken_at = made_at")
    await page.get_by_role("button", name="Undo").click()
    toast = page.locator(".toast")
    await expect(toast.locator("p")).to_have_text(REFUSED)
    await expect(toast.get_by_role("button", name="Undo")).to_have_count(0)
    await expect(toast.get_by_role("button", name="Dismiss")).to_be_focused()
    await expect(toast.locator("use").first).to_have_attribute("href", re.compile(r"#circle-alert$"))


@pytest.mark.console("net::ERR_FAILED")
async def test_what_was_deleted_can_be_brought_back_without_the_script_that_makes_a_toast_of_it(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await say_lines(server, ["A line that stays"], "ana")
    page = await ana.open("/chat/general")
    await page.route("**/undo-offer.js", lambda route: route.abort())
    line = page.locator("ol.messages > .message", has_text="A line that stays")
    await line.hover()
    await line.locator("summary[aria-label='Delete message']").click()
    await line.get_by_role("button", name="Delete now").click()
    offer = page.locator("main > undo-offer")
    await expect(offer).to_be_visible()
    await expect(page.locator("[data-error]")).to_be_empty()
    await offer.get_by_role("button", name="Undo").click()
    await expect(line).to_be_visible()


async def test_an_offer_goes_when_what_it_would_bring_back_was_brought_back_another_way(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await delete(ana, 16)
    await page.locator("main").get_by_role("button", name="Restore").click()
    await expect(page.get_by_text("Record restored.")).to_be_visible()
    await expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    page = await delete(ana, 17)
    ((version,),) = server.store.rows("SELECT version FROM record WHERE number = 17 AND deleted_at IS NOT NULL")
    async with server.let_in("acme", "bruno@acme.test") as bruno:
        restored = await bruno.post("/c/books/bin/restore", data={"record": f"17:{version}"})
        assert restored.status_code == 303
        assert restored.headers["location"].endswith("done=restored-several")
    await expect(page.get_by_role("button", name="Undo")).to_have_count(0)
