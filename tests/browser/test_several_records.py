"""Several records at once, as one ticks them: what is going on is said, and the bin gives back what is ticked."""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Route, expect

from tests.conftest import Server


async def test_deleting_fifty_says_that_it_goes_on_and_the_bin_restores_them(server: Server, person: Any) -> None:
    client = server.let_in("acme", "ana@acme.test")
    for number in range(10):
        await client.post("/c/books/new", data={"title": f"Book {number}"})
    await client.aclose()
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books")
    arrived, answered = asyncio.Event(), asyncio.Event()

    async def hold_back(route: Route) -> None:
        arrived.set()
        await answered.wait()
        await route.fallback()

    await page.route("**/c/books/delete", hold_back)
    await page.get_by_label("Select all on this page").check()
    await expect(page.get_by_text("50 selected")).to_be_visible()
    await page.get_by_role("button", name="Delete selected").click()
    await arrived.wait()
    await expect(page.get_by_role("button", name="Deleting…")).to_be_disabled()
    answered.set()
    await expect(page.locator("#count")).to_have_text("2")

    page = await carla.open("/c/books/bin")
    await expect(page.get_by_role("button", name="Restore selected")).to_be_hidden()
    await page.get_by_label("Select all on this page").check()
    await page.get_by_role("button", name="Restore selected").click()
    await expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    page = await carla.open("/c/books")
    await expect(page.locator("#count")).to_have_text("52")
