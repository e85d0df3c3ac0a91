"""A browser that is kept for the next test has nothing of the one before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route

from tests.browsers import KeptBrowsers

ADDRESS = "http://kept.localhost/"
SCRIPTS = Path(__file__).parent.parent.parent / "app" / "static"


async def open_page(context: BrowserContext) -> Page:
    async def answer(route: Route) -> None:
        await route.fulfill(body="<title>Kept</title>", content_type="text/html")

    page = await context.new_page()
    await page.route(ADDRESS, answer)
    await page.goto(ADDRESS)
    return page


async def test_the_next_test_finds_nothing_in_it(browser: Browser) -> None:
    kept = KeptBrowsers(browser)
    context = await kept.take()
    page = await open_page(context)
    await context.add_cookies([{"name": "session", "value": "1", "url": ADDRESS}])
    await page.evaluate("sessionStorage.setItem('draft', 'Half a thought')")
    await page.evaluate("localStorage.setItem('recent', 'record-1')")
    await context.route(ADDRESS, lambda route: route.abort())
    await context.set_offline(True)
    await kept.give_back(context)
    assert await kept.take() is context
    (kept_alive,) = context.pages  # an empty tab, for its process
    assert kept_alive.url == "about:blank"
    await context.set_offline(True)
    assert context.pages == []
    await context.set_offline(False)
    page = await open_page(context)
    stored = await page.evaluate("[document.cookie, sessionStorage.length, localStorage.length]")
    assert [await page.evaluate("navigator.onLine"), *stored] == [True, "", 0, 0]
    await context.close()


@pytest.mark.parametrize("what", ["clock", "script", "closed"])
async def test_one_that_can_not_be_emptied_is_not_kept(browser: Browser, what: str) -> None:
    kept = KeptBrowsers(browser)
    context = await kept.take()
    page = await context.new_page()
    if what == "clock":
        await page.clock.install()
    elif what == "script":
        await context.add_init_script("window.changed = true")
    else:
        await context.close()
    await kept.give_back(context)
    assert kept.free == []
    assert context not in browser.contexts


def test_no_script_stores_anything_where_it_is_not_emptied() -> None:
    lasting = re.compile(r"indexedDB|\bcaches\.|serviceWorker")
    assert [path.name for path in SCRIPTS.rglob("*.js") if lasting.search(path.read_text())] == []
