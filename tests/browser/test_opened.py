"""What a reader has opened or closed stays so when its page fetches itself anew."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import REFRESH
from tests.conftest import Server


async def test_what_was_opened_stays_open_when_something_comes(server: Server, person: Any) -> None:
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno:
        await bruno.post("/chat/general", data={"text": "Have you seen this, @Ana?", "key": "opened-1"})
        ana = await person(server, "acme", "ana@acme.test")
        page = await ana.open("/notifications")
        groups = page.locator(".notifications > li")
        shown = groups.filter(has_text="general").locator("details")
        await shown.locator("summary").click()
        await expect(shown).to_have_attribute("open", "")
        before = await groups.count()
        await bruno.post("/announcements", data={"title": "Stocktaking", "text": "On Friday"})
        await expect(groups).to_have_count(before + 1)
        await expect(shown).to_have_attribute("open", "")
        await shown.locator("summary").click()
        await page.evaluate(REFRESH)
        await expect(shown).not_to_have_attribute("open", "")
        for number in (3, 4, 5):
            await bruno.post(f"/c/books/{number}/delete", data={"version": "1"})
        await ana.open("/audit")
        run = page.locator(".audit details").first
        await run.locator("summary").click()
        await expect(run.locator("ol")).to_be_visible()
        account = page.locator("details.person")
        await account.locator("summary").click()
        await page.evaluate(REFRESH)
        await expect(account).to_have_attribute("open", "")
        await expect(run.locator("ol")).to_be_visible()
