"""What is pushed is put where it belongs by htmx: with no script but the first one it can be seen."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
from playwright.async_api import expect

from tests.conftest import Server


@pytest.mark.console("/static/")
async def test_with_every_module_blocked_what_is_pushed_can_be_seen(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.page.route("**/static/*/js/**", lambda route: route.abort())
    page = await ana.open("/c/books")

    async with aclosing(await shared_server.sign_in("acme", "bruno@acme.test")) as bruno:
        await bruno.post("/chat/general", data={"text": "Look here, @Ana", "key": "a toast"}, headers={"x-page": "1"})
        added = await bruno.post("/c/books/new", data={"title": "Seen all the same"})
        assert added.status_code == 303
        await expect(page.locator("tbody tr").last).to_contain_text("Seen all the same")
        await expect(page.locator("tbody tr").last).to_be_visible()
        await expect(page.locator("#toasts .toast")).to_contain_text("Bruno mentioned you in general")
        await expect(page.locator("#toasts .toast")).to_be_visible()
        await expect(page.get_by_role("region", name="Rooms").locator(".unread")).to_be_visible()

        page = await ana.open("/chat/general?at=end")
        last = page.locator("ol.messages > .message").last
        said = await bruno.post("/chat/general", data={"text": "Said all the same", "key": "a message"})
        assert said.status_code == 303
        await expect(last).to_contain_text("Said all the same")
        await expect(last).to_be_visible()
        await bruno.post(f"/chat/general/messages/{await last.get_attribute('data-number')}/delete")
        await expect(last).to_contain_text("Deleted by Bruno")
        await expect(last).to_be_visible()
