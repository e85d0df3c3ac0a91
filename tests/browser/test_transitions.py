"""From a list to a record and back its name goes along, where motion is wanted; the page comes either way."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from app.web.assets import static_url
from tests.browser.pages import ready
from tests.conftest import Server

COUNT = """
  window.begun = [];
  const begin = document.startViewTransition?.bind(document);
  document.startViewTransition = (change) => {
    const named = (each) => each.style.viewTransitionName && each.localName;
    window.begun.push([...document.querySelectorAll("a, h1")].map(named).filter(Boolean).join());
    return begin(change);
  };
"""
# How long answers take, whatever the machine does meanwhile.
SOON, LATE = "performance.now = () => 0;", "let now = 0; performance.now = () => now += 1000;"
# How long a processor takes until it asks.
BUSY = "performance.now = () => window.event?.type === 'htmx:config:request' ? 1e9 : 0;"


@pytest.mark.parametrize(
    ("motion", "clock", "begun"),
    [
        ("no-preference", SOON, ["a", "h1"]),
        ("reduce", SOON, []),
        ("no-preference", LATE, []),
        ("no-preference", BUSY, []),
    ],
    ids=["soon", "soon without motion", "late", "busy"],
)
async def test_the_name_of_a_record_goes_along_where_motion_is_wanted_and_the_page_comes_soon(
    shared_server: Server, person: Any, motion: str, clock: str, begun: list[str]
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", reduced_motion=motion)
    await ana.page.add_init_script(COUNT + clock)
    page = await ana.open("/c/books")
    await page.evaluate(f"import('{static_url('js/transitions.js')}')")
    await page.locator("record-list").get_by_role("link", name="Dom Casmurro").click()
    await expect(page.get_by_role("heading", name="Dom Casmurro", level=1)).to_be_visible()
    await ready(page)
    await page.locator(".breadcrumb").get_by_role("link", name="Books").click()
    await expect(page.get_by_role("heading", name="Books", level=1)).to_be_visible()
    await ready(page)
    await page.locator(".side").get_by_role("link", name="general").click()
    await expect(page.locator("#composer-text")).to_be_visible()
    assert await page.evaluate("window.begun") == begun
    await expect(page.locator("[style*=view-transition-name]")).to_have_count(0)
