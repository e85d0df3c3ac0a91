"""A link or form that gets no answer leaves the page as it is, and says so."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.conftest import Server


@pytest.mark.console("status of 503")
async def test_a_server_that_can_not_answer_is_said_and_nothing_is_lost(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/announcements")
    await page.get_by_label("Title").fill("Stocktaking")

    async def fail(route: Route) -> None:
        if route.request.resource_type == "fetch":
            await route.fulfill(status=503, headers={"retry-after": "3"}, body="Restarting", content_type="text/html")
        else:
            await route.continue_()

    await page.get_by_label("Text").fill("On Friday")
    for control in (page.get_by_role("link", name="Books").first, page.get_by_role("button", name="Announce")):
        await page.route("**/*", fail)
        await control.click()
        toast = page.locator("#toasts .toast")
        await expect(toast).to_contain_text("The server could not answer just now.")
        await expect(toast).to_have_count(1)
        await expect(page.get_by_label("Title")).to_have_value("Stocktaking")
        assert page.url == f"{ana.origin}/announcements"
        await page.unroute_all()
        await toast.get_by_role("button", name="Dismiss").click()
        await expect(toast).to_have_count(0)


async def test_a_link_without_a_network_is_said(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/announcements")
    await page.get_by_label("Title").fill("Stocktaking")
    await ana.context.set_offline(True)
    await page.get_by_role("link", name="Books").first.click()
    await expect(page.locator("#toasts .toast")).to_contain_text("There is no connection to the server.")
    await expect(page.get_by_label("Title")).to_have_value("Stocktaking")
    assert page.url == f"{ana.origin}/announcements"
