"""A rolling restart, seen from a page: nothing."""

from __future__ import annotations

import signal
from contextlib import aclosing
from typing import Any

from playwright.async_api import expect

from tests.conftest import Server
from tests.waiting import until

NOTE = """() => {
  window.states = [];
  new MutationObserver(() => window.states.push({ ...document.documentElement.dataset }))
    .observe(document.documentElement, { attributes: true });
}"""


async def test_a_page_is_led_to_another_worker_without_a_word(several: Server, person: Any) -> None:
    ana = await person(several, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    await page.evaluate(NOTE)
    assert several.process is not None
    several.process.send_signal(signal.SIGHUP)
    await until(lambda: several.log.count("a worker was replaced") == 2, seconds=90)
    await page.locator("html[data-ready=yes]").wait_for(state="attached")
    async with aclosing(await several.sign_in("acme", "bruno@acme.test")) as bruno:
        assert (await bruno.post("/c/books/new", data={"title": "After the restart"})).status_code == 303
    await expect(page.get_by_text("After the restart")).to_be_visible()
    states = await page.evaluate("window.states")
    assert any(state["ready"] == "no" for state in states), "the page was not sent away"
    assert not any("lost" in state or "back" in state for state in states)
    assert await page.evaluate("performance.getEntriesByType('navigation')[0].type") == "navigate"


async def test_a_server_that_does_not_come_back_is_said(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    server.stop()
    await expect(page.get_by_text("Offline.")).to_be_visible()
    server.start()
    await expect(page.get_by_text("Offline.")).to_be_hidden(timeout=15000)
