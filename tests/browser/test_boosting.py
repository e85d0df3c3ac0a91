"""Links and forms are made ready as they are used: a page that comes is not gone through for all of them, and each that
is used leads on within the page, wherever it came from."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.browser.pages import REFRESH, assert_equals_a_fresh_load, ready
from tests.conftest import Server

COUNT = """() => {
  window.made = [];
  document.addEventListener("htmx:after:init", ({ target }) => window.made.push(target.localName));
}"""


async def made_ready(page: Page) -> list[str]:
    """What was made ready since it is counted, in the same document."""
    return list(await page.evaluate("window.made"))


async def test_of_pages_that_come_only_what_is_used_is_made_ready(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/")
    await page.evaluate(COUNT)
    await page.locator(".side").get_by_role("link", name="Books").click()
    rows = page.locator("record-list tbody tr")
    await expect(rows.nth(20)).to_be_visible()
    await rows.first.get_by_role("link").first.click()
    await expect(page.locator("#main .record h1")).to_be_visible()
    await page.go_back()
    await expect(rows.nth(20)).to_be_visible()
    assert await made_ready(page) == ["a", "a"]
    search = page.locator("#main input[type=search]")
    await search.fill("the")
    await search.press("Enter")
    await expect(page).to_have_url(f"{ana.origin}/c/books?q=the")
    assert await made_ready(page) == ["a", "a", "form"]
    await ready(page)
    await assert_equals_a_fresh_load(page)


async def test_what_was_pushed_or_brought_anew_leads_on_within_the_page(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    await page.evaluate(COUNT)
    carla = await shared_server.sign_in("acme", "carla@acme.test")
    await carla.post("/c/books/new", data={"title": "Aaa was pushed"})
    link = page.get_by_role("link", name="Aaa was pushed")
    await link.click()
    await expect(page.get_by_role("heading", name="Aaa was pushed")).to_be_visible()
    await page.go_back()
    await expect(link).to_be_visible()
    await ready(page)
    await page.evaluate(REFRESH)
    await link.click()
    await expect(page.get_by_role("heading", name="Aaa was pushed")).to_be_visible()
    assert await made_ready(page) == ["a", "a"]
    await carla.aclose()


async def test_what_is_left_to_the_browser_stays_so(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/audit")
    await page.evaluate(COUNT)
    async with page.expect_download():
        await page.get_by_role("link", name="Export CSV").click()
    await page.goto(ana.origin + "/c/books")
    await page.evaluate(COUNT)
    await page.locator("details:has(> .panel #export) > summary").click()
    await page.locator("#export > summary").click()
    async with page.expect_download():
        await page.locator("#export").get_by_role("link", name="CSV").click()
    assert await made_ready(page) == []


async def test_with_alt_a_link_is_the_browsers(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/")
    await page.evaluate(COUNT)
    books = page.locator(".side").get_by_role("link", name="Books")
    async with page.expect_download():  # which is what Chromium does
        await books.click(modifiers=["Alt"])
    assert page.url == f"{ana.origin}/"
    await books.click()
    await expect(page.get_by_role("heading", name="Books", level=1)).to_be_visible()
