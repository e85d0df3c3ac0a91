"""What one has asked for says that it is on its way."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Route, expect

from tests.conftest import Server

SHOWN = "getComputedStyle(document.body, '::after').animationName"


async def test_a_page_that_takes_long_says_that_it_is_on_its_way(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/")
    going_on = asyncio.Event()

    async def wait(route: Route) -> None:
        await going_on.wait()
        await route.continue_()

    await page.route("**/c/books", wait)
    assert await page.evaluate(SHOWN) == "none"
    await page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Books").click()
    await expect(page.locator(".htmx-request")).to_have_count(1)
    assert await page.evaluate(SHOWN) == "on-its-way"
    going_on.set()
    await expect(page.get_by_role("heading", name="Books", level=1)).to_be_visible()
    await expect(page.locator(".htmx-request")).to_have_count(0)
    assert await page.evaluate(SHOWN) == "none"
