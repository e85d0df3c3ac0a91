"""What is pushed about a lock is spoken once by screen readers, and not with each renewal or second."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.browser.pages import ready
from tests.conftest import Server

BOOK = "/c/books/40"
# What changes in a region that is read out, but for what says itself that it is not.
LISTEN = """() => {
  window.spoken = [];
  const near = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest("[role], [aria-live]");
  const regionOf = (node) => {
    let each = near(node);
    while (each && !each.matches("[aria-live], [role=status], [role=alert], [role=timer], [role=log]")) {
      each = each.parentElement && near(each.parentElement);
    }
    return each && !each.matches("[aria-live=off], [role=timer]:not([aria-live])") ? each : null;
  };
  new MutationObserver((changes) => {
    const heard = new Set(changes.filter(({ type, addedNodes }) => type !== "childList" || addedNodes.length)
      .map(({ target }) => regionOf(target)).filter((region) => region?.innerText.trim()));
    for (const region of heard) window.spoken.push(region.innerText.trim().replace(/\\s+/g, " "));
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


async def said_of(page: Page, name: str) -> list[str]:
    return [text for text in await page.evaluate("window.spoken") if name in text]


async def test_a_lock_is_spoken_once_however_often_it_is_renewed(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    carla = await shared_server.sign_in("acme", "carla@acme.test")
    davi = await shared_server.sign_in("acme", "davi@acme.test")
    page = await ana.open(BOOK)
    await page.clock.install()
    await ready(page)
    await page.evaluate(LISTEN)

    visit = {"sec-fetch-dest": "document", "sec-fetch-site": "same-origin"}
    opened = await carla.get(f"{BOOK}/edit", headers=visit)
    proof = re.search(r'id="record-form".*?name="lock-token" value="([^"]+)"', opened.text, re.DOTALL)
    assert proof
    await expect(page.locator(".lock .banner")).to_be_visible()
    for _ in range(3):
        renewed = await carla.post(f"{BOOK}/lock/renew", data={"lock-token": proof[1], "version": "1"})
        assert renewed.status_code in (200, 204)
    # Who asks changes how the row stands, and so the banner is pushed again.
    assert (await davi.get(f"{BOOK}/edit", headers=visit)).status_code == 200
    assert (await davi.post(f"{BOOK}/lock/ask")).status_code == 303
    await page.clock.run_for(40_000)
    assert len(await said_of(page, "Carla")) == 1

    # One's own place in line is spoken when it changes, and its seconds are not.
    await page.evaluate("window.spoken = []")
    await page.get_by_role("button", name="Ask to edit").click()
    await expect(page.locator(".standing .notice")).to_be_visible()
    before = len(await page.evaluate("window.spoken"))
    await page.clock.run_for(5_000)
    assert len(await page.evaluate("window.spoken")) == before

    released = await carla.post(f"{BOOK}/lock/release", data={"lock-token": proof[1]})
    assert released.status_code == 303
    for client in (carla, davi):
        await client.aclose()
