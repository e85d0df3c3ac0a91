"""Taking records out, as one does it: from the list's menu, and on paper."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from app.accounts.members import find_member
from app.features import open_database
from app.records.adding import create_records
from app.records.collections import create_collection
from app.records.definitions import add_field
from tests.conftest import Server

# Texts that are seen on paper, and those that are not.
SEEN = """(selectors) => Object.fromEntries(selectors.map((selector) => [
  selector, [...document.querySelectorAll(selector)].some((each) => each.checkVisibility()),
]))"""
CHROME = [
    ".bar",
    ".side",
    ".toolbar",
    ".head .end",
    ".ticked",
    ".tick",
    ".signs",
    ".discussion",
    "aside",
    "main form button",
]


@pytest.mark.sqlite
async def test_the_menu_of_a_list_exports_what_it_shows_also_by_keyboard_on_a_phone(
    shared_server: Server, person: Any
) -> None:
    carla = await person(shared_server, "acme", "carla@acme.test", viewport={"width": 390, "height": 800})
    page = await carla.open("/c/books?q=machado&sort=-f3")
    await page.get_by_label("More", exact=True).focus()
    await page.keyboard.press("Enter")
    for _ in range(2):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    group = page.locator("details.group")
    links = group.get_by_role("link")
    assert [await links.nth(n).get_attribute("href") for n in range(3)] == [
        f"/c/books/export.{name}?q=machado&sort=-f3" for name in ("csv", "xlsx", "json")
    ]
    boxes = [await links.nth(n).bounding_box() for n in range(3)]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    await page.keyboard.press("Tab")
    async with page.expect_download() as started:
        await page.keyboard.press("Enter")
    download = await started.value
    assert download.suggested_filename.startswith("books-")
    assert (await download.path()).read_text("utf-8-sig").splitlines()[1].startswith("40,Dom Casmurro,")
    assert page.url.endswith("/c/books?q=machado&sort=-f3"), "the page stays"
    await page.keyboard.press("Escape")
    assert not await group.is_visible()


@pytest.fixture(scope="module")
async def long(shared_server: Server) -> str:
    """A collection of more records than are exported at once without a word."""
    database = open_database(shared_server.store.url)
    async with database.write(1) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana
        collection = await create_collection(transaction, name="Long", slug="long")
        await add_field(transaction, collection, label="Name", kind_name="text")
        await create_records(transaction, collection, [{"name": f"N{n}"} for n in range(2001)], ana)
    await database.close()
    return "/c/long"


@pytest.mark.sqlite
async def test_a_long_export_says_how_far_it_is_and_is_saved_when_it_is_whole(
    shared_server: Server, person: Any, long: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open(long)
    await page.get_by_label("More", exact=True).click()
    await page.locator("details.group summary").click()
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Excel").click()
    download = await started.value
    assert download.suggested_filename.startswith("long-")
    assert (await download.path()).read_bytes().startswith(b"PK")
    toast = page.locator("#toasts page-toast")
    await expect(toast).to_contain_text("Export: Excel The file is ready; your browser is saving it.")
    assert page.url.endswith(long), "the page stays"
    await toast.get_by_role("button", name="Dismiss").click()
    await expect(toast).to_have_count(0)


@pytest.mark.sqlite
async def test_a_long_export_can_be_cancelled_and_one_that_is_cut_off_says_so(
    shared_server: Server, person: Any, long: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": 390, "height": 800})
    page = await ana.open(long)
    asked: asyncio.Queue[Any] = asyncio.Queue()
    await page.route("**/export.csv", asked.put)  # it stands still
    toast = page.locator("#toasts page-toast")

    async def begin() -> Any:
        await page.get_by_label("More", exact=True).click()
        if not await page.locator("details.group[open]").count():
            await page.locator("details.group summary").click()
        await page.get_by_role("link", name="CSV").click()
        return await asked.get()

    await begin()
    await expect(toast.get_by_role("button", name="Cancel")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(toast).to_have_count(0)
    body = "2001\n500\n"
    await (await begin()).fulfill(body=body, headers={"x-page": "1", "content-type": "text/plain"})
    await expect(toast).to_contain_text("The export failed. Try again.")
    await toast.get_by_role("button", name="Dismiss").click()
    await (await begin()).abort()
    await expect(toast).to_contain_text("The export failed. Try again.")


@pytest.mark.sqlite
async def test_a_list_and_a_record_on_paper_are_what_one_hands_out(shared_server: Server, person: Any) -> None:
    """A sheet is narrower than the screens on which some columns are left out."""
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": 650, "height": 900})
    page = await ana.open("/c/books?q=o")
    assert not await page.locator("td.hide").first.is_visible()
    await page.emulate_media(media="print")
    seen = await page.evaluate(SEEN, [*CHROME, "h1", "th a", "td.title", "td.hide", ".print-only"])
    assert [selector for selector in CHROME if seen[selector]] == []
    assert all(seen[selector] for selector in ("h1", "th a", "td.title", "td.hide", ".print-only"))
    style = "getComputedStyle(document.querySelector('thead')).display"
    assert await page.evaluate(style) == "table-header-group"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.emulate_media(media="screen")
    await ana.open("/c/books/40")
    await page.emulate_media(media="print")
    seen = await page.evaluate(SEEN, [*CHROME, "h1", "dl.fields dd"])
    assert [selector for selector in seen if seen[selector]] == ["h1", "dl.fields dd"]
